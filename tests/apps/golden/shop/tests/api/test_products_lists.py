"""Products over HTTP: what is found."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session

from app.policy import Role
from tests.factories import add_category, add_product
from tests.support import API, Actor, assert_problem

URL = f"{API}/products"


def test_list_pages_cover_everything_once(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)
    rows = {str(add_product(session).id) for _ in range(5)}

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
        "sku",
        "name",
        "price",
        "stock",
        "is_active",
    ],
)
def test_list_sorts_both_ways(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor], field: str
) -> None:
    actor = act_as(Role.ADMIN)
    for _ in range(3):
        add_product(session)

    def values(sort: str) -> list[Any]:
        answer = client.get(URL, params={"sort": sort}, headers=actor.headers)
        assert answer.status_code == 200
        return [item[field] for item in answer.json()["items"]]

    def order(value: Any) -> Any:
        return Decimal(value) if field in EXACT else value

    assert len(values(field)) == 3
    assert values(field) == sorted(values(field), key=order)
    assert values(f"-{field}") == sorted(values(field), key=order, reverse=True)


EXACT = {"price"}


def test_list_filters_by_category_id(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)
    wanted = add_product(session, category_id=add_category(session).id)
    add_product(session)

    params = {"category_id": str(wanted.category_id)}
    body = client.get(URL, params=params, headers=actor.headers).json()

    assert [item["id"] for item in body["items"]] == [str(wanted.id)]


def test_list_filters_by_is_active(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)
    wanted = add_product(session, is_active=True)
    add_product(session, is_active=False)

    params = {"is_active": "true"}
    body = client.get(URL, params=params, headers=actor.headers).json()

    assert [item["id"] for item in body["items"]] == [str(wanted.id)]


def test_list_search_takes_wildcards_literally(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)
    add_product(session)
    wanted = add_product(session)

    def ids(term: str) -> list[str]:
        body = client.get(URL, params={"q": term}, headers=actor.headers).json()
        return [item["id"] for item in body["items"]]

    assert ids((wanted.sku or "")[:100]) == [str(wanted.id)]
    assert ids((wanted.sku or "")[:100].upper()) == [str(wanted.id)]
    assert ids("%") == []


def test_read_shows_the_product(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)
    row = add_product(session)

    answer = client.get(f"{URL}/{row.id}", headers=actor.headers)

    assert answer.status_code == 200
    body = answer.json()
    assert body["id"] == str(row.id)
    assert body["sku"] == row.sku
    assert body["name"] == row.name
    assert body["description"] == row.description


def test_read_of_an_unknown_product_is_404(
    client: TestClient, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)

    assert_problem(client.get(f"{URL}/{uuid4()}", headers=actor.headers), 404, "not_found")


def test_read_of_a_malformed_id_is_422(client: TestClient, act_as: Callable[[Role], Actor]) -> None:
    actor = act_as(Role.ADMIN)

    assert_problem(client.get(f"{URL}/1", headers=actor.headers), 422, "invalid")


def test_read_needs_no_account(client: TestClient, session: Session) -> None:
    row = add_product(session)

    assert client.get(f"{URL}/{row.id}").json()["id"] == str(row.id)
