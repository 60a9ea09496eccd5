"""Customers over HTTP: what is stored and what is refused."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session

from app.models.customer import Customer
from app.models.rental import Rental
from app.policy import Role
from tests.factories import add_customer, add_rental, as_json, body_of_customer
from tests.support import API, Actor, assert_problem

URL = f"{API}/customers"


def test_create_returns_the_customer_and_where_it_is(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)
    data = body_of_customer(session)

    answer = client.post(URL, json=data, headers=actor.headers)

    assert answer.status_code == 201, answer.text
    body = answer.json()
    assert {name: body[name] for name in data} == data
    assert answer.headers["location"] == f"{URL}/{body['id']}"
    read = client.get(answer.headers["location"], headers=actor.headers)
    assert read.status_code == 200
    assert read.json() == body


def test_create_fills_in_what_is_left_out(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)
    data = body_of_customer(session)
    for name in ("phone", "notes"):
        data.pop(name, None)

    answer = client.post(URL, json=data, headers=actor.headers)

    assert answer.status_code == 201, answer.text
    body = answer.json()
    assert body["phone"] is None
    assert body["notes"] is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("full_name", "x" * 121),
        ("full_name", ""),
        ("full_name", " padded "),
        ("full_name", "two\r\nlines"),
        ("email", "not an address"),
        (
            "email",
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@example.com",
        ),
        ("phone", "call me"),
        ("notes", "x" * 2001),
        ("notes", "with a \0 inside"),
    ],
)
def test_create_refuses_values_out_of_bounds(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor], field: str, value: object
) -> None:
    actor = act_as(Role.ADMIN)
    data = body_of_customer(session) | {field: value}

    problem = assert_problem(client.post(URL, json=data, headers=actor.headers), 422, "invalid")

    assert {error["field"] for error in problem["errors"]} == {f"body.{field}"}


@pytest.mark.parametrize(
    "field",
    [
        "full_name",
        "email",
    ],
)
def test_create_requires_field(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor], field: str
) -> None:
    actor = act_as(Role.ADMIN)
    data = body_of_customer(session)
    del data[field]

    problem = assert_problem(client.post(URL, json=data, headers=actor.headers), 422, "invalid")

    assert problem["errors"][0]["field"] == f"body.{field}"
    assert problem["errors"][0]["code"] == "missing"


@pytest.mark.parametrize(
    "field",
    [
        "id",
        "created_at",
        "no_such_field",
    ],
)
def test_create_refuses_fields_that_are_not_given(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor], field: str
) -> None:
    actor = act_as(Role.ADMIN)
    data = body_of_customer(session) | {field: "x"}

    problem = assert_problem(client.post(URL, json=data, headers=actor.headers), 422, "invalid")

    assert problem["errors"][0]["code"] == "extra_forbidden"


def test_email_is_unique(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)
    taken = body_of_customer(session)
    assert client.post(URL, json=taken, headers=actor.headers).status_code == 201
    data = body_of_customer(session) | {"email": taken["email"]}

    problem = assert_problem(
        client.post(URL, json=data, headers=actor.headers), 409, "already_exists"
    )

    assert problem["errors"][0]["field"] == "body.email"


def test_email_is_given_once_to_several_at_once(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)
    first = body_of_customer(session)
    same = {"email": first["email"]}
    bodies = [first, *(body_of_customer(session) | same for _ in range(2))]

    def send(body: dict[str, Any]) -> int:
        return client.post(URL, json=body, headers=actor.headers).status_code

    with ThreadPoolExecutor(3) as pool:
        assert sorted(pool.map(send, bodies)) == [201, 409, 409]


def test_update_changes_only_the_given_fields(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)
    row = add_customer(session)
    before = client.patch(f"{URL}/{row.id}", json={}, headers=actor.headers).json()
    value = body_of_customer(session)["full_name"]

    answer = client.patch(f"{URL}/{row.id}", json={"full_name": value}, headers=actor.headers)

    assert answer.status_code == 200, answer.text
    after = answer.json()
    assert after["full_name"] == value != before["full_name"]
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {"full_name", "updated_at"}


def test_update_without_changes_is_allowed(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)
    row = add_customer(session)

    answer = client.patch(f"{URL}/{row.id}", json={}, headers=actor.headers)

    assert answer.status_code == 200, answer.text
    assert answer.json()["id"] == str(row.id)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("full_name", None),
        ("email", None),
        ("full_name", "x" * 121),
        ("email", "not an address"),
        ("phone", "call me"),
        ("notes", "x" * 2001),
        ("id", "x"),
        ("created_at", "x"),
        ("no_such_field", "x"),
    ],
)
def test_update_refuses_values(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor], field: str, value: object
) -> None:
    actor = act_as(Role.ADMIN)
    row = add_customer(session)

    answer = client.patch(f"{URL}/{row.id}", json={field: value}, headers=actor.headers)

    problem = assert_problem(answer, 422, "invalid")
    assert {error["field"] for error in problem["errors"]} == {f"body.{field}"}


def test_update_to_a_taken_email_is_409(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)
    taken = add_customer(session)
    row = add_customer(session)
    changes = as_json({"email": taken.email})

    answer = client.patch(f"{URL}/{row.id}", json=changes, headers=actor.headers)

    assert_problem(answer, 409, "already_exists")


def test_update_of_an_unknown_customer_is_404(
    client: TestClient, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)

    assert_problem(client.patch(f"{URL}/{uuid4()}", json={}, headers=actor.headers), 404)


def test_delete_removes_the_customer(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)
    row = add_customer(session)

    answer = client.delete(f"{URL}/{row.id}", headers=actor.headers)

    assert answer.status_code == 204, answer.text
    assert answer.content == b""
    assert session.get(Customer, row.id, populate_existing=True) is None


def test_delete_of_an_unknown_customer_is_404(
    client: TestClient, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)

    assert_problem(client.delete(f"{URL}/{uuid4()}", headers=actor.headers), 404)


def test_delete_is_refused_while_a_rental_refers_to_it(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)
    row = add_customer(session)
    part = add_rental(session, customer_id=row.id)

    answer = client.delete(f"{URL}/{row.id}", headers=actor.headers)

    assert_problem(answer, 409, "in_use")
    assert session.get(Rental, part.id, populate_existing=True) is not None
