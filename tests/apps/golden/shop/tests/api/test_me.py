"""One's own account over HTTP."""

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session

from app.models.user import User
from tests.factories import add_order
from tests.support import API, PASSWORD, Actor, assert_problem, log_in

URL = f"{API}/me"
NEW_PASSWORD = "ten yellow doors"


def test_get_returns_the_caller(client: TestClient, user: Actor) -> None:
    body = client.get(URL, headers=user.headers).json()

    assert (body["id"], body["email"], body["role"]) == (str(user.id), user.email, "customer")


def test_update_changes_the_name(client: TestClient, user: Actor) -> None:
    answer = client.patch(URL, json={"full_name": "Other Name"}, headers=user.headers)

    assert answer.status_code == 200
    assert client.get(URL, headers=user.headers).json()["full_name"] == "Other Name"


@pytest.mark.parametrize(
    "changes",
    [
        {"role": "admin"},
        {"is_active": True},
        {"email": "else@example.com"},
        {"password_hash": "x"},
        {"full_name": None},
    ],
)
def test_update_refuses_what_is_not_ones_own_to_change(
    client: TestClient, user: Actor, changes: dict[str, object]
) -> None:
    assert_problem(client.patch(URL, json=changes, headers=user.headers), 422, "invalid")


def test_password_change_keeps_this_session_and_ends_the_others(
    client: TestClient, session: Session, user: Actor
) -> None:
    row = session.get_one(User, user.id)
    second = log_in(client, row)

    answer = client.put(
        f"{URL}/password",
        json={"current_password": PASSWORD, "new_password": NEW_PASSWORD},
        headers=user.headers,
    )

    assert answer.status_code == 204
    assert client.get(URL, headers=user.headers).status_code == 200
    assert_problem(client.get(URL, headers=second.headers), 401)
    log_in(client, row, NEW_PASSWORD)


def test_password_change_needs_the_current_one(client: TestClient, user: Actor) -> None:
    answer = client.put(
        f"{URL}/password",
        json={"current_password": "the wrong one", "new_password": NEW_PASSWORD},
        headers=user.headers,
    )

    problem = assert_problem(answer, 403, "wrong_password")
    assert problem["errors"][0]["field"] == "body.current_password"


def test_password_change_refuses_a_weak_one(client: TestClient, user: Actor) -> None:
    answer = client.put(
        f"{URL}/password",
        json={"current_password": PASSWORD, "new_password": "Password1234"},
        headers=user.headers,
    )

    problem = assert_problem(answer, 422, "weak_password")
    assert problem["errors"][0]["field"] == "body.new_password"


def test_guessing_the_current_password_is_limited(client: TestClient, user: Actor) -> None:
    body = {"current_password": "the wrong one", "new_password": NEW_PASSWORD}
    statuses = [
        client.put(f"{URL}/password", json=body, headers=user.headers).status_code for _ in range(6)
    ]

    assert statuses == [403] * 5 + [429]


def test_deletion_removes_the_account(client: TestClient, user: Actor, admin: Actor) -> None:
    answer = client.post(f"{URL}/deletion", json={"password": PASSWORD}, headers=user.headers)

    assert answer.status_code == 204
    assert_problem(client.get(URL, headers=user.headers), 401)
    assert_problem(client.get(f"{API}/users/{user.id}", headers=admin.headers), 404)


def test_deletion_is_refused_while_there_are_orders(
    client: TestClient, session: Session, user: Actor
) -> None:
    add_order(session, owner_id=user.id)

    answer = client.post(f"{URL}/deletion", json={"password": PASSWORD}, headers=user.headers)

    assert_problem(answer, 409, "has_records")
    assert client.get(URL, headers=user.headers).status_code == 200


def test_deletion_needs_the_password(client: TestClient, user: Actor) -> None:
    answer = client.post(f"{URL}/deletion", json={"password": "wrong"}, headers=user.headers)

    assert_problem(answer, 403, "wrong_password")
    assert client.get(URL, headers=user.headers).status_code == 200


def test_deletion_of_the_last_admin_is_refused(client: TestClient, admin: Actor) -> None:
    answer = client.post(f"{URL}/deletion", json={"password": PASSWORD}, headers=admin.headers)

    assert_problem(answer, 409, "last_admin")


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", ""), ("PATCH", ""), ("PUT", "/password"), ("POST", "/deletion")],
)
def test_every_route_needs_a_token(client: TestClient, method: str, path: str) -> None:
    assert_problem(client.request(method, f"{URL}{path}", json={}), 401)
