"""Users over HTTP: what each role may do, and what the rules of a user refuse."""

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.models.user import User
from app.policy import Role
from tests.support import API, PASSWORD, Actor, add_user, assert_problem, log_in

URL = f"{API}/users"


def payload(**changes: object) -> dict[str, object]:
    values: dict[str, object] = {
        "email": "new@example.com",
        "full_name": "New Person",
        "role": "staff",
        "is_active": True,
        "password": "nine purple kites",
    }
    return values | changes


def test_create_returns_the_user_and_where_it_is(client: TestClient, admin: Actor) -> None:
    answer = client.post(URL, json=payload(), headers=admin.headers)

    assert answer.status_code == 201
    body = answer.json()
    assert answer.headers["location"] == f"{URL}/{body['id']}"
    read = client.get(answer.headers["location"], headers=admin.headers)
    assert read.status_code == 200
    assert read.json() == body


def test_answers_never_contain_the_password(client: TestClient, admin: Actor) -> None:
    answer = client.post(URL, json=payload(), headers=admin.headers)

    assert not any("password" in field for field in answer.json())


def test_created_user_can_log_in(client: TestClient, admin: Actor) -> None:
    client.post(URL, json=payload(), headers=admin.headers)

    answer = client.post(
        f"{API}/auth/login", json={"email": "NEW@example.com", "password": "nine purple kites"}
    )

    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("email", "not an address"),
        ("email", "a" * 250 + "@example.com"),
        ("full_name", ""),
        ("full_name", " padded "),
        ("full_name", "two\r\nlines"),
        ("full_name", "x" * 121),
        ("role", "owner"),
        ("is_active", "perhaps"),
        ("password", "too short"),
        ("password", "x" * 129),
    ],
)
def test_create_refuses_values_out_of_bounds(
    client: TestClient, admin: Actor, field: str, value: object
) -> None:
    answer = client.post(URL, json=payload(**{field: value}), headers=admin.headers)

    problem = assert_problem(answer, 422, "invalid")
    assert [error["field"] for error in problem["errors"]] == [f"body.{field}"]


@pytest.mark.parametrize("field", ["email", "full_name", "role", "password"])
def test_create_requires_field(client: TestClient, admin: Actor, field: str) -> None:
    body = payload()
    del body[field]

    problem = assert_problem(client.post(URL, json=body, headers=admin.headers), 422)

    assert problem["errors"][0]["code"] == "missing"


@pytest.mark.parametrize("field", ["id", "created_at", "password_hash", "is_superuser"])
def test_create_refuses_fields_it_does_not_know(
    client: TestClient, admin: Actor, field: str
) -> None:
    answer = client.post(URL, json=payload(**{field: "x"}), headers=admin.headers)

    assert_problem(answer, 422)


@pytest.mark.parametrize("password", ["password12345", "aaaaaaaaaaaa", "new@example.com1"])
def test_create_refuses_weak_password(client: TestClient, admin: Actor, password: str) -> None:
    answer = client.post(URL, json=payload(password=password), headers=admin.headers)

    problem = assert_problem(answer, 422, "weak_password")
    assert problem["errors"][0]["field"] == "body.password"


def test_email_is_unique_in_any_case(client: TestClient, admin: Actor) -> None:
    client.post(URL, json=payload(), headers=admin.headers)

    answer = client.post(URL, json=payload(email="NEW@Example.com"), headers=admin.headers)

    problem = assert_problem(answer, 409, "already_exists")
    assert problem["errors"][0]["field"] == "body.email"


def test_list_contains_everybody_for_admin(
    client: TestClient, admin: Actor, user: Actor, other: Actor
) -> None:
    body = client.get(URL, headers=admin.headers).json()

    assert body["total"] == 3
    assert {item["id"] for item in body["items"]} == {str(admin.id), str(user.id), str(other.id)}


def test_list_contains_only_oneself_for_user(client: TestClient, user: Actor, other: Actor) -> None:
    body = client.get(URL, headers=user.headers).json()

    assert [item["id"] for item in body["items"]] == [str(user.id)]
    assert body["total"] == 1


