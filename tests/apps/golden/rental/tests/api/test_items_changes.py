"""Items over HTTP: what is stored and what is refused."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session

from app.models.item import Item
from app.models.rental import Rental
from app.policy import Role
from tests.factories import add_item, add_rental, as_json, body_of_item
from tests.support import API, Actor, assert_problem

URL = f"{API}/items"


def test_create_returns_the_item_and_where_it_is(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)
    data = body_of_item(session)

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
    data = body_of_item(session)
    for name in ("condition", "is_available"):
        data.pop(name, None)

    answer = client.post(URL, json=data, headers=actor.headers)

    assert answer.status_code == 201, answer.text
    body = answer.json()
    assert body["condition"] == "good"
    assert body["is_available"] is True


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "x" * 121),
        ("name", ""),
        ("name", " padded "),
        ("name", "two\r\nlines"),
        ("serial_no", "x" * 65),
        ("serial_no", ""),
        ("serial_no", " padded "),
        ("serial_no", "two\r\nlines"),
        ("daily_rate", "-0.01"),
        ("daily_rate", "10000000000.99"),
        ("daily_rate", "0.001"),
        ("daily_rate", 1.5),
        ("daily_rate", "much"),
        ("condition", "no_such_choice"),
        ("is_available", "perhaps"),
        ("is_available", 1),
    ],
)
def test_create_refuses_values_out_of_bounds(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor], field: str, value: object
) -> None:
    actor = act_as(Role.ADMIN)
    data = body_of_item(session) | {field: value}

    problem = assert_problem(client.post(URL, json=data, headers=actor.headers), 422, "invalid")

    assert {error["field"] for error in problem["errors"]} == {f"body.{field}"}


@pytest.mark.parametrize(
    "field",
    [
        "name",
        "serial_no",
        "daily_rate",
    ],
)
def test_create_requires_field(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor], field: str
) -> None:
    actor = act_as(Role.ADMIN)
    data = body_of_item(session)
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
    data = body_of_item(session) | {field: "x"}

    problem = assert_problem(client.post(URL, json=data, headers=actor.headers), 422, "invalid")

    assert problem["errors"][0]["code"] == "extra_forbidden"


def test_serial_no_is_unique(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)
    taken = body_of_item(session)
    assert client.post(URL, json=taken, headers=actor.headers).status_code == 201
    data = body_of_item(session) | {"serial_no": taken["serial_no"]}

    problem = assert_problem(
        client.post(URL, json=data, headers=actor.headers), 409, "already_exists"
    )

    assert problem["errors"][0]["field"] == "body.serial_no"


def test_serial_no_is_given_once_to_several_at_once(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)
    first = body_of_item(session)
    same = {"serial_no": first["serial_no"]}
    bodies = [first, *(body_of_item(session) | same for _ in range(2))]

    def send(body: dict[str, Any]) -> int:
        return client.post(URL, json=body, headers=actor.headers).status_code

    with ThreadPoolExecutor(3) as pool:
        assert sorted(pool.map(send, bodies)) == [201, 409, 409]


def test_serial_no_is_unique_whatever_its_case(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)
    taken = add_item(session)
    data = body_of_item(session) | {"serial_no": str(taken.serial_no).swapcase()}

    problem = assert_problem(
        client.post(URL, json=data, headers=actor.headers), 409, "already_exists"
    )

    assert problem["errors"][0]["field"] == "body.serial_no"


def test_update_changes_only_the_given_fields(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)
    row = add_item(session)
    before = client.patch(f"{URL}/{row.id}", json={}, headers=actor.headers).json()
    value = body_of_item(session)["name"]

    answer = client.patch(f"{URL}/{row.id}", json={"name": value}, headers=actor.headers)

    assert answer.status_code == 200, answer.text
    after = answer.json()
    assert after["name"] == value != before["name"]
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {"name", "updated_at"}


def test_update_without_changes_is_allowed(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)
    row = add_item(session)

    answer = client.patch(f"{URL}/{row.id}", json={}, headers=actor.headers)

    assert answer.status_code == 200, answer.text
    assert answer.json()["id"] == str(row.id)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", None),
        ("serial_no", None),
        ("daily_rate", None),
        ("condition", None),
        ("is_available", None),
        ("name", "x" * 121),
        ("serial_no", "x" * 65),
        ("daily_rate", "-0.01"),
        ("condition", "no_such_choice"),
        ("is_available", "perhaps"),
        ("id", "x"),
        ("created_at", "x"),
        ("no_such_field", "x"),
    ],
)
def test_update_refuses_values(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor], field: str, value: object
) -> None:
    actor = act_as(Role.ADMIN)
    row = add_item(session)

    answer = client.patch(f"{URL}/{row.id}", json={field: value}, headers=actor.headers)

    problem = assert_problem(answer, 422, "invalid")
    assert {error["field"] for error in problem["errors"]} == {f"body.{field}"}


def test_update_to_a_taken_serial_no_is_409(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)
    taken = add_item(session)
    row = add_item(session)
    changes = as_json({"serial_no": taken.serial_no})

    answer = client.patch(f"{URL}/{row.id}", json=changes, headers=actor.headers)

    assert_problem(answer, 409, "already_exists")


def test_update_of_an_unknown_item_is_404(
    client: TestClient, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)

    assert_problem(client.patch(f"{URL}/{uuid4()}", json={}, headers=actor.headers), 404)


def test_delete_removes_the_item(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)
    row = add_item(session)

    answer = client.delete(f"{URL}/{row.id}", headers=actor.headers)

    assert answer.status_code == 204, answer.text
    assert answer.content == b""
    assert session.get(Item, row.id, populate_existing=True) is None


def test_delete_of_an_unknown_item_is_404(
    client: TestClient, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)

    assert_problem(client.delete(f"{URL}/{uuid4()}", headers=actor.headers), 404)


def test_delete_is_refused_while_a_rental_refers_to_it(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)
    row = add_item(session)
    part = add_rental(session, item_id=row.id)

    answer = client.delete(f"{URL}/{row.id}", headers=actor.headers)

    assert_problem(answer, 409, "in_use")
    assert session.get(Rental, part.id, populate_existing=True) is not None
