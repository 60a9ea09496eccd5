"""Rentals over HTTP: what the rules say."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session

from app.models.rental import Rental, RentalStatus
from app.policy import Role
from tests.factories import body_of_rental
from tests.support import API, Actor, assert_problem

URL = f"{API}/rentals"


def test_rental_dates_ordered(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)
    data = body_of_rental(session)
    data["start_date"], data["end_date"] = data["end_date"], data["start_date"]

    problem = assert_problem(client.post(URL, json=data, headers=actor.headers), 422, "not_ordered")

    assert problem["errors"][0]["field"] == "body.end_date"


def test_rental_dates_ordered_with_equal_values(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)
    data = body_of_rental(session)
    data["end_date"] = data["start_date"]

    answer = client.post(URL, json=data, headers=actor.headers)

    assert answer.status_code == 201, answer.text


def test_item_rented_once(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)
    first = body_of_rental(session)
    assert client.post(URL, json=first, headers=actor.headers).status_code == 201
    same = {name: first[name] for name in ("item_id", "start_date", "end_date")}
    data = body_of_rental(session) | same

    assert_problem(client.post(URL, json=data, headers=actor.headers), 409, "overlap")


def test_item_rented_once_lets_one_begin_when_another_ends(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)
    first = body_of_rental(session)
    assert client.post(URL, json=first, headers=actor.headers).status_code == 201
    data = body_of_rental(session) | {
        "item_id": first["item_id"],
        "start_date": first["end_date"],
    }

    assert client.post(URL, json=data, headers=actor.headers).status_code == 201


def test_item_rented_once_holds_for_two_at_once(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)
    first = body_of_rental(session)
    same = {name: first[name] for name in ("item_id", "start_date", "end_date")}
    bodies = [first, *(body_of_rental(session) | same for _ in range(3))]

    def send(body: dict[str, Any]) -> int:
        return client.post(URL, json=body, headers=actor.headers).status_code

    with ThreadPoolExecutor(4) as pool:
        statuses = sorted(pool.map(send, bodies))

    assert statuses == [201, 409, 409, 409]


@pytest.mark.parametrize(
    ("state", "status"),
    [
        (RentalStatus.RESERVED, 409),
        (RentalStatus.PICKED_UP, 409),
        (RentalStatus.RETURNED, 201),
        (RentalStatus.CANCELLED, 201),
    ],
)
def test_item_rented_once_counts_what_is_in_some_states(
    client: TestClient,
    session: Session,
    act_as: Callable[[Role], Actor],
    state: RentalStatus,
    status: int,
) -> None:
    actor = act_as(Role.ADMIN)
    data = body_of_rental(session)
    first = client.post(URL, json=data, headers=actor.headers).json()
    row = session.get_one(Rental, UUID(first["id"]))
    row.status = state
    session.commit()
    same = {name: data[name] for name in ("item_id", "start_date", "end_date")}
    again = body_of_rental(session) | same

    assert client.post(URL, json=again, headers=actor.headers).status_code == status
