"""The matrix of roles, resources and actions, as the routes enforce it."""

from collections.abc import Callable
from functools import cache
from typing import Any
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient

from app.main import create_app
from app.policy import POLICY, Action, Resource, Role
from tests.support import API, Actor, assert_problem, make_settings

PUBLIC = {
    "register",
    "login",
    "refresh",
    "live",
    "ready",
    "metrics",
    "list_categories",
    "get_category",
    "list_products",
    "get_product",
}
"""The operations anybody may call. A new one belongs here only on purpose."""

SELF_SERVICE = {
    "logout",
    "logout_all",
    "get_me",
    "update_me",
    "change_my_password",
    "delete_me",
}
"""The operations every user may call, because they act on the caller alone."""

OPERATIONS: dict[str, tuple[Resource, Action]] = {
    "list_users": (Resource.USERS, Action.LIST),
    "get_user": (Resource.USERS, Action.READ),
    "create_user": (Resource.USERS, Action.CREATE),
    "update_user": (Resource.USERS, Action.UPDATE),
    "delete_user": (Resource.USERS, Action.DELETE),
    "reset_user_password": (Resource.USERS, Action.UPDATE),
    "list_user_sessions": (Resource.USER_SESSIONS, Action.LIST),
    "get_user_session": (Resource.USER_SESSIONS, Action.READ),
    "delete_user_session": (Resource.USER_SESSIONS, Action.DELETE),
    "create_category": (Resource.CATEGORIES, Action.CREATE),
    "update_category": (Resource.CATEGORIES, Action.UPDATE),
    "delete_category": (Resource.CATEGORIES, Action.DELETE),
    "create_product": (Resource.PRODUCTS, Action.CREATE),
    "update_product": (Resource.PRODUCTS, Action.UPDATE),
    "delete_product": (Resource.PRODUCTS, Action.DELETE),
    "list_carts": (Resource.CARTS, Action.LIST),
    "get_cart": (Resource.CARTS, Action.READ),
    "create_cart": (Resource.CARTS, Action.CREATE),
    "delete_cart": (Resource.CARTS, Action.DELETE),
    "checkout_cart": (Resource.CARTS, Action.CHECKOUT),
    "list_cart_items": (Resource.CART_ITEMS, Action.LIST),
    "get_cart_item": (Resource.CART_ITEMS, Action.READ),
    "create_cart_item": (Resource.CART_ITEMS, Action.CREATE),
    "update_cart_item": (Resource.CART_ITEMS, Action.UPDATE),
    "delete_cart_item": (Resource.CART_ITEMS, Action.DELETE),
    "list_orders": (Resource.ORDERS, Action.LIST),
    "get_order": (Resource.ORDERS, Action.READ),
    "pay_order": (Resource.ORDERS, Action.PAY),
    "ship_order": (Resource.ORDERS, Action.SHIP),
    "deliver_order": (Resource.ORDERS, Action.DELIVER),
    "cancel_order": (Resource.ORDERS, Action.CANCEL),
    "list_order_items": (Resource.ORDER_ITEMS, Action.LIST),
    "get_order_item": (Resource.ORDER_ITEMS, Action.READ),
}
"""The right each other operation needs."""


@cache
def operations() -> dict[str, tuple[str, str, dict[str, Any]]]:
    paths = create_app(make_settings("sqlite://")).openapi()["paths"]
    return {
        operation["operationId"]: (method.upper(), path, operation)
        for path, methods in paths.items()
        for method, operation in methods.items()
    }


def send(client: TestClient, name: str, headers: dict[str, str] | None = None) -> Any:
    method, path, _ = operations()[name]
    parts = [str(uuid4()) if part.startswith("{") else part for part in path.split("/")]
    return client.request(method, "/".join(parts), json={}, headers=headers)


def test_every_operation_is_classified() -> None:
    assert set(operations()) == PUBLIC | SELF_SERVICE | set(OPERATIONS)


def test_document_says_which_operations_need_a_token() -> None:
    protected = {name for name, (_, _, item) in operations().items() if "security" in item}

    assert protected == SELF_SERVICE | set(OPERATIONS)


@pytest.mark.parametrize("name", sorted(SELF_SERVICE | set(OPERATIONS)))
def test_operation_needs_a_token(client: TestClient, name: str) -> None:
    assert_problem(send(client, name), 401, "unauthorized")


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_role_may_do_exactly_what_the_policy_says(
    client: TestClient, act_as: Callable[[Role], Actor], name: str, role: Role
) -> None:
    actor = act_as(role)
    resource, action = OPERATIONS[name]
    allowed = action in POLICY[role].get(resource, {})

    answer = send(client, name, actor.headers)

    # A random id and an empty body get past the right only to fail on something else.
    assert (answer.status_code != 403) is allowed, answer.text


def test_what_the_policy_does_not_name_is_refused(
    client: TestClient, admin: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.policy.POLICY", {})

    assert_problem(client.get(f"{API}/users", headers=admin.headers), 403, "forbidden")


def test_right_is_checked_before_the_body(client: TestClient, user: Actor) -> None:
    answer = client.post(f"{API}/users", json={"nonsense": 1}, headers=user.headers)

    assert_problem(answer, 403)
