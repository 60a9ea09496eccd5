"""What the database refuses, whatever the application does."""

from datetime import datetime
from uuid import uuid4

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError, StatementError
from sqlalchemy.orm import Session

from app.core import clock
from app.core.errors import ConflictError
from app.db.session import transaction
from app.models.login_throttle import LoginThrottle
from app.models.refresh_token import RefreshToken
from app.models.user import User
from app.models.user_session import UserSession
from app.policy import Role
from tests.support import MovableClock, add_user


def make_user(**changes: object) -> User:
    values: dict[str, object] = {
        "email": "user@example.com",
        "full_name": "Some Body",
        "role": Role.CUSTOMER,
        "is_active": True,
        "password_hash": "!",
    }
    return User(**(values | changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"email": "User@example.com"},
        {"email": ""},
        {"full_name": ""},
        {"full_name": None},
        {"role": None},
        {"password_hash": None},
    ],
)
def test_user_is_refused(session: Session, changes: dict[str, object]) -> None:
    session.add(make_user(**changes))

    with pytest.raises(IntegrityError):
        session.commit()


def test_unknown_role_is_refused(session: Session) -> None:
    add_user(session, "user@example.com")

    with pytest.raises(IntegrityError):
        session.execute(text("UPDATE users SET role = 'owner'"))


def test_negative_counter_is_refused(session: Session) -> None:
    session.add(LoginThrottle(key="x", attempts=-1, window_started_at=clock.now()))

    with pytest.raises(IntegrityError):
        session.commit()


def test_session_of_nobody_is_a_conflict(session: Session) -> None:
    row = UserSession(
        user_id=uuid4(),
        ip_address="",
        user_agent="",
        last_used_at=clock.now(),
        expires_at=clock.now(),
    )

    with pytest.raises(ConflictError, match="refers to a record"), transaction(session):
        session.add(row)


def test_taken_value_is_a_conflict_that_names_the_field(session: Session) -> None:
    add_user(session, "user@example.com")

    with pytest.raises(ConflictError) as caught, transaction(session):
        session.add(make_user())

    assert caught.value.errors[0].field == "body.email"


def test_broken_rule_is_a_conflict(session: Session) -> None:
    with pytest.raises(ConflictError, match="contradicts a rule"), transaction(session):
        session.add(make_user(full_name=""))


def test_failed_transaction_leaves_nothing(session: Session) -> None:
    def fail_half_way() -> None:
        with transaction(session):
            session.add(make_user())
            session.flush()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_half_way()

    assert session.scalars(select(User)).all() == []


def test_deleting_a_user_deletes_sessions_and_tokens(session: Session) -> None:
    user = add_user(session, "user@example.com")
    row = UserSession(
        user_id=user.id,
        ip_address="",
        user_agent="",
        last_used_at=clock.now(),
        expires_at=clock.now(),
    )
    session.add(row)
    session.flush()
    session.add(RefreshToken(user_session_id=row.id, fingerprint="x", expires_at=clock.now()))
    session.commit()

    session.delete(user)
    session.commit()

    assert session.scalars(select(UserSession)).all() == []
    assert session.scalars(select(RefreshToken)).all() == []


def test_times_come_back_in_utc(session: Session, time: MovableClock) -> None:
    user = add_user(session, "user@example.com")
    session.expire(user)

    assert user.created_at == time.present
    assert user.created_at.utcoffset() is not None


def test_change_moves_updated_at_alone(session: Session, time: MovableClock) -> None:
    user = add_user(session, "user@example.com")
    created = user.created_at
    time.advance(minutes=1)

    user.full_name = "Other Name"
    session.commit()

    assert (user.created_at, user.updated_at) == (created, time.present)


def test_time_without_zone_is_refused(session: Session) -> None:
    naive = datetime(2030, 1, 1)  # noqa: DTZ001 - the mistake under test
    session.add(make_user(last_login_at=naive))

    with pytest.raises(StatementError, match="has no time zone"):
        session.commit()
