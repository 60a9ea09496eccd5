"""Orders over HTTP: who may do what, what is refused, and what the rules say."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session

from app.models.order import Order, OrderStatus
from app.models.product import Product
from app.policy import Role
from tests.factories import add_order, add_order_item, add_product
from tests.support import API, Actor, assert_problem

URL = f"{API}/orders"
ROUTES = {
    "list": ("GET", URL),
    "read": ("GET", f"{URL}/{uuid4()}"),
    "pay": ("POST", f"{URL}/{uuid4()}/pay"),
    "ship": ("POST", f"{URL}/{uuid4()}/ship"),
    "deliver": ("POST", f"{URL}/{uuid4()}/deliver"),
    "cancel": ("POST", f"{URL}/{uuid4()}/cancel"),
}


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        (Role.ADMIN, {"list", "read", "pay", "ship", "deliver", "cancel"}),
        (Role.STAFF, {"list", "read", "pay", "ship", "deliver", "cancel"}),
        (Role.CUSTOMER, {"list", "read", "cancel"}),
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


def test_list_pages_cover_everything_once(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)
    rows = {str(add_order(session, owner_id=actor.id).id) for _ in range(5)}

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
        "total",
    ],
)
def test_list_sorts_both_ways(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor], field: str
) -> None:
    actor = act_as(Role.ADMIN)
    for _ in range(3):
        add_order(session, owner_id=actor.id)

    def values(sort: str) -> list[Any]:
        answer = client.get(URL, params={"sort": sort}, headers=actor.headers)
        assert answer.status_code == 200
        return [item[field] for item in answer.json()["items"]]

    def order(value: Any) -> Any:
        return Decimal(value) if field in EXACT else value

    assert len(values(field)) == 3
    assert values(field) == sorted(values(field), key=order)
    assert values(f"-{field}") == sorted(values(field), key=order, reverse=True)


EXACT = {"total"}


def test_list_filters_by_status(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)
    wanted = add_order(session, owner_id=actor.id, status=OrderStatus.PLACED)
    add_order(session, owner_id=actor.id, status=OrderStatus.PAID)

    params = {"status": "placed"}
    body = client.get(URL, params=params, headers=actor.headers).json()

    assert [item["id"] for item in body["items"]] == [str(wanted.id)]


def test_read_shows_the_order(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)
    row = add_order(session, owner_id=actor.id)

    answer = client.get(f"{URL}/{row.id}", headers=actor.headers)

    assert answer.status_code == 200
    body = answer.json()
    assert body["id"] == str(row.id)
    assert body["shipping_address"] == row.shipping_address


def test_read_of_an_unknown_order_is_404(
    client: TestClient, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)

    assert_problem(client.get(f"{URL}/{uuid4()}", headers=actor.headers), 404, "not_found")


def test_read_of_a_malformed_id_is_422(client: TestClient, act_as: Callable[[Role], Actor]) -> None:
    actor = act_as(Role.ADMIN)

    assert_problem(client.get(f"{URL}/1", headers=actor.headers), 422, "invalid")


def test_list_contains_only_own_rows(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.CUSTOMER)
    mine = add_order(session, owner_id=actor.id)
    add_order(session)

    body = client.get(URL, headers=actor.headers).json()

    assert [item["id"] for item in body["items"]] == [str(mine.id)]
    assert body["total"] == 1


def test_list_contains_the_rows_of_everybody_for_admin(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)
    rows = {str(add_order(session).id) for _ in range(2)}

    body = client.get(URL, headers=actor.headers).json()

    assert {item["id"] for item in body["items"]} == rows


@pytest.mark.parametrize(
    ("role", "method", "tail", "body"),
    [
        (Role.CUSTOMER, "GET", "", {}),
        (Role.CUSTOMER, "POST", "/cancel", {}),
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
    row = add_order(session)

    answer = client.request(method, f"{URL}/{row.id}{tail}", json=body, headers=actor.headers)

    assert_problem(answer, 404, "not_found")
    assert session.get(Order, row.id, populate_existing=True) is not None


def test_account_with_orders_is_not_deleted(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    admin = act_as(Role.ADMIN)
    row = add_order(session)

    answer = client.delete(f"{API}/users/{row.owner_id}", headers=admin.headers)

    assert "orders" in assert_problem(answer, 409, "has_records")["detail"]
    assert session.get(Order, row.id, populate_existing=True) is not None


@pytest.mark.parametrize("state", [OrderStatus.PLACED])
def test_pay_leads_to_paid(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor], state: OrderStatus
) -> None:
    actor = act_as(Role.ADMIN)
    row = add_order(session, owner_id=actor.id, status=state)

    answer = client.post(f"{URL}/{row.id}/pay", headers=actor.headers)

    assert answer.status_code == 200, answer.text
    assert answer.json()["status"] == "paid"
    session.expire_all()
    assert session.get_one(Order, row.id).status is OrderStatus.PAID


@pytest.mark.parametrize(
    "state", [OrderStatus.PAID, OrderStatus.SHIPPED, OrderStatus.DELIVERED, OrderStatus.CANCELLED]
)
def test_pay_is_refused_in_other_states(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor], state: OrderStatus
) -> None:
    actor = act_as(Role.ADMIN)
    row = add_order(session, owner_id=actor.id, status=state)

    answer = client.post(f"{URL}/{row.id}/pay", headers=actor.headers)

    assert_problem(answer, 409, "illegal_transition")
    session.expire_all()
    assert session.get_one(Order, row.id).status is state


def test_pay_of_an_unknown_order_is_404(
    client: TestClient, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)

    answer = client.post(f"{URL}/{uuid4()}/pay", headers=actor.headers)

    assert_problem(answer, 404, "not_found")


@pytest.mark.parametrize("state", [OrderStatus.PAID])
def test_ship_leads_to_shipped(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor], state: OrderStatus
) -> None:
    actor = act_as(Role.ADMIN)
    row = add_order(session, owner_id=actor.id, status=state)

    answer = client.post(f"{URL}/{row.id}/ship", headers=actor.headers)

    assert answer.status_code == 200, answer.text
    assert answer.json()["status"] == "shipped"
    session.expire_all()
    assert session.get_one(Order, row.id).status is OrderStatus.SHIPPED


@pytest.mark.parametrize(
    "state", [OrderStatus.PLACED, OrderStatus.SHIPPED, OrderStatus.DELIVERED, OrderStatus.CANCELLED]
)
def test_ship_is_refused_in_other_states(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor], state: OrderStatus
) -> None:
    actor = act_as(Role.ADMIN)
    row = add_order(session, owner_id=actor.id, status=state)

    answer = client.post(f"{URL}/{row.id}/ship", headers=actor.headers)

    assert_problem(answer, 409, "illegal_transition")
    session.expire_all()
    assert session.get_one(Order, row.id).status is state


def test_ship_of_an_unknown_order_is_404(
    client: TestClient, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)

    answer = client.post(f"{URL}/{uuid4()}/ship", headers=actor.headers)

    assert_problem(answer, 404, "not_found")


@pytest.mark.parametrize("state", [OrderStatus.SHIPPED])
def test_deliver_leads_to_delivered(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor], state: OrderStatus
) -> None:
    actor = act_as(Role.ADMIN)
    row = add_order(session, owner_id=actor.id, status=state)

    answer = client.post(f"{URL}/{row.id}/deliver", headers=actor.headers)

    assert answer.status_code == 200, answer.text
    assert answer.json()["status"] == "delivered"
    session.expire_all()
    assert session.get_one(Order, row.id).status is OrderStatus.DELIVERED


@pytest.mark.parametrize(
    "state", [OrderStatus.PLACED, OrderStatus.PAID, OrderStatus.DELIVERED, OrderStatus.CANCELLED]
)
def test_deliver_is_refused_in_other_states(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor], state: OrderStatus
) -> None:
    actor = act_as(Role.ADMIN)
    row = add_order(session, owner_id=actor.id, status=state)

    answer = client.post(f"{URL}/{row.id}/deliver", headers=actor.headers)

    assert_problem(answer, 409, "illegal_transition")
    session.expire_all()
    assert session.get_one(Order, row.id).status is state


def test_deliver_of_an_unknown_order_is_404(
    client: TestClient, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)

    answer = client.post(f"{URL}/{uuid4()}/deliver", headers=actor.headers)

    assert_problem(answer, 404, "not_found")


@pytest.mark.parametrize("state", [OrderStatus.PLACED, OrderStatus.PAID])
def test_cancel_leads_to_cancelled(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor], state: OrderStatus
) -> None:
    actor = act_as(Role.ADMIN)
    target_1 = add_product(session, stock=3)
    row = add_order(session, owner_id=actor.id, status=state)
    add_order_item(session, order_id=row.id, product_id=target_1.id, quantity=1)

    answer = client.post(f"{URL}/{row.id}/cancel", headers=actor.headers)

    assert answer.status_code == 200, answer.text
    assert answer.json()["status"] == "cancelled"
    session.expire_all()
    assert session.get_one(Order, row.id).status is OrderStatus.CANCELLED
    assert session.get_one(Product, target_1.id).stock == 4


@pytest.mark.parametrize(
    "state", [OrderStatus.SHIPPED, OrderStatus.DELIVERED, OrderStatus.CANCELLED]
)
def test_cancel_is_refused_in_other_states(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor], state: OrderStatus
) -> None:
    actor = act_as(Role.ADMIN)
    row = add_order(session, owner_id=actor.id, status=state)

    answer = client.post(f"{URL}/{row.id}/cancel", headers=actor.headers)

    assert_problem(answer, 409, "illegal_transition")
    session.expire_all()
    assert session.get_one(Order, row.id).status is state


def test_cancel_of_an_unknown_order_is_404(
    client: TestClient, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)

    answer = client.post(f"{URL}/{uuid4()}/cancel", headers=actor.headers)

    assert_problem(answer, 404, "not_found")
