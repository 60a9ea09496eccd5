"""Rentals over HTTP: what is found."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session

from app.models.rental import RentalStatus
from app.policy import Role
from tests.factories import add_customer, add_item, add_rental
from tests.support import API, Actor, assert_problem

URL = f"{API}/rentals"


def test_list_pages_cover_everything_once(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)
    rows = {str(add_rental(session).id) for _ in range(5)}

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
        "start_date",
        "end_date",
        "deposit",
        "status",
    ],
)
def test_list_sorts_both_ways(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor], field: str
) -> None:
    actor = act_as(Role.ADMIN)
    for _ in range(3):
        add_rental(session)

    def values(sort: str) -> list[Any]:
        answer = client.get(URL, params={"sort": sort}, headers=actor.headers)
        assert answer.status_code == 200
        return [item[field] for item in answer.json()["items"]]

    def order(value: Any) -> Any:
        return Decimal(value) if field in EXACT else value

    assert len(values(field)) == 3
    assert values(field) == sorted(values(field), key=order)
    assert values(f"-{field}") == sorted(values(field), key=order, reverse=True)


EXACT = {"deposit"}


def test_list_filters_by_customer_id(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)
    wanted = add_rental(session, customer_id=add_customer(session).id)
    add_rental(session)

    params = {"customer_id": str(wanted.customer_id)}
    body = client.get(URL, params=params, headers=actor.headers).json()

    assert [item["id"] for item in body["items"]] == [str(wanted.id)]


def test_list_filters_by_item_id(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)
    wanted = add_rental(session, item_id=add_item(session).id)
    add_rental(session)

    params = {"item_id": str(wanted.item_id)}
    body = client.get(URL, params=params, headers=actor.headers).json()

    assert [item["id"] for item in body["items"]] == [str(wanted.id)]


def test_list_filters_by_status(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)
    wanted = add_rental(session, status=RentalStatus.RESERVED)
    add_rental(session, status=RentalStatus.PICKED_UP)

    params = {"status": "reserved"}
    body = client.get(URL, params=params, headers=actor.headers).json()

    assert [item["id"] for item in body["items"]] == [str(wanted.id)]


def test_list_filters_by_start_date_from(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)
    early = add_rental(session)
    late = add_rental(session)

    def ids(name: str, value: Any) -> list[str]:
        body = client.get(
            URL, params={name: str(value).replace(" ", "T")}, headers=actor.headers
        ).json()
        return [item["id"] for item in body["items"]]

    assert ids("start_date_from", late.start_date) == [str(late.id)]
    assert ids("start_date_to", early.start_date) == [str(early.id)]


def test_list_filters_by_end_date_from(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)
    early = add_rental(session)
    late = add_rental(session)

    def ids(name: str, value: Any) -> list[str]:
        body = client.get(
            URL, params={name: str(value).replace(" ", "T")}, headers=actor.headers
        ).json()
        return [item["id"] for item in body["items"]]

    assert ids("end_date_from", late.end_date) == [str(late.id)]
    assert ids("end_date_to", early.end_date) == [str(early.id)]


def test_read_shows_the_rental(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)
    row = add_rental(session)

    answer = client.get(f"{URL}/{row.id}", headers=actor.headers)

    assert answer.status_code == 200
    body = answer.json()
    assert body["id"] == str(row.id)


def test_read_of_an_unknown_rental_is_404(
    client: TestClient, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)

    assert_problem(client.get(f"{URL}/{uuid4()}", headers=actor.headers), 404, "not_found")


def test_read_of_a_malformed_id_is_422(client: TestClient, act_as: Callable[[Role], Actor]) -> None:
    actor = act_as(Role.ADMIN)

    assert_problem(client.get(f"{URL}/1", headers=actor.headers), 422, "invalid")
