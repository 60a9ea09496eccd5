"""Items over HTTP: who may do what."""

from collections.abc import Callable
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient

from app.policy import Role
from tests.support import API, Actor

URL = f"{API}/items"


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
        (Role.ADMIN, {"list", "read", "create", "update", "delete"}),
        (Role.STAFF, {"list", "read", "create", "update"}),
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
