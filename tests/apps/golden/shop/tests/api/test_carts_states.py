"""Carts over HTTP: what can be done when."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from uuid import UUID, uuid4

from fastapi.testclient import TestClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.models.cart import Cart, CartStatus
from app.models.order import Order
from app.models.order_item import OrderItem
from app.models.product import Product
from app.policy import Role
from tests.factories import add_cart, add_cart_item, add_product
from tests.support import API, Actor, assert_problem

URL = f"{API}/carts"


def test_checkout_makes_one_order_with_the_lines(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.CUSTOMER)
    row = add_cart(session, owner_id=actor.id)
    lines = [
        add_cart_item(
            session, cart_id=row.id, product_id=add_product(session, stock=3).id, quantity=1
        )
        for _ in range(2)
    ]
    # What was stored stays readable here, also when its row goes.
    session.expunge_all()

    answer = client.post(
        f"{URL}/{row.id}/checkout",
        json={"shipping_address": "Some words that say why"},
        headers=actor.headers,
    )

    assert answer.status_code == 201, answer.text
    body = answer.json()
    assert answer.headers["location"] == f"{API}/orders/{body['id']}"
    assert body["shipping_address"] == "Some words that say why"
    session.expire_all()
    made = session.scalars(select(OrderItem).where(OrderItem.order_id == UUID(body["id"]))).all()
    assert len(made) == len(lines) == 2
    assert {line.product_id for line in made} == {line.product_id for line in lines}
    assert {line.quantity for line in made} == {line.quantity for line in lines}
    prices = {line.product_id: session.get_one(Product, line.product_id).price for line in lines}
    assert {line.product_id: line.unit_price for line in made} == prices
    assert Decimal(body["total"]) == sum(line.line_total for line in made)
    left = {session.get_one(Product, line.product_id).stock for line in lines}
    assert left == {2}
    assert session.get_one(Cart, row.id).status is CartStatus.CHECKED_OUT


def test_checkout_of_an_empty_cart_is_refused(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.CUSTOMER)
    row = add_cart(session, owner_id=actor.id)

    answer = client.post(
        f"{URL}/{row.id}/checkout",
        json={"shipping_address": "Some words that say why"},
        headers=actor.headers,
    )

    assert_problem(answer, 409, "empty")


def test_checkout_works_once(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.CUSTOMER)
    row = add_cart(session, owner_id=actor.id)
    add_cart_item(session, cart_id=row.id, product_id=add_product(session, stock=3).id, quantity=1)

    def send(_: int) -> int:
        url = f"{URL}/{row.id}/checkout"
        return client.post(
            url, json={"shipping_address": "Some words that say why"}, headers=actor.headers
        ).status_code

    with ThreadPoolExecutor(3) as pool:
        statuses = sorted(pool.map(send, range(3)))

    assert statuses == [201, 409, 409]
    assert session.scalar(select(func.count()).select_from(Order)) == 1


def test_checkout_is_refused_as_a_whole_when_there_is_too_little(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.CUSTOMER)
    row = add_cart(session, owner_id=actor.id)
    enough = add_cart_item(
        session, cart_id=row.id, product_id=add_product(session, stock=3).id, quantity=1
    )
    short = add_product(session, stock=0)
    add_cart_item(session, cart_id=row.id, product_id=short.id, quantity=1)

    answer = client.post(
        f"{URL}/{row.id}/checkout",
        json={"shipping_address": "Some words that say why"},
        headers=actor.headers,
    )

    problem = assert_problem(answer, 409, "insufficient")
    assert f"{short.name} ({short.id})" in problem["detail"]
    session.expire_all()
    assert session.scalars(select(Order)).all() == []
    assert session.get_one(Product, enough.product_id).stock == 3
    assert session.get_one(Cart, row.id).status is not CartStatus.CHECKED_OUT


def test_two_checkouts_at_once_never_take_more_than_there_is(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.CUSTOMER)
    target = add_product(session, stock=1)
    rows = [add_cart(session, owner_id=actor.id) for _ in range(4)]
    for row in rows:
        add_cart_item(session, cart_id=row.id, product_id=target.id, quantity=1)

    def send(row: Cart) -> int:
        url = f"{URL}/{row.id}/checkout"
        return client.post(
            url, json={"shipping_address": "Some words that say why"}, headers=actor.headers
        ).status_code

    with ThreadPoolExecutor(4) as pool:
        statuses = sorted(pool.map(send, rows))

    assert statuses == [201, 409, 409, 409]
    session.expire_all()
    assert session.get_one(Product, target.id).stock == 0


def test_checkout_of_an_unknown_cart_is_404(
    client: TestClient, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.CUSTOMER)

    answer = client.post(
        f"{URL}/{uuid4()}/checkout",
        json={"shipping_address": "Some words that say why"},
        headers=actor.headers,
    )

    assert_problem(answer, 404, "not_found")