def test_list_filters(client: TestClient, admin: Actor, session: Session) -> None:
    add_user(session, "idle@example.com", Role.STAFF, is_active=False)

    def emails(**params: str | bool) -> list[str]:
        answer = client.get(URL, params={"sort": "email", **params}, headers=admin.headers)
        return [item["email"] for item in answer.json()["items"]]

    assert emails(role="admin") == [admin.email]
    assert emails(is_active=False) == ["idle@example.com"]
    assert emails(role="admin", is_active=False) == []


def test_list_search_takes_wildcards_literally(
    client: TestClient, admin: Actor, session: Session
) -> None:
    add_user(session, "a@example.com", full_name="100% Real")
    add_user(session, "b@example.com", full_name="Not Real")

    def total(term: str) -> int:
        answer = client.get(URL, params={"q": term}, headers=admin.headers)
        return int(answer.json()["total"])

    assert total("REAL") == 2
    assert total("%") == 1
    assert total("_") == 0


@pytest.mark.parametrize("field", ["created_at", "email", "full_name"])
def test_list_sorts_both_ways(
    client: TestClient, admin: Actor, session: Session, field: str
) -> None:
    for name in ("b", "c", "a"):
        add_user(session, f"{name}@example.com", full_name=f"{name.upper()} Person")

    def values(sort: str) -> list[str]:
        answer = client.get(URL, params={"sort": sort}, headers=admin.headers)
        return [item[field] for item in answer.json()["items"]]

    assert values(field) == sorted(values(field))
    assert values(f"-{field}") == sorted(values(field), reverse=True)


@pytest.mark.parametrize("sort", ["last_login_at", "-last_login_at"])
def test_list_has_who_never_logged_in_at_the_end(
    client: TestClient, admin: Actor, session: Session, sort: str
) -> None:
    never = add_user(session, "never@example.com")

    items = client.get(URL, params={"sort": sort}, headers=admin.headers).json()["items"]

    assert [item["id"] for item in items] == [str(admin.id), str(never.id)]


def test_list_pages_cover_everything_once(
    client: TestClient, admin: Actor, session: Session
) -> None:
    for number in range(5):
        add_user(session, f"user{number}@example.com")

    seen = []
    for offset in (0, 2, 4):
        params = {"limit": 2, "offset": offset}
        body = client.get(URL, params=params, headers=admin.headers).json()
        assert body["total"] == 6
        seen += [item["id"] for item in body["items"]]

    assert len(seen) == len(set(seen)) == 6


@pytest.mark.parametrize(
    "params",
    [
        {"limit": 101},
        {"limit": 0},
        {"offset": -1},
        {"sort": "password_hash"},
        {"role": "owner"},
        {"unknown": "1"},
    ],
)
def test_list_refuses_parameters(
    client: TestClient, admin: Actor, params: dict[str, str | int]
) -> None:
    assert_problem(client.get(URL, params=params, headers=admin.headers), 422, "invalid")


def test_get_of_unknown_user_is_404(client: TestClient, admin: Actor) -> None:
    assert_problem(client.get(f"{URL}/{uuid4()}", headers=admin.headers), 404, "not_found")


def test_get_of_malformed_id_is_422(client: TestClient, admin: Actor) -> None:
    assert_problem(client.get(f"{URL}/1", headers=admin.headers), 422, "invalid")


def test_get_of_another_user_is_404_for_user(client: TestClient, user: Actor, other: Actor) -> None:
    assert client.get(f"{URL}/{user.id}", headers=user.headers).status_code == 200
    assert_problem(client.get(f"{URL}/{other.id}", headers=user.headers), 404, "not_found")


def test_get_of_another_user_is_allowed_for_admin(
    client: TestClient, admin: Actor, other: Actor
) -> None:
    assert client.get(f"{URL}/{other.id}", headers=admin.headers).status_code == 200


def test_update_changes_only_the_given_fields(
    client: TestClient, admin: Actor, user: Actor
) -> None:
    before = client.get(f"{URL}/{user.id}", headers=admin.headers).json()

    answer = client.patch(
        f"{URL}/{user.id}", json={"full_name": "Other Name"}, headers=admin.headers
    )

    assert answer.status_code == 200
    after = answer.json()
    changed = {field for field in after if after[field] != before[field]}
    assert changed == {"full_name", "updated_at"}


