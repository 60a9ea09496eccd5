"""What the headers of an answer say: request id, rate limits, how long to wait."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from qlf.llm.reply import RateReport

__all__ = ["duration_seconds", "rate_report", "request_id", "retry_after_seconds"]

_LONGEST_WAIT = 86_400.0
_UNITS = {"d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_PART = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(ms|d|h|m|s)")
_NUMBER = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?")
_COUNT = re.compile(r"[0-9]{1,15}")
_ID = re.compile(r"[\x21-\x7e]{1,128}")
_IDS = ("x-request-id", "apim-request-id", "x-ms-request-id", "x-amzn-requestid")

Headers = Mapping[str, str]
"""Case-insensitive, as HTTP clients give them."""


def duration_seconds(text: str) -> float | None:
    """Seconds of `1s`, `6m0s`, `20ms`, `1h2m3.5s` or a bare number of seconds; `None` for anything else."""
    text = text.strip()
    if _NUMBER.fullmatch(text):
        return min(float(text), _LONGEST_WAIT)
    total, end = 0.0, 0
    for part in _PART.finditer(text):
        if part.start() != end:
            return None
        end = part.end()
        total += float(part[1]) * _UNITS[part[2]]
    return min(total, _LONGEST_WAIT) if end and end == len(text) else None


def _from_date(text: str, reference: str | None) -> float | None:
    """Seconds until an HTTP-date (RFC 9110, 5.6.7), by the server's own clock when it told it."""
    try:
        moment = parsedate_to_datetime(text).timestamp()
        now = parsedate_to_datetime(reference).timestamp() if reference else time.time()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    return min(max(moment - now, 0.0), _LONGEST_WAIT)


def retry_after_seconds(headers: Headers) -> float | None:
    """How long the provider asks to wait: `retry-after-ms`, or `Retry-After` (RFC 9110, 10.2.3)."""
    milliseconds = headers.get("retry-after-ms")
    if milliseconds is not None and _NUMBER.fullmatch(milliseconds.strip()):
        return min(float(milliseconds) / 1000.0, _LONGEST_WAIT)
    after = headers.get("retry-after")
    if after is None:
        return None
    seconds = duration_seconds(after)
    return seconds if seconds is not None else _from_date(after, headers.get("date"))


def _count(text: str | None) -> int | None:
    """A whole number that is not negative. Providers send -1 where they do not know."""
    return int(text) if text is not None and _COUNT.fullmatch(text) else None


def _reset(text: str | None) -> float | None:
    seconds = duration_seconds(text) if text is not None else None
    return seconds if seconds is not None and math.isfinite(seconds) else None


def rate_report(headers: Headers) -> RateReport:
    """The limits and what is left of them. A limit of 0, and what is left of one, count as unknown."""
    found: dict[str, tuple[int | None, int | None, float | None]] = {}
    for what in ("requests", "tokens"):
        limit_text = headers.get(f"x-ratelimit-limit-{what}")
        left = _count(headers.get(f"x-ratelimit-remaining-{what}"))
        limit = _count(limit_text) or None
        if left == 0 and limit is None:
            left = None
        found[what] = (limit, left, _reset(headers.get(f"x-ratelimit-reset-{what}")))
    return RateReport(*found["requests"], *found["tokens"])


def request_id(headers: Headers) -> str:
    """The provider's id of the request; empty where it gave none that is safe to show."""
    for name in _IDS:
        value = headers.get(name)
        if value is not None and _ID.fullmatch(value):
            return value
    return ""
