"""Carts over HTTP: what is stored and what is refused."""

from collections.abc import Callable
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session

from app.models.cart import Cart
from app.models.cart_item import CartItem
from app.policy import Role
from tests.factories import add_cart, add_cart_item, body_of_cart
from tests.support import API, Actor, assert_problem

URL = f"{API}/carts"


def test_create_returns_the_cart_and_where_it_is(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.CUSTOMER)
    data = body_of_cart(session, owner_id=actor.id)

    answer = client.post(URL, json=data, headers=actor.headers)

    assert answer.status_code == 201, answer.text
    body = answer.json()
    assert {name: body[name] for name in data} == data
    assert body["owner_id"] == str(actor.id)
    assert answer.headers["location"] == f"{URL}/{body['id']}"
    read = client.get(answer.headers["location"], headers=actor.headers)
    assert read.status_code == 200
    assert read.json() == body


@pytest.mark.parametrize(
    "field",
    [
        "id",
        "created_at",
        "owner_id",
        "status",
        "no_such_field",
    ],
)
def test_create_refuses_fields_that_are_not_given(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor], field: str
) -> None:
    actor = act_as(Role.CUSTOMER)
    data = body_of_cart(session, owner_id=actor.id) | {field: "x"}

    problem = assert_problem(client.post(URL, json=data, headers=actor.headers), 422, "invalid")

    assert problem["errors"][0]["code"] == "extra_forbidden"


def test_delete_removes_the_cart(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)
    row = add_cart(session, owner_id=actor.id)

    answer = client.delete(f"{URL}/{row.id}", headers=actor.headers)

    assert answer.status_code == 204, answer.text
    assert answer.content == b""
    assert session.get(Cart, row.id, populate_existing=True) is None


def test_delete_of_an_unknown_cart_is_404(
    client: TestClient, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)

    assert_problem(client.delete(f"{URL}/{uuid4()}", headers=actor.headers), 404)


def test_delete_takes_along_cart_items(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)
    row = add_cart(session, owner_id=actor.id)
    part = add_cart_item(session, cart_id=row.id)

    answer = client.delete(f"{URL}/{row.id}", headers=actor.headers)

    assert answer.status_code == 204, answer.text
    assert session.get(CartItem, part.id, populate_existing=True) is None
