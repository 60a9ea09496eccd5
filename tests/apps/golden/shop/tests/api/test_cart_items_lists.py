"""Cart items over HTTP: what is found."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session

from app.policy import Role
from tests.factories import add_cart, add_cart_item, add_product
from tests.support import API, Actor, assert_problem

URL = f"{API}/cart-items"


def test_list_pages_cover_everything_once(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)
    rows = {str(add_cart_item(session, owner_id=actor.id).id) for _ in range(5)}

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
        "quantity",
    ],
)
def test_list_sorts_both_ways(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor], field: str
) -> None:
    actor = act_as(Role.ADMIN)
    for _ in range(3):
        add_cart_item(session, owner_id=actor.id)

    def values(sort: str) -> list[Any]:
        answer = client.get(URL, params={"sort": sort}, headers=actor.headers)
        assert answer.status_code == 200
        return [item[field] for item in answer.json()["items"]]

    assert len(values(field)) == 3
    assert values(field) == sorted(values(field))
    assert values(f"-{field}") == sorted(values(field), reverse=True)


def test_list_filters_by_cart_id(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)
    wanted = add_cart_item(
        session, owner_id=actor.id, cart_id=add_cart(session, owner_id=actor.id).id
    )
    add_cart_item(session, owner_id=actor.id)

    params = {"cart_id": str(wanted.cart_id)}
    body = client.get(URL, params=params, headers=actor.headers).json()

    assert [item["id"] for item in body["items"]] == [str(wanted.id)]


def test_list_filters_by_product_id(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)
    wanted = add_cart_item(session, owner_id=actor.id, product_id=add_product(session).id)
    add_cart_item(session, owner_id=actor.id)

    params = {"product_id": str(wanted.product_id)}
    body = client.get(URL, params=params, headers=actor.headers).json()

    assert [item["id"] for item in body["items"]] == [str(wanted.id)]


def test_read_shows_the_cart_item(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)
    row = add_cart_item(session, owner_id=actor.id)

    answer = client.get(f"{URL}/{row.id}", headers=actor.headers)

    assert answer.status_code == 200
    body = answer.json()
    assert body["id"] == str(row.id)


def test_read_of_an_unknown_cart_item_is_404(
    client: TestClient, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)

    assert_problem(client.get(f"{URL}/{uuid4()}", headers=actor.headers), 404, "not_found")


def test_read_of_a_malformed_id_is_422(client: TestClient, act_as: Callable[[Role], Actor]) -> None:
    actor = act_as(Role.ADMIN)

    assert_problem(client.get(f"{URL}/1", headers=actor.headers), 422, "invalid")
