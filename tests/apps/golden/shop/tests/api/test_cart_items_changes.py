"""Cart items over HTTP: what is stored and what is refused."""

from collections.abc import Callable
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session

from app.models.cart_item import CartItem
from app.policy import Role
from tests.factories import add_cart_item, body_of_cart_item
from tests.support import API, Actor, assert_problem

URL = f"{API}/cart-items"


def test_create_returns_the_cart_item_and_where_it_is(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.CUSTOMER)
    data = body_of_cart_item(session, owner_id=actor.id)

    answer = client.post(URL, json=data, headers=actor.headers)

    assert answer.status_code == 201, answer.text
    body = answer.json()
    assert {name: body[name] for name in data} == data
    assert answer.headers["location"] == f"{URL}/{body['id']}"
    read = client.get(answer.headers["location"], headers=actor.headers)
    assert read.status_code == 200
    assert read.json() == body


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("quantity", 0),
        ("quantity", 1001),
        ("quantity", 1.5),
        ("quantity", "many"),
    ],
)
def test_create_refuses_values_out_of_bounds(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor], field: str, value: object
) -> None:
    actor = act_as(Role.CUSTOMER)
    data = body_of_cart_item(session, owner_id=actor.id) | {field: value}

    problem = assert_problem(client.post(URL, json=data, headers=actor.headers), 422, "invalid")

    assert {error["field"] for error in problem["errors"]} == {f"body.{field}"}


@pytest.mark.parametrize(
    "field",
    [
        "cart_id",
        "product_id",
        "quantity",
    ],
)
def test_create_requires_field(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor], field: str
) -> None:
    actor = act_as(Role.CUSTOMER)
    data = body_of_cart_item(session, owner_id=actor.id)
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
    actor = act_as(Role.CUSTOMER)
    data = body_of_cart_item(session, owner_id=actor.id) | {field: "x"}

    problem = assert_problem(client.post(URL, json=data, headers=actor.headers), 422, "invalid")

    assert problem["errors"][0]["code"] == "extra_forbidden"


def test_create_refuses_an_unknown_cart(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.CUSTOMER)
    data = body_of_cart_item(session, owner_id=actor.id) | {"cart_id": str(uuid4())}

    answer = client.post(URL, json=data, headers=actor.headers)

    problem = assert_problem(answer, 409, "unknown_reference")
    assert problem["errors"][0]["field"] == "body.cart_id"


def test_create_refuses_an_unknown_product(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.CUSTOMER)
    data = body_of_cart_item(session, owner_id=actor.id) | {"product_id": str(uuid4())}

    answer = client.post(URL, json=data, headers=actor.headers)

    problem = assert_problem(answer, 409, "unknown_reference")
    assert problem["errors"][0]["field"] == "body.product_id"


def test_product_once_per_cart_holds(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.CUSTOMER)
    taken = body_of_cart_item(session, owner_id=actor.id)
    assert client.post(URL, json=taken, headers=actor.headers).status_code == 201
    same = {name: taken[name] for name in ("cart_id", "product_id")}
    data = body_of_cart_item(session, owner_id=actor.id) | same

    assert_problem(client.post(URL, json=data, headers=actor.headers), 409, "already_exists")


def test_update_changes_only_the_given_fields(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.CUSTOMER)
    row = add_cart_item(session, owner_id=actor.id)
    before = client.patch(f"{URL}/{row.id}", json={}, headers=actor.headers).json()
    value = body_of_cart_item(session, owner_id=actor.id)["quantity"]

    answer = client.patch(f"{URL}/{row.id}", json={"quantity": value}, headers=actor.headers)

    assert answer.status_code == 200, answer.text
    after = answer.json()
    assert after["quantity"] == value != before["quantity"]
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {"quantity", "updated_at"}


def test_update_without_changes_is_allowed(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.CUSTOMER)
    row = add_cart_item(session, owner_id=actor.id)

    answer = client.patch(f"{URL}/{row.id}", json={}, headers=actor.headers)

    assert answer.status_code == 200, answer.text
    assert answer.json()["id"] == str(row.id)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("quantity", None),
        ("quantity", 0),
        ("cart_id", "6f1e0c52-6f4a-4f0e-9b6f-2f1d6b0c9a10"),
        ("id", "x"),
        ("created_at", "x"),
        ("no_such_field", "x"),
    ],
)
def test_update_refuses_values(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor], field: str, value: object
) -> None:
    actor = act_as(Role.CUSTOMER)
    row = add_cart_item(session, owner_id=actor.id)

    answer = client.patch(f"{URL}/{row.id}", json={field: value}, headers=actor.headers)

    problem = assert_problem(answer, 422, "invalid")
    assert {error["field"] for error in problem["errors"]} == {f"body.{field}"}


def test_update_refuses_an_unknown_product(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.CUSTOMER)
    row = add_cart_item(session, owner_id=actor.id)
    changes = {"product_id": str(uuid4())}

    answer = client.patch(f"{URL}/{row.id}", json=changes, headers=actor.headers)

    assert_problem(answer, 409, "unknown_reference")


def test_update_of_an_unknown_cart_item_is_404(
    client: TestClient, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.CUSTOMER)

    assert_problem(client.patch(f"{URL}/{uuid4()}", json={}, headers=actor.headers), 404)


def test_delete_removes_the_cart_item(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.CUSTOMER)
    row = add_cart_item(session, owner_id=actor.id)

    answer = client.delete(f"{URL}/{row.id}", headers=actor.headers)

    assert answer.status_code == 204, answer.text
    assert answer.content == b""
    assert session.get(CartItem, row.id, populate_existing=True) is None


def test_delete_of_an_unknown_cart_item_is_404(
    client: TestClient, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.CUSTOMER)

    assert_problem(client.delete(f"{URL}/{uuid4()}", headers=actor.headers), 404)
