"""Carts over HTTP: who may do what."""

from collections.abc import Callable
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session

from app.models.cart import Cart
from app.policy import Role
from tests.factories import add_cart
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


def test_account_takes_its_carts_along(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    admin = act_as(Role.ADMIN)
    row = add_cart(session)

    answer = client.delete(f"{API}/users/{row.owner_id}", headers=admin.headers)

    assert answer.status_code == 204, answer.text
    assert session.get(Cart, row.id, populate_existing=True) is None
