"""Every error is a problem (RFC 9457), whoever raises it."""

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from tests.support import API, Actor, assert_problem


@pytest.fixture
def broken(app: FastAPI, client: TestClient) -> TestClient:
    """A client of an application with one route that fails."""

    @app.get("/broken")
    def fail() -> None:
        raise RuntimeError("the secret of the database")

    return client


def test_unknown_path_is_404(client: TestClient) -> None:
    assert_problem(client.get("/nowhere"), 404, "not_found")


def test_trailing_slash_is_404_and_no_redirect(client: TestClient, admin: Actor) -> None:
    answer = client.get(f"{API}/users/", headers=admin.headers, follow_redirects=False)

    assert_problem(answer, 404)


def test_wrong_method_names_the_right_ones(client: TestClient) -> None:
    answer = client.delete(f"{API}/users")

    assert_problem(answer, 405, "method_not_allowed")
    assert answer.headers["allow"] == "GET, POST"


@pytest.mark.parametrize(
    "content",
    [b"{", b"\xff\xfe\xfd", b"[" * 100_000],
    ids=["cut off", "no text", "too deep"],
)
def test_malformed_json_is_400(client: TestClient, content: bytes) -> None:
    answer = client.post(
        f"{API}/auth/login", content=content, headers={"Content-Type": "application/json"}
    )

    assert_problem(answer, 400, "malformed")


@pytest.mark.parametrize("media_type", ["application/xml", "text/plain", ""])
def test_body_of_another_type_is_415(client: TestClient, media_type: str) -> None:
    headers = {"Content-Type": media_type} if media_type else {}

    answer = client.post(f"{API}/auth/login", content=b'{"email": "a"}', headers=headers)

    assert_problem(answer, 415, "unsupported_media_type")
    assert answer.headers["accept"] == "application/json"


def test_json_by_another_name_is_read(client: TestClient) -> None:
    headers = {"Content-Type": "application/merge-patch+json; charset=utf-8"}

    answer = client.post(f"{API}/auth/login", content=b"{}", headers=headers)

    assert_problem(answer, 422, "invalid")


def test_absent_body_is_422(client: TestClient) -> None:
    assert_problem(client.post(f"{API}/auth/login"), 422, "invalid")


def test_refused_value_is_not_repeated(client: TestClient) -> None:
    body = {"email": "user@example.com", "password": "x" * 200}

    answer = client.post(f"{API}/auth/login", json=body)

    assert_problem(answer, 422)
    assert "xxx" not in answer.text


def test_unhandled_error_is_500_without_a_trace(broken: TestClient) -> None:
    answer = broken.get("/broken")

    assert_problem(answer, 500, "internal_error")
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_announced_body_over_the_limit_is_413(client: TestClient) -> None:
    answer = client.post(f"{API}/auth/login", content=b"x" * 1_048_577)

    assert_problem(answer, 413, "body_too_large")


def test_streamed_body_over_the_limit_is_413(client: TestClient) -> None:
    def stream() -> Iterator[bytes]:
        for _ in range(20):
            yield b"x" * 65_536

    answer: Any = client.post(
        f"{API}/auth/login", content=stream(), headers={"Content-Type": "application/json"}
    )

    assert_problem(answer, 413, "body_too_large")
