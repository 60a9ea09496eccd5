"""The command line: administrators, seed data, cleaning up."""

import io
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.cli import main
from app.core.config import Settings
from app.core.passwords import UNUSABLE
from app.models.login_throttle import LoginThrottle
from app.models.user import User
from app.models.user_session import UserSession
from app.policy import Role
from tests.support import API, PASSWORD, MovableClock, add_user, assert_problem


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch, database_url: str, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("APP_ENV", "test")
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("SECRET_KEY", "test-key-0123456789-abcdefghijklmnopq")
    monkeypatch.setenv("ARGON2_TIME_COST", "1")
    monkeypatch.setenv("ARGON2_MEMORY_KIB", "8")
    monkeypatch.delenv("APP_ADMIN_PASSWORD", raising=False)


def test_create_admin_reads_the_password_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, client: TestClient
) -> None:
    monkeypatch.setenv("APP_ADMIN_PASSWORD", PASSWORD)

    assert main(["create-admin", "--email", "Root@Example.com"]) == 0

    body = {"email": "root@example.com", "password": PASSWORD}
    assert client.post(f"{API}/auth/login", json=body).status_code == 200


def test_create_admin_reads_the_password_from_standard_input(
    monkeypatch: pytest.MonkeyPatch, session: Session
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{PASSWORD}\n"))

    assert main(["create-admin", "--email", "root@example.com"]) == 0

    assert session.scalars(select(User)).one().role is Role.ADMIN


def test_create_admin_does_not_show_the_password_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch, session: Session
) -> None:
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr("sys.stdin", terminal)
    monkeypatch.setattr("getpass.getpass", lambda _prompt: PASSWORD)

    assert main(["create-admin", "--email", "root@example.com"]) == 0

    assert session.scalars(select(User)).one().role is Role.ADMIN


@pytest.mark.parametrize(
    ("email", "password", "reason"),
    [
        ("root@example.com", "short", "password:"),
        ("root@example.com", "", "password:"),
        ("root@example.com", "password12345", "first an attacker tries"),
        ("nobody", PASSWORD, "email:"),
    ],
)
def test_create_admin_refuses(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    email: str,
    password: str,
    reason: str,
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{password}\n"))

    assert main(["create-admin", "--email", email]) == 1

    assert reason in capsys.readouterr().err


def test_create_admin_twice_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("APP_ADMIN_PASSWORD", PASSWORD)
    main(["create-admin", "--email", "root@example.com"])

    assert main(["create-admin", "--email", "root@example.com"]) == 1

    assert "taken" in capsys.readouterr().err


def test_missing_settings_are_explained(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("SECRET_KEY")

    assert main(["migrate"]) == 1

    assert "SECRET_KEY is not set" in capsys.readouterr().err


def test_migrate_works_on_an_empty_database(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/empty.db")

    assert main(["migrate"]) == 0
    assert main(["migrate"]) == 0


def test_seed_is_the_same_every_time(session: Session) -> None:
    assert main(["seed", "--count", "5"]) == 0
    first = [(user.id, user.email) for user in session.scalars(select(User).order_by(User.email))]

    assert main(["seed", "--count", "5"]) == 0

    again = [(user.id, user.email) for user in session.scalars(select(User).order_by(User.email))]
    assert first == again
    assert len(first) == 5
    assert str(first[0][0]) == "6934bb87-72f5-54c5-ab39-7877e9deb18d"


def test_seed_makes_nobody_who_can_log_in(session: Session, client: TestClient) -> None:
    main(["seed", "--count", "5"])

    users = session.scalars(select(User)).all()
    assert {user.password_hash for user in users} == {UNUSABLE}
    assert Role.ADMIN not in {user.role for user in users}
    body = {"email": users[0].email, "password": UNUSABLE}
    assert_problem(client.post(f"{API}/auth/login", json=body), 401)


def test_seed_is_refused_in_production(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("APP_ENV", "production")
    monkeypatch.setenv("SECRET_KEY", "q8Jz-4mVx2-Lw7Tn-0bRk5-Yc3Hs-9dFg1")
    monkeypatch.setenv("ARGON2_TIME_COST", "2")
    monkeypatch.setenv("ARGON2_MEMORY_KIB", "19456")

    assert main(["seed"]) == 1

    assert "not for production" in capsys.readouterr().err


def test_purge_deletes_what_ended_long_ago(
    client: TestClient, session: Session, settings: Settings, time: MovableClock
) -> None:
    row = add_user(session, "user@example.com")
    body = {"email": row.email, "password": PASSWORD}
    client.post(f"{API}/auth/login", json=body)
    client.post(f"{API}/auth/login", json=body | {"password": "wrong"})
    time.advance(days=settings.session_days + 15)
    client.post(f"{API}/auth/login", json=body)

    main(["purge", "--days", "30"])
    assert len(session.scalars(select(UserSession)).all()) == 2
    assert len(session.scalars(select(LoginThrottle)).all()) == 1
    main(["purge", "--days", "10"])

    assert len(session.scalars(select(UserSession)).all()) == 1


def test_document_goes_to_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["openapi"]) == 0

    assert capsys.readouterr().out.startswith("{\n")