@pytest.mark.parametrize(
    "changes",
    [{"full_name": None}, {"role": None}, {"role": "owner"}, {"id": str(uuid4())}, {"password": 1}],
)
def test_update_refuses_changes(
    client: TestClient, admin: Actor, user: Actor, changes: dict[str, object]
) -> None:
    answer = client.patch(f"{URL}/{user.id}", json=changes, headers=admin.headers)

    assert_problem(answer, 422, "invalid")


def test_update_to_a_taken_email_is_409(client: TestClient, admin: Actor, user: Actor) -> None:
    answer = client.patch(f"{URL}/{user.id}", json={"email": admin.email}, headers=admin.headers)

    assert_problem(answer, 409, "already_exists")


def test_update_of_role_works_at_once(client: TestClient, admin: Actor, user: Actor) -> None:
    assert_problem(client.post(URL, json=payload(), headers=user.headers), 403)

    client.patch(f"{URL}/{user.id}", json={"role": "admin"}, headers=admin.headers)

    assert client.post(URL, json=payload(), headers=user.headers).status_code == 201


def test_deactivated_user_is_out_at_once(client: TestClient, admin: Actor, user: Actor) -> None:
    client.patch(f"{URL}/{user.id}", json={"is_active": False}, headers=admin.headers)

    assert_problem(client.get(f"{API}/me", headers=user.headers), 401)
    login = {"email": user.email, "password": PASSWORD}
    assert_problem(client.post(f"{API}/auth/login", json=login), 401)


@pytest.mark.parametrize("changes", [{"role": "staff"}, {"is_active": False}])
def test_last_admin_stays_admin(
    client: TestClient, admin: Actor, changes: dict[str, object]
) -> None:
    answer = client.patch(f"{URL}/{admin.id}", json=changes, headers=admin.headers)

    assert_problem(answer, 409, "last_admin")


def test_last_admin_cannot_be_deleted_until_there_is_another(
    client: TestClient, admin: Actor, session: Session
) -> None:
    assert_problem(client.delete(f"{URL}/{admin.id}", headers=admin.headers), 409, "last_admin")

    add_user(session, "second@example.com", Role.ADMIN)

    assert client.delete(f"{URL}/{admin.id}", headers=admin.headers).status_code == 204


def test_two_admins_cannot_remove_each_other_at_once(
    client: TestClient, admin: Actor, session: Session
) -> None:
    second = log_in(client, add_user(session, "second@example.com", Role.ADMIN))

    def demote(pair: tuple[Actor, Actor]) -> int:
        actor, target = pair
        url = f"{URL}/{target.id}"
        return client.patch(url, json={"role": "staff"}, headers=actor.headers).status_code

    with ThreadPoolExecutor(2) as pool:
        statuses = list(pool.map(demote, [(admin, second), (second, admin)]))

    assert 200 in statuses
    left = session.scalars(select(User).where(User.role == Role.ADMIN)).all()
    assert len(left) == 1


def test_delete_removes_the_user_and_what_they_own(
    client: TestClient, admin: Actor, user: Actor
) -> None:
    answer = client.delete(f"{URL}/{user.id}", headers=admin.headers)

    assert answer.status_code == 204
    assert answer.content == b""
    assert_problem(client.get(f"{URL}/{user.id}", headers=admin.headers), 404)
    url = f"{API}/user-sessions/{user.session_id}"
    assert_problem(client.get(url, headers=admin.headers), 404)


def test_delete_of_unknown_user_is_404(client: TestClient, admin: Actor) -> None:
    assert_problem(client.delete(f"{URL}/{uuid4()}", headers=admin.headers), 404)


def test_password_reset_ends_the_sessions(
    client: TestClient, admin: Actor, user: Actor, session: Session
) -> None:
    password = "ten yellow doors"
    answer = client.put(
        f"{URL}/{user.id}/password", json={"password": password}, headers=admin.headers
    )

    assert answer.status_code == 204
    assert_problem(client.get(f"{API}/me", headers=user.headers), 401)
    log_in(client, session.get_one(User, user.id), password)


def test_password_reset_refuses_weak_password(
    client: TestClient, admin: Actor, user: Actor
) -> None:
    answer = client.put(
        f"{URL}/{user.id}/password", json={"password": "password12345"}, headers=admin.headers
    )

    assert_problem(answer, 422, "weak_password")
