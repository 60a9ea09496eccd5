"""Products over HTTP: what is stored and what is refused."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session

from app.models.cart_item import CartItem
from app.models.order_item import OrderItem
from app.models.product import Product
from app.policy import Role
from tests.factories import add_cart_item, add_order_item, add_product, as_json, body_of_product
from tests.support import API, Actor, assert_problem

URL = f"{API}/products"


def test_create_returns_the_product_and_where_it_is(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)
    data = body_of_product(session)

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
    data = body_of_product(session)
    for name in ("category_id", "description", "stock", "is_active"):
        data.pop(name, None)

    answer = client.post(URL, json=data, headers=actor.headers)

    assert answer.status_code == 201, answer.text
    body = answer.json()
    assert body["category_id"] is None
    assert body["description"] is None
    assert body["stock"] == 0
    assert body["is_active"] is True


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("sku", "x" * 33),
        ("sku", ""),
        ("sku", " padded "),
        ("sku", "two\r\nlines"),
        ("name", "x" * 121),
        ("name", ""),
        ("name", " padded "),
        ("name", "two\r\nlines"),
        ("description", "x" * 5001),
        ("description", "with a \0 inside"),
        ("price", "0.00"),
        ("price", "10000000000.99"),
        ("price", "0.011"),
        ("price", 1.5),
        ("price", "much"),
        ("stock", -1),
        ("stock", 2147483648),
        ("stock", 1.5),
        ("stock", "many"),
        ("is_active", "perhaps"),
        ("is_active", 1),
    ],
)
def test_create_refuses_values_out_of_bounds(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor], field: str, value: object
) -> None:
    actor = act_as(Role.ADMIN)
    data = body_of_product(session) | {field: value}

    problem = assert_problem(client.post(URL, json=data, headers=actor.headers), 422, "invalid")

    assert {error["field"] for error in problem["errors"]} == {f"body.{field}"}


@pytest.mark.parametrize(
    "field",
    [
        "sku",
        "name",
        "price",
    ],
)
def test_create_requires_field(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor], field: str
) -> None:
    actor = act_as(Role.ADMIN)
    data = body_of_product(session)
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
    data = body_of_product(session) | {field: "x"}

    problem = assert_problem(client.post(URL, json=data, headers=actor.headers), 422, "invalid")

    assert problem["errors"][0]["code"] == "extra_forbidden"


def test_create_refuses_an_unknown_category(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)
    data = body_of_product(session) | {"category_id": str(uuid4())}

    answer = client.post(URL, json=data, headers=actor.headers)

    problem = assert_problem(answer, 409, "unknown_reference")
    assert problem["errors"][0]["field"] == "body.category_id"


def test_sku_is_unique(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)
    taken = body_of_product(session)
    assert client.post(URL, json=taken, headers=actor.headers).status_code == 201
    data = body_of_product(session) | {"sku": taken["sku"]}

    problem = assert_problem(
        client.post(URL, json=data, headers=actor.headers), 409, "already_exists"
    )

    assert problem["errors"][0]["field"] == "body.sku"


def test_sku_is_given_once_to_several_at_once(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)
    first = body_of_product(session)
    same = {"sku": first["sku"]}
    bodies = [first, *(body_of_product(session) | same for _ in range(2))]

    def send(body: dict[str, Any]) -> int:
        return client.post(URL, json=body, headers=actor.headers).status_code

    with ThreadPoolExecutor(3) as pool:
        assert sorted(pool.map(send, bodies)) == [201, 409, 409]


def test_sku_is_unique_whatever_its_case(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)
    taken = add_product(session)
    data = body_of_product(session) | {"sku": str(taken.sku).swapcase()}

    problem = assert_problem(
        client.post(URL, json=data, headers=actor.headers), 409, "already_exists"
    )

    assert problem["errors"][0]["field"] == "body.sku"


def test_update_changes_only_the_given_fields(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)
    row = add_product(session)
    before = client.patch(f"{URL}/{row.id}", json={}, headers=actor.headers).json()
    value = body_of_product(session)["sku"]

    answer = client.patch(f"{URL}/{row.id}", json={"sku": value}, headers=actor.headers)

    assert answer.status_code == 200, answer.text
    after = answer.json()
    assert after["sku"] == value != before["sku"]
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {"sku", "updated_at"}


def test_update_without_changes_is_allowed(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)
    row = add_product(session)

    answer = client.patch(f"{URL}/{row.id}", json={}, headers=actor.headers)

    assert answer.status_code == 200, answer.text
    assert answer.json()["id"] == str(row.id)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("sku", None),
        ("name", None),
        ("price", None),
        ("stock", None),
        ("is_active", None),
        ("sku", "x" * 33),
        ("name", "x" * 121),
        ("description", "x" * 5001),
        ("price", "0.00"),
        ("stock", -1),
        ("is_active", "perhaps"),
        ("id", "x"),
        ("created_at", "x"),
        ("no_such_field", "x"),
    ],
)
def test_update_refuses_values(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor], field: str, value: object
) -> None:
    actor = act_as(Role.ADMIN)
    row = add_product(session)

    answer = client.patch(f"{URL}/{row.id}", json={field: value}, headers=actor.headers)

    problem = assert_problem(answer, 422, "invalid")
    assert {error["field"] for error in problem["errors"]} == {f"body.{field}"}


def test_update_refuses_an_unknown_category(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)
    row = add_product(session)
    changes = {"category_id": str(uuid4())}

    answer = client.patch(f"{URL}/{row.id}", json=changes, headers=actor.headers)

    assert_problem(answer, 409, "unknown_reference")


def test_update_to_a_taken_sku_is_409(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)
    taken = add_product(session)
    row = add_product(session)
    changes = as_json({"sku": taken.sku})

    answer = client.patch(f"{URL}/{row.id}", json=changes, headers=actor.headers)

    assert_problem(answer, 409, "already_exists")


def test_update_of_an_unknown_product_is_404(
    client: TestClient, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)

    assert_problem(client.patch(f"{URL}/{uuid4()}", json={}, headers=actor.headers), 404)


def test_delete_removes_the_product(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)
    row = add_product(session)

    answer = client.delete(f"{URL}/{row.id}", headers=actor.headers)

    assert answer.status_code == 204, answer.text
    assert answer.content == b""
    assert session.get(Product, row.id, populate_existing=True) is None


def test_delete_of_an_unknown_product_is_404(
    client: TestClient, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)

    assert_problem(client.delete(f"{URL}/{uuid4()}", headers=actor.headers), 404)


def test_delete_is_refused_while_a_cart_item_refers_to_it(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)
    row = add_product(session)
    part = add_cart_item(session, product_id=row.id)

    answer = client.delete(f"{URL}/{row.id}", headers=actor.headers)

    assert_problem(answer, 409, "in_use")
    assert session.get(CartItem, part.id, populate_existing=True) is not None


def test_delete_is_refused_while_a_order_item_refers_to_it(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)
    row = add_product(session)
    part = add_order_item(session, product_id=row.id)

    answer = client.delete(f"{URL}/{row.id}", headers=actor.headers)

    assert_problem(answer, 409, "in_use")
    assert session.get(OrderItem, part.id, populate_existing=True) is not None
