"""Deletes what has no use any more; run it once a day."""

from datetime import timedelta

from sqlalchemy import CursorResult, delete, or_
from sqlalchemy.orm import Session

from app.core import clock
from app.db.session import transaction
from app.models.login_throttle import LoginThrottle
from app.models.user_session import UserSession


def purge(session: Session, keep: timedelta) -> int:
    """Delete ended sessions, with their tokens, and idle counters; return how many rows.

    `keep` is how long they stay after their end: until then a user can see where they were
    logged in, and a refresh token that comes back is still recognised.
    """
    limit = clock.now() - keep
    statements = (
        delete(UserSession).where(
            or_(UserSession.expires_at < limit, UserSession.revoked_at < limit)
        ),
        delete(LoginThrottle).where(LoginThrottle.window_started_at < limit),
    )
    deleted = 0
    with transaction(session):
        for statement in statements:
            result = session.execute(statement.execution_options(synchronize_session=False))
            assert isinstance(result, CursorResult)  # noqa: S101 - narrows the type
            deleted += result.rowcount
    return deleted
