"""Cart items over HTTP: what can be done when."""

from collections.abc import Callable

from fastapi.testclient import TestClient
from sqlalchemy.orm import Session

from app.models.cart import CartStatus
from app.policy import Role
from tests.factories import add_cart, add_cart_item, body_of_cart_item
from tests.support import API, Actor, assert_problem

URL = f"{API}/cart-items"


def test_update_is_refused_once_the_cart_is_closed(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.CUSTOMER)
    closed = add_cart(session, owner_id=actor.id, status=CartStatus.CHECKED_OUT)
    row = add_cart_item(session, owner_id=actor.id, cart_id=closed.id)

    answer = client.patch(f"{URL}/{row.id}", json={}, headers=actor.headers)

    assert_problem(answer, 409, "closed")


def test_delete_is_refused_once_the_cart_is_closed(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.CUSTOMER)
    closed = add_cart(session, owner_id=actor.id, status=CartStatus.CHECKED_OUT)
    row = add_cart_item(session, owner_id=actor.id, cart_id=closed.id)

    answer = client.delete(f"{URL}/{row.id}", headers=actor.headers)

    assert_problem(answer, 409, "closed")


def test_create_is_refused_once_the_cart_is_closed(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.CUSTOMER)
    closed = add_cart(session, owner_id=actor.id, status=CartStatus.CHECKED_OUT)
    data = body_of_cart_item(session, owner_id=actor.id, cart_id=closed.id)

    assert_problem(client.post(URL, json=data, headers=actor.headers), 409, "closed")
