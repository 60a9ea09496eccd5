"""Categories over HTTP: what is stored and what is refused."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session

from app.models.category import Category
from app.models.product import Product
from app.policy import Role
from tests.factories import add_category, add_product, as_json, body_of_category
from tests.support import API, Actor, assert_problem

URL = f"{API}/categories"


def test_create_returns_the_category_and_where_it_is(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)
    data = body_of_category(session)

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
    data = body_of_category(session)
    for name in ("description",):
        data.pop(name, None)

    answer = client.post(URL, json=data, headers=actor.headers)

    assert answer.status_code == 201, answer.text
    body = answer.json()
    assert body["description"] is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "x" * 81),
        ("name", ""),
        ("name", " padded "),
        ("name", "two\r\nlines"),
        ("description", "x" * 5001),
        ("description", "with a \0 inside"),
    ],
)
def test_create_refuses_values_out_of_bounds(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor], field: str, value: object
) -> None:
    actor = act_as(Role.ADMIN)
    data = body_of_category(session) | {field: value}

    problem = assert_problem(client.post(URL, json=data, headers=actor.headers), 422, "invalid")

    assert {error["field"] for error in problem["errors"]} == {f"body.{field}"}


@pytest.mark.parametrize(
    "field",
    [
        "name",
    ],
)
def test_create_requires_field(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor], field: str
) -> None:
    actor = act_as(Role.ADMIN)
    data = body_of_category(session)
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
    data = body_of_category(session) | {field: "x"}

    problem = assert_problem(client.post(URL, json=data, headers=actor.headers), 422, "invalid")

    assert problem["errors"][0]["code"] == "extra_forbidden"


def test_name_is_unique(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)
    taken = body_of_category(session)
    assert client.post(URL, json=taken, headers=actor.headers).status_code == 201
    data = body_of_category(session) | {"name": taken["name"]}

    problem = assert_problem(
        client.post(URL, json=data, headers=actor.headers), 409, "already_exists"
    )

    assert problem["errors"][0]["field"] == "body.name"


def test_name_is_given_once_to_several_at_once(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)
    first = body_of_category(session)
    same = {"name": first["name"]}
    bodies = [first, *(body_of_category(session) | same for _ in range(2))]

    def send(body: dict[str, Any]) -> int:
        return client.post(URL, json=body, headers=actor.headers).status_code

    with ThreadPoolExecutor(3) as pool:
        assert sorted(pool.map(send, bodies)) == [201, 409, 409]


def test_name_is_unique_whatever_its_case(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)
    taken = add_category(session)
    data = body_of_category(session) | {"name": str(taken.name).swapcase()}

    problem = assert_problem(
        client.post(URL, json=data, headers=actor.headers), 409, "already_exists"
    )

    assert problem["errors"][0]["field"] == "body.name"


def test_update_changes_only_the_given_fields(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)
    row = add_category(session)
    before = client.patch(f"{URL}/{row.id}", json={}, headers=actor.headers).json()
    value = body_of_category(session)["name"]

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
    row = add_category(session)

    answer = client.patch(f"{URL}/{row.id}", json={}, headers=actor.headers)

    assert answer.status_code == 200, answer.text
    assert answer.json()["id"] == str(row.id)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", None),
        ("name", "x" * 81),
        ("description", "x" * 5001),
        ("id", "x"),
        ("created_at", "x"),
        ("no_such_field", "x"),
    ],
)
def test_update_refuses_values(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor], field: str, value: object
) -> None:
    actor = act_as(Role.ADMIN)
    row = add_category(session)

    answer = client.patch(f"{URL}/{row.id}", json={field: value}, headers=actor.headers)

    problem = assert_problem(answer, 422, "invalid")
    assert {error["field"] for error in problem["errors"]} == {f"body.{field}"}


def test_update_to_a_taken_name_is_409(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)
    taken = add_category(session)
    row = add_category(session)
    changes = as_json({"name": taken.name})

    answer = client.patch(f"{URL}/{row.id}", json=changes, headers=actor.headers)

    assert_problem(answer, 409, "already_exists")


def test_update_of_an_unknown_category_is_404(
    client: TestClient, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)

    assert_problem(client.patch(f"{URL}/{uuid4()}", json={}, headers=actor.headers), 404)


def test_delete_removes_the_category(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)
    row = add_category(session)

    answer = client.delete(f"{URL}/{row.id}", headers=actor.headers)

    assert answer.status_code == 204, answer.text
    assert answer.content == b""
    assert session.get(Category, row.id, populate_existing=True) is None


def test_delete_of_an_unknown_category_is_404(
    client: TestClient, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)

    assert_problem(client.delete(f"{URL}/{uuid4()}", headers=actor.headers), 404)


def test_delete_empties_the_reference_of_products(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)
    row = add_category(session)
    part = add_product(session, category_id=row.id)

    answer = client.delete(f"{URL}/{row.id}", headers=actor.headers)

    assert answer.status_code == 204, answer.text
    left = session.get_one(Product, part.id, populate_existing=True)
    assert left.category_id is None
