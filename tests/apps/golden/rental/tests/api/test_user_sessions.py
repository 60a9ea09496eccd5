"""User sessions over HTTP: everybody sees their own, administrators see all."""

from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session

from app.models.user import User
from tests.support import API, Actor, MovableClock, assert_problem, log_in

URL = f"{API}/user-sessions"


def test_list_contains_everything_for_admin(client: TestClient, admin: Actor, user: Actor) -> None:
    body = client.get(URL, headers=admin.headers).json()

    assert {item["user_id"] for item in body["items"]} == {str(admin.id), str(user.id)}


def test_list_contains_only_own_rows_for_user(
    client: TestClient, user: Actor, other: Actor
) -> None:
    body = client.get(URL, headers=user.headers).json()

    assert [item["id"] for item in body["items"]] == [str(user.session_id)]
    assert body["total"] == 1


def test_list_filter_cannot_widen_the_scope(client: TestClient, user: Actor, other: Actor) -> None:
    answer = client.get(URL, params={"user_id": str(other.id)}, headers=user.headers)

    assert answer.json()["items"] == []


def test_list_filters_by_user(client: TestClient, admin: Actor, user: Actor) -> None:
    answer = client.get(URL, params={"user_id": str(user.id)}, headers=admin.headers)

    assert [item["id"] for item in answer.json()["items"]] == [str(user.session_id)]


def test_list_filters_by_activity(client: TestClient, admin: Actor, user: Actor) -> None:
    client.post(f"{API}/auth/logout", headers=user.headers)

    def ids(is_active: bool) -> list[str]:
        answer = client.get(URL, params={"is_active": is_active}, headers=admin.headers)
        return [item["id"] for item in answer.json()["items"]]

    assert ids(True) == [str(admin.session_id)]
    assert ids(False) == [str(user.session_id)]


@pytest.mark.parametrize("field", ["created_at", "last_used_at", "expires_at"])
def test_list_sorts_both_ways(
    client: TestClient, session: Session, time: MovableClock, user: Actor, field: str
) -> None:
    for _ in range(2):
        time.advance(minutes=1)
        log_in(client, session.get_one(User, user.id))

    def values(sort: str) -> list[str]:
        answer = client.get(URL, params={"sort": sort}, headers=user.headers)
        return [item[field] for item in answer.json()["items"]]

    assert values(field) == sorted(values(field))
    assert values(f"-{field}") == sorted(values(field), reverse=True)
    assert len(set(values(field))) == 3


@pytest.mark.parametrize(
    "params", [{"limit": 101}, {"offset": -1}, {"sort": "ip_address"}, {"unknown": "1"}]
)
def test_list_refuses_parameters(
    client: TestClient, user: Actor, params: dict[str, str | int]
) -> None:
    assert_problem(client.get(URL, params=params, headers=user.headers), 422, "invalid")


def test_get_of_own_row(client: TestClient, user: Actor) -> None:
    body = client.get(f"{URL}/{user.session_id}", headers=user.headers).json()

    assert body["user_id"] == str(user.id)
    assert body["revoked_at"] is None


def test_get_of_another_users_row_is_404(client: TestClient, user: Actor, other: Actor) -> None:
    assert_problem(client.get(f"{URL}/{other.session_id}", headers=user.headers), 404)


def test_get_of_any_row_is_allowed_for_admin(client: TestClient, admin: Actor, user: Actor) -> None:
    assert client.get(f"{URL}/{user.session_id}", headers=admin.headers).status_code == 200


def test_get_of_unknown_row_is_404(client: TestClient, admin: Actor) -> None:
    assert_problem(client.get(f"{URL}/{uuid4()}", headers=admin.headers), 404)


def test_delete_of_own_row_ends_the_session(client: TestClient, user: Actor) -> None:
    answer = client.delete(f"{URL}/{user.session_id}", headers=user.headers)

    assert answer.status_code == 204
    assert_problem(client.get(f"{API}/me", headers=user.headers), 401)


def test_delete_keeps_the_first_moment_of_revocation(
    client: TestClient, admin: Actor, user: Actor, time: MovableClock
) -> None:
    client.delete(f"{URL}/{user.session_id}", headers=admin.headers)
    first = client.get(f"{URL}/{user.session_id}", headers=admin.headers).json()["revoked_at"]
    time.advance(minutes=1)

    client.delete(f"{URL}/{user.session_id}", headers=admin.headers)

    again = client.get(f"{URL}/{user.session_id}", headers=admin.headers).json()["revoked_at"]
    assert again == first


def test_delete_of_another_users_row_is_404_and_changes_nothing(
    client: TestClient, user: Actor, other: Actor
) -> None:
    assert_problem(client.delete(f"{URL}/{other.session_id}", headers=user.headers), 404)

    assert client.get(f"{API}/me", headers=other.headers).status_code == 200


def test_delete_by_admin_ends_another_users_session(
    client: TestClient, admin: Actor, user: Actor
) -> None:
    assert client.delete(f"{URL}/{user.session_id}", headers=admin.headers).status_code == 204

    assert_problem(client.get(f"{API}/me", headers=user.headers), 401)


def test_there_is_no_way_to_create_or_change_a_session(client: TestClient, admin: Actor) -> None:
    assert_problem(client.post(URL, json={}, headers=admin.headers), 405)
    answer = client.patch(f"{URL}/{admin.session_id}", json={}, headers=admin.headers)
    assert_problem(answer, 405)
    assert "GET" in answer.headers["allow"]
