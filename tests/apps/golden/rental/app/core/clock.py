"""The one place that reads the clock, so that a test can move it."""

from datetime import UTC, datetime


def now() -> datetime:
    """Return the present moment, timezone-aware and in UTC."""
    return datetime.now(UTC)
