"""Cart items over HTTP: who may do what."""

from collections.abc import Callable
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session

from app.models.cart_item import CartItem
from app.policy import Role
from tests.factories import add_cart, add_cart_item, body_of_cart_item
from tests.support import API, Actor, assert_problem

URL = f"{API}/cart-items"


ROUTES = {
    "list": ("GET", URL),
    "read": ("GET", f"{URL}/{uuid4()}"),
    "create": ("POST", URL),
    "update": ("PATCH", f"{URL}/{uuid4()}"),
    "delete": ("DELETE", f"{URL}/{uuid4()}"),
}


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        (Role.ADMIN, {"list", "read"}),
        (Role.STAFF, set()),
        (Role.CUSTOMER, {"list", "read", "create", "update", "delete"}),
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


def test_list_contains_only_own_rows(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.CUSTOMER)
    mine = add_cart_item(session, owner_id=actor.id)
    add_cart_item(session)

    body = client.get(URL, headers=actor.headers).json()

    assert [item["id"] for item in body["items"]] == [str(mine.id)]
    assert body["total"] == 1


def test_list_contains_the_rows_of_everybody_for_admin(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)
    rows = {str(add_cart_item(session).id) for _ in range(2)}

    body = client.get(URL, headers=actor.headers).json()

    assert {item["id"] for item in body["items"]} == rows


@pytest.mark.parametrize(
    ("role", "method", "tail", "body"),
    [
        (Role.CUSTOMER, "GET", "", {}),
        (Role.CUSTOMER, "PATCH", "", {}),
        (Role.CUSTOMER, "DELETE", "", {}),
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
    row = add_cart_item(session)

    answer = client.request(method, f"{URL}/{row.id}{tail}", json=body, headers=actor.headers)

    assert_problem(answer, 404, "not_found")
    assert session.get(CartItem, row.id, populate_existing=True) is not None


def test_create_refuses_the_cart_of_somebody_else(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.CUSTOMER)
    foreign = add_cart(session)
    data = body_of_cart_item(session, owner_id=actor.id) | {"cart_id": str(foreign.id)}

    answer = client.post(URL, json=data, headers=actor.headers)

    assert_problem(answer, 409, "unknown_reference")
