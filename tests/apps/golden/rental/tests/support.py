"""What the tests share: people, a clock that moves, a check for problems."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import jwt
from fastapi.testclient import TestClient
from pydantic import SecretStr
from sqlalchemy.orm import Session

from app.core import clock
from app.core.config import Settings
from app.core.passwords import UNUSABLE, Passwords
from app.core.tokens import AccessToken, issue_access_token
from app.models.user import User
from app.models.user_session import UserSession
from app.policy import LOWEST_ROLE, Role

PASSWORD = "seven green boats"
API = "/api/v1"


def make_settings(database_url: str, **changes: Any) -> Settings:
    values: dict[str, Any] = {
        "app_env": "test",
        "database_url": database_url,
        "secret_key": SecretStr("test-key-0123456789-abcdefghijklmnopq"),
        "registration_open": True,
        "argon2_time_cost": 1,
        "argon2_memory_kib": 8,
    }
    return Settings(_env_file=None, **(values | changes))


@dataclass(frozen=True)
class Actor:
    """Somebody who is logged in."""

    id: UUID
    email: str
    headers: dict[str, str]
    refresh_token: str
    session_id: UUID


class MovableClock:
    """A clock that stands still until a test moves it."""

    def __init__(self) -> None:
        self.present = datetime.now(UTC).replace(microsecond=0)

    def now(self) -> datetime:
        return self.present

    def advance(self, **parts: float) -> None:
        self.present += timedelta(**parts)


def add_user(
    session: Session,
    email: str,
    role: Role = LOWEST_ROLE,
    *,
    full_name: str = "Some Body",
    is_active: bool = True,
) -> User:
    passwords = Passwords(make_settings("sqlite://"))
    row = User(
        email=email,
        full_name=full_name,
        role=role,
        is_active=is_active,
        password_hash=passwords.hash(PASSWORD),
    )
    session.add(row)
    session.commit()
    return row


def log_in(client: TestClient, row: User, password: str = PASSWORD) -> Actor:
    answer = client.post(f"{API}/auth/login", json={"email": row.email, "password": password})
    assert answer.status_code == 200, answer.text
    body = answer.json()
    claims = jwt.decode(body["access_token"], options={"verify_signature": False})
    return Actor(
        id=row.id,
        email=row.email,
        headers={"Authorization": f"Bearer {body['access_token']}"},
        refresh_token=body["refresh_token"],
        session_id=UUID(claims["sid"]),
    )


def sign_in(session: Session, settings: Settings, email: str, role: Role) -> Actor:
    """Open the session of a new account without the way through the login, which takes its time."""
    row = User(
        email=email, full_name="Some Body", role=role, is_active=True, password_hash=UNUSABLE
    )
    session.add(row)
    session.flush()
    now = clock.now()
    user_session = UserSession(
        user_id=row.id,
        ip_address="",
        user_agent="",
        last_used_at=now,
        expires_at=now + timedelta(days=1),
    )
    session.add(user_session)
    session.commit()
    token = issue_access_token(settings, AccessToken(row.id, user_session.id))
    return Actor(
        id=row.id,
        email=email,
        headers={"Authorization": f"Bearer {token}"},
        refresh_token="",
        session_id=user_session.id,
    )


def assert_problem(answer: Any, status: int, code: str | None = None) -> dict[str, Any]:
    """Check the form of an error (RFC 9457) and return it."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert problem["status"] == status
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert {"type", "title", "detail", "code", "errors"} <= problem.keys()
    if code is not None:
        assert problem["code"] == code
    return problem
