"""Registration and login over HTTP."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session

from app.core.config import Settings
from app.core.passwords import UNUSABLE, Passwords
from app.services.login_throttle import charge, throttle_key
from tests.support import (
    API,
    PASSWORD,
    Actor,
    MovableClock,
    add_user,
    assert_problem,
    log_in,
    make_settings,
)

REGISTRATION = {
    "email": "New.Person@Example.com",
    "full_name": "New Person",
    "password": "nine purple kites",
}


def login(client: TestClient, email: str, password: str = PASSWORD) -> Any:
    return client.post(f"{API}/auth/login", json={"email": email, "password": password})


# Registration


def test_register_gives_the_lowest_role(client: TestClient, admin: Actor) -> None:
    answer = client.post(f"{API}/auth/register", json=REGISTRATION)

    assert answer.status_code == 201
    body = answer.json()
    assert (body["email"], body["role"], body["is_active"]) == (
        "new.person@example.com",
        "customer",
        True,
    )
    assert client.get(answer.headers["location"], headers=admin.headers).json() == body


@pytest.mark.parametrize("field", ["role", "is_active", "id", "password_hash"])
def test_register_takes_no_rights(client: TestClient, field: str) -> None:
    answer = client.post(f"{API}/auth/register", json=REGISTRATION | {field: "admin"})

    assert_problem(answer, 422, "invalid")


def test_register_refuses_a_taken_email(client: TestClient) -> None:
    client.post(f"{API}/auth/register", json=REGISTRATION)

    answer = client.post(f"{API}/auth/register", json=REGISTRATION)

    assert_problem(answer, 409, "already_exists")


def test_register_refuses_a_weak_password(client: TestClient) -> None:
    body = REGISTRATION | {"password": "Password1234"}

    assert_problem(client.post(f"{API}/auth/register", json=body), 422, "weak_password")


def test_register_can_be_switched_off(start: Callable[..., TestClient]) -> None:
    client = start(registration_open=False)

    assert_problem(client.post(f"{API}/auth/register", json=REGISTRATION), 403, "forbidden")


def test_register_is_limited_per_address(start: Callable[..., TestClient]) -> None:
    client = start(registrations_per_address=1)
    client.post(f"{API}/auth/register", json=REGISTRATION)

    answer = client.post(
        f"{API}/auth/register", json=REGISTRATION | {"email": "another@example.com"}
    )

    assert_problem(answer, 429, "too_many_requests")


# Login


def test_login_gives_tokens_that_work(
    client: TestClient, session: Session, settings: Settings
) -> None:
    add_user(session, "user@example.com")

    body = login(client, "USER@example.com").json()

    assert (body["token_type"], body["expires_in"]) == (
        "bearer",
        settings.access_token_minutes * 60,
    )
    headers = {"Authorization": f"Bearer {body['access_token']}"}
    me = client.get(f"{API}/me", headers=headers).json()
    assert me["email"] == "user@example.com"
    assert me["last_login_at"] is not None


def test_login_answers_the_same_whatever_is_wrong(client: TestClient, session: Session) -> None:
    add_user(session, "user@example.com")
    add_user(session, "closed@example.com", is_active=False)

    answers = [
        login(client, "user@example.com", "the wrong password"),
        login(client, "nobody@example.com"),
        login(client, "closed@example.com"),
    ]

    details = {assert_problem(answer, 401, "unauthorized")["detail"] for answer in answers}
    assert len(details) == 1
    assert all(answer.headers["www-authenticate"] == "Bearer" for answer in answers)


@pytest.mark.parametrize("stored", [None, UNUSABLE])
def test_unknown_and_unusable_accounts_cost_one_verification(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, stored: str | None
) -> None:
    passwords = Passwords(settings)
    verified: list[str] = []

    class Recorder:
        def verify(self, encoded: str, password: str) -> bool:
            verified.append(encoded)
            return True

    monkeypatch.setattr(passwords, "_hasher", Recorder())

    assert passwords.verify(stored, PASSWORD) is False
    assert len(verified) == 1


def test_account_is_locked_after_failures_even_for_the_right_password(
    client: TestClient, session: Session, time: MovableClock
) -> None:
    add_user(session, "user@example.com")
    for _ in range(5):
        assert login(client, "user@example.com", "the wrong password").status_code == 401

    answer = login(client, "user@example.com")

    assert_problem(answer, 429, "too_many_requests")
    assert 1 <= int(answer.headers["retry-after"]) <= 15 * 60 + 1
    time.advance(minutes=15, seconds=1)
    assert login(client, "user@example.com").status_code == 200


def test_unknown_account_is_locked_like_a_known_one(client: TestClient) -> None:
    statuses = [login(client, "nobody@example.com").status_code for _ in range(6)]

    assert statuses == [401] * 5 + [429]


def test_success_forgets_the_failures(client: TestClient, session: Session) -> None:
    add_user(session, "user@example.com")
    for _ in range(3):
        for _ in range(4):
            login(client, "user@example.com", "the wrong password")
        assert login(client, "user@example.com").status_code == 200


def test_address_is_locked_across_accounts(
    start: Callable[..., TestClient], session: Session
) -> None:
    client = start(login_max_failures_per_address=3)
    for number in range(3):
        assert login(client, f"nobody{number}@example.com").status_code == 401

    assert login(client, "nobody9@example.com").status_code == 429


def test_few_failures_over_a_long_time_lock_nobody(
    start: Callable[..., TestClient], time: MovableClock
) -> None:
    client = start(login_max_failures_per_address=3)
    for number in range(6):
        assert login(client, f"nobody{number}@example.com").status_code == 401
        time.advance(minutes=14)


def test_attempts_are_counted_across_processes(
    start: Callable[..., TestClient], session: Session
) -> None:
    add_user(session, "user@example.com")
    for _ in range(5):
        login(start(), "user@example.com", "the wrong password")

    assert login(start(), "user@example.com").status_code == 429


def test_attempts_sent_at_once_are_all_counted(client: TestClient, session: Session) -> None:
    add_user(session, "user@example.com")

    def attempt(_number: int) -> int:
        return int(login(client, "user@example.com", "the wrong password").status_code)

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(attempt, range(16)))

    assert statuses.count(401) == 5
    assert statuses.count(429) == 11


def test_counter_refuses_beyond_its_limit(session: Session) -> None:
    key = throttle_key("account", "user@example.com")
    charge(session, key, 2, timedelta(minutes=1))
    charge(session, key, 2, timedelta(minutes=1))

    with pytest.raises(Exception, match="Too many attempts"):
        charge(session, key, 2, timedelta(minutes=1))


def test_login_rehashes_a_password_of_another_cost(
    start: Callable[..., TestClient], session: Session
) -> None:
    row = add_user(session, "user@example.com")
    before = row.password_hash
    client = start(argon2_time_cost=2)

    log_in(client, row)

    session.refresh(row)
    assert row.password_hash != before
    assert "t=2" in row.password_hash
    log_in(client, row)


def test_settings_of_tests_are_weaker_than_those_of_production() -> None:
    production = Settings.model_fields

    assert make_settings("sqlite://").argon2_memory_kib < production["argon2_memory_kib"].default
    assert production["argon2_memory_kib"].default >= 19_456
    assert production["argon2_time_cost"].default >= 2
