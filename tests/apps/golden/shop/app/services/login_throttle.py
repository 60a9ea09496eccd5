"""Limits on guessing: attempts are counted before the password is looked at."""

import hashlib
from datetime import timedelta

from sqlalchemy import CursorResult, and_, case, delete, not_, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.core import clock
from app.core.errors import TooManyRequestsError
from app.models.login_throttle import LoginThrottle


def throttle_key(kind: str, name: str) -> str:
    """Name a counter. The fingerprint keeps e-mail and network addresses out of the table."""
    return hashlib.sha256(f"{kind}:{name}".encode()).hexdigest()


def charge(session: Session, key: str, limit: int, window: timedelta) -> None:
    """Count one attempt and commit.

    Counting first means that a hundred guesses sent at once are a hundred attempts. The last one
    that is allowed begins the window anew, so that the lock is as long as the window.

    Raises:
        TooManyRequestsError: the limit is used up; it names the seconds to wait.
    """
    now = clock.now()
    running = LoginThrottle.window_started_at > now - window
    counts = and_(running, LoginThrottle.attempts < limit - 1)
    statement = (
        update(LoginThrottle)
        .where(LoginThrottle.key == key, not_(and_(running, LoginThrottle.attempts >= limit)))
        .values(
            attempts=case((running, LoginThrottle.attempts + 1), else_=1),
            window_started_at=case((counts, LoginThrottle.window_started_at), else_=now),
        )
        .execution_options(synchronize_session=False)
    )
    result = session.execute(statement)
    assert isinstance(result, CursorResult)  # noqa: S101 - narrows the type; an UPDATE has a count
    if result.rowcount == 0:
        row = session.get(LoginThrottle, key, populate_existing=True)
        if row is not None:
            wait = row.window_started_at + window - now
            session.rollback()
            raise TooManyRequestsError(
                "Too many attempts; wait before the next one.",
                retry_after_seconds=int(wait.total_seconds()) + 1,
            )
        session.add(LoginThrottle(key=key, attempts=1, window_started_at=now))
    try:
        session.commit()
    except IntegrityError:
        # Another request inserted the row between the update and this insert.
        session.rollback()
        charge(session, key, limit, window)


def refund(session: Session, key: str) -> None:
    """Take one attempt back. The caller commits."""
    session.execute(
        update(LoginThrottle)
        .where(LoginThrottle.key == key, LoginThrottle.attempts > 0)
        .values(attempts=LoginThrottle.attempts - 1)
        .execution_options(synchronize_session=False)
    )


def clear(session: Session, key: str) -> None:
    """Forget a counter. The caller commits."""
    session.execute(
        delete(LoginThrottle)
        .where(LoginThrottle.key == key)
        .execution_options(synchronize_session=False)
    )
