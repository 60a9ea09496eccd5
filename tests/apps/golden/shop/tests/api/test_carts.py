"""Carts over HTTP: who may do what, what is refused, and what the rules say."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.models.cart import Cart, CartStatus
from app.models.cart_item import CartItem
from app.models.order import Order
from app.models.order_item import OrderItem
from app.models.product import Product
from app.policy import Role
from tests.factories import add_cart, add_cart_item, add_product, body_of_cart
from tests.support import API, Actor, assert_problem

URL = f"{API}/carts"
ROUTES = {
    "list": ("GET", URL),
    "read": ("GET", f"{URL}/{uuid4()}"),
    "create": ("POST", URL),
    "delete": ("DELETE", f"{URL}/{uuid4()}"),
    "checkout": ("POST", f"{URL}/{uuid4()}/checkout"),
}


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        (Role.ADMIN, {"list", "read", "delete"}),
        (Role.STAFF, set()),
        (Role.CUSTOMER, {"list", "read", "create", "delete", "checkout"}),
    ],
)
def test_role_may_do_this_and_nothing_else(
    client: TestClient, act_as: Callable[[Role], Actor], role: Role, allowed: set[str]
) -> None:
    headers = act_as(role).headers

    # A random id and an empty body get past the right only to fail on something else.
    refused = {
        action
        for action, (method, url) in ROUTES.items()
        if client.request(method, url, json={}, headers=headers).status_code == 403
    }

    assert refused == set(ROUTES) - allowed


def test_without_an_account_nothing_can_be_done(client: TestClient) -> None:
    refused = {
        action
        for action, (method, url) in ROUTES.items()
        if client.request(method, url, json={}).status_code == 401
    }

    assert refused == set(ROUTES)


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


def test_list_pages_cover_everything_once(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)
    rows = {str(add_cart(session, owner_id=actor.id).id) for _ in range(5)}

    seen = []
    for offset in (0, 2, 4):
        params = {"limit": 2, "offset": offset}
        body = client.get(URL, params=params, headers=actor.headers).json()
        assert body["total"] == 5
        seen += [item["id"] for item in body["items"]]

    assert len(seen) == 5
    assert set(seen) == rows


@pytest.mark.parametrize(
    "params",
    [{"limit": 101}, {"limit": 0}, {"offset": -1}, {"sort": "no_such_field"}, {"unknown": "1"}],
)
def test_list_refuses_parameters(
    client: TestClient, act_as: Callable[[Role], Actor], params: dict[str, str | int]
) -> None:
    actor = act_as(Role.ADMIN)

    assert_problem(client.get(URL, params=params, headers=actor.headers), 422, "invalid")


def test_list_takes_the_largest_page(client: TestClient, act_as: Callable[[Role], Actor]) -> None:
    actor = act_as(Role.ADMIN)

    assert client.get(URL, params={"limit": 100}, headers=actor.headers).status_code == 200


@pytest.mark.parametrize(
    "field",
    [
        "created_at",
        "status",
    ],
)
def test_list_sorts_both_ways(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor], field: str
) -> None:
    actor = act_as(Role.ADMIN)
    for _ in range(3):
        add_cart(session, owner_id=actor.id)

    def values(sort: str) -> list[Any]:
        answer = client.get(URL, params={"sort": sort}, headers=actor.headers)
        assert answer.status_code == 200
        return [item[field] for item in answer.json()["items"]]

    assert len(values(field)) == 3
    assert values(field) == sorted(values(field))
    assert values(f"-{field}") == sorted(values(field), reverse=True)


def test_list_filters_by_status(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)
    wanted = add_cart(session, owner_id=actor.id, status=CartStatus.OPEN)
    add_cart(session, owner_id=actor.id, status=CartStatus.CHECKED_OUT)

    params = {"status": "open"}
    body = client.get(URL, params=params, headers=actor.headers).json()

    assert [item["id"] for item in body["items"]] == [str(wanted.id)]


def test_read_shows_the_cart(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)
    row = add_cart(session, owner_id=actor.id)

    answer = client.get(f"{URL}/{row.id}", headers=actor.headers)

    assert answer.status_code == 200
    body = answer.json()
    assert body["id"] == str(row.id)


def test_read_of_an_unknown_cart_is_404(
    client: TestClient, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)

    assert_problem(client.get(f"{URL}/{uuid4()}", headers=actor.headers), 404, "not_found")


def test_read_of_a_malformed_id_is_422(client: TestClient, act_as: Callable[[Role], Actor]) -> None:
    actor = act_as(Role.ADMIN)

    assert_problem(client.get(f"{URL}/1", headers=actor.headers), 422, "invalid")


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


def test_list_contains_only_own_rows(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.CUSTOMER)
    mine = add_cart(session, owner_id=actor.id)
    add_cart(session)

    body = client.get(URL, headers=actor.headers).json()

    assert [item["id"] for item in body["items"]] == [str(mine.id)]
    assert body["total"] == 1


def test_list_contains_the_rows_of_everybody_for_admin(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)
    rows = {str(add_cart(session).id) for _ in range(2)}

    body = client.get(URL, headers=actor.headers).json()

    assert {item["id"] for item in body["items"]} == rows


@pytest.mark.parametrize(
    ("role", "method", "tail", "body"),
    [
        (Role.CUSTOMER, "GET", "", {}),
        (Role.CUSTOMER, "DELETE", "", {}),
        (Role.CUSTOMER, "POST", "/checkout", {"shipping_address": "Some words that say why"}),
    ],
)
def test_row_of_somebody_else_is_404(
    client: TestClient,
    session: Session,
    act_as: Callable[[Role], Actor],
    role: Role,
    method: str,
    tail: str,
    body: dict[str, object],
) -> None:
    actor = act_as(role)
    row = add_cart(session)

    answer = client.request(method, f"{URL}/{row.id}{tail}", json=body, headers=actor.headers)

    assert_problem(answer, 404, "not_found")
    assert session.get(Cart, row.id, populate_existing=True) is not None


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

    assert_problem(answer, 409, "insufficient")
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
