"""What surrounds every request: ids, logs, headers, origins, health, metrics, statements."""

import json
import logging
from collections.abc import Callable

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from pydantic import SecretStr
from sqlalchemy import event, text
from sqlalchemy.orm import Session

from app.core.logging import JsonFormatter
from tests.support import API, PASSWORD, Actor, add_user, assert_problem

STRONG = {"app_env": "production", "argon2_time_cost": 2, "argon2_memory_kib": 19_456}


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Callable[[], list[dict[str, object]]]:
    """The lines written so far, as the JSON they are in production."""
    caplog.handler.setFormatter(JsonFormatter())
    caplog.set_level(logging.INFO)
    return lambda: [json.loads(line) for line in caplog.text.splitlines()]


def test_request_id_is_made_and_returned(client: TestClient) -> None:
    first, second = client.get("/health/live"), client.get("/health/live")

    assert len(first.headers["x-request-id"]) == 32
    assert first.headers["x-request-id"] != second.headers["x-request-id"]


def test_request_id_of_the_caller_is_kept(client: TestClient) -> None:
    answer = client.get("/health/live", headers={"X-Request-ID": "trace-0001"})

    assert answer.headers["x-request-id"] == "trace-0001"


@pytest.mark.parametrize("given", ["short", "x" * 65, "with space", 'a"b<c>d;e'])
def test_request_id_of_another_form_is_replaced(client: TestClient, given: str) -> None:
    answer = client.get("/health/live", headers={"X-Request-ID": given})

    assert answer.headers["x-request-id"] != given


def test_request_is_logged_once_with_its_id(
    client: TestClient, user: Actor, log: Callable[[], list[dict[str, object]]]
) -> None:
    answer = client.get(f"{API}/users/{user.id}", headers=user.headers)

    lines = [line for line in log() if line["logger"] == "app.request"]
    assert len(lines) == 1
    assert lines[0]["request_id"] == answer.headers["x-request-id"]
    assert lines[0]["route"] == f"{API}/users/{{user_id}}"
    assert (lines[0]["method"], lines[0]["status"]) == ("GET", 200)


def test_log_has_neither_password_nor_token(
    client: TestClient, session: Session, log: Callable[[], list[dict[str, object]]]
) -> None:
    add_user(session, "user@example.com")
    body = {"email": "user@example.com", "password": PASSWORD}
    tokens = client.post(f"{API}/auth/login", json=body).json()
    client.post(f"{API}/auth/login", json=body | {"password": "the wrong password"})

    written = json.dumps(log())
    assert written.count("login") >= 2
    for secret in (PASSWORD, "the wrong password", tokens["access_token"], "user@example.com"):
        assert secret not in written


def test_log_line_cannot_be_forged(
    client: TestClient, log: Callable[[], list[dict[str, object]]]
) -> None:
    client.get('/x%0d%0a{"level":"ERROR"}')

    lines = [line for line in log() if line["logger"] == "app.request"]
    assert [line["level"] for line in lines] == ["INFO"]


@pytest.mark.parametrize("path", ["/health/live", f"{API}/users", "/nowhere"])
def test_security_headers_are_on_every_answer(client: TestClient, path: str) -> None:
    headers = client.get(path).headers

    assert headers["content-security-policy"].startswith("default-src 'none'")
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
    assert "camera=()" in headers["permissions-policy"]


def test_hsts_is_sent_in_production_only(start: Callable[..., TestClient]) -> None:
    secret = SecretStr("q8Jz-4mVx2-Lw7Tn-0bRk5-Yc3Hs-9dFg1")

    assert "strict-transport-security" not in start().get("/health/live").headers
    production = start(secret_key=secret, **STRONG)
    assert "strict-transport-security" in production.get("/health/live").headers


def test_listed_origin_may_call(start: Callable[..., TestClient]) -> None:
    client = start(cors_origins="https://web.example,https://other.example")

    answer = client.options(
        f"{API}/users",
        headers={
            "Origin": "https://web.example",
            "Access-Control-Request-Method": "GET",
            "Access-Control-Request-Headers": "authorization",
        },
    )

    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "https://web.example"
    assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize("origins", ["", "https://web.example"])
def test_unlisted_origin_may_not_call(start: Callable[..., TestClient], origins: str) -> None:
    client = start(cors_origins=origins)

    answer = client.get("/health/live", headers={"Origin": "https://evil.example"})

    assert "access-control-allow-origin" not in answer.headers


def test_live_does_not_ask_the_database(start: Callable[..., TestClient]) -> None:
    client = start(database_url="sqlite:////nonexistent/app.db")

    assert client.get("/health/live").json() == {"status": "ok"}


def test_ready_says_yes(client: TestClient) -> None:
    assert client.get("/health/ready").json() == {"status": "ok"}


def test_ready_says_no_when_migrations_are_missing(client: TestClient, session: Session) -> None:
    revision = session.execute(text("SELECT version_num FROM alembic_version")).scalar_one()
    session.execute(text("UPDATE alembic_version SET version_num = '0000'"))
    session.commit()

    problem = assert_problem(client.get("/health/ready"), 503, "not_ready")

    assert "run the migrations" in problem["detail"]
    session.execute(text("UPDATE alembic_version SET version_num = :old"), {"old": revision})
    session.commit()


def test_ready_says_no_when_the_database_is_gone(start: Callable[..., TestClient]) -> None:
    client = start(database_url="sqlite:////nonexistent/app.db")

    problem = assert_problem(client.get("/health/ready"), 503, "not_ready")

    assert problem["detail"] == "The database does not answer."


def test_ready_says_no_while_stopping(app: FastAPI, client: TestClient) -> None:
    app.state.stopping = True

    assert_problem(client.get("/health/ready"), 503, "stopping")


def test_metrics_count_by_route_and_not_by_path(client: TestClient, user: Actor) -> None:
    client.get(f"{API}/users/{user.id}", headers=user.headers)
    client.get("/nowhere/1")
    client.get("/nowhere/2")

    text_ = client.get("/metrics").text

    route = f'method="GET",route="{API}/users/{{user_id}}",status="200"'
    assert f"http_requests_total{{{route}}} 1.0" in text_
    assert 'http_requests_total{method="GET",route="unmatched",status="404"} 2.0' in text_
    assert "http_request_duration_seconds_bucket" in text_
    assert str(user.id) not in text_


@pytest.mark.parametrize("path", [f"{API}/users", f"{API}/user-sessions"])
def test_number_of_statements_does_not_grow_with_the_rows(
    app: FastAPI, client: TestClient, session: Session, admin: Actor, path: str
) -> None:
    statements: list[str] = []
    event.listen(
        app.state.database.engine,
        "before_cursor_execute",
        lambda *arguments: statements.append(arguments[2]),
    )

    def count() -> int:
        statements.clear()
        assert client.get(path, headers=admin.headers).status_code == 200
        return len(statements)

    few = count()
    for number in range(10):
        row = add_user(session, f"user{number}@example.com")
        body = {"email": row.email, "password": PASSWORD}
        client.post(f"{API}/auth/login", json=body)

    assert count() == few
