"""Rentals over HTTP: what can be done when."""

from collections.abc import Callable
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session

from app.models.rental import Rental, RentalStatus
from app.policy import Role
from tests.factories import add_rental
from tests.support import API, Actor, assert_problem

URL = f"{API}/rentals"


@pytest.mark.parametrize("state", [RentalStatus.RESERVED])
def test_pick_up_leads_to_picked_up(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor], state: RentalStatus
) -> None:
    actor = act_as(Role.ADMIN)
    row = add_rental(session, status=state)

    answer = client.post(f"{URL}/{row.id}/pick-up", headers=actor.headers)

    assert answer.status_code == 200, answer.text
    assert answer.json()["status"] == "picked_up"
    session.expire_all()
    assert session.get_one(Rental, row.id).status is RentalStatus.PICKED_UP


@pytest.mark.parametrize(
    "state", [RentalStatus.PICKED_UP, RentalStatus.RETURNED, RentalStatus.CANCELLED]
)
def test_pick_up_is_refused_in_other_states(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor], state: RentalStatus
) -> None:
    actor = act_as(Role.ADMIN)
    row = add_rental(session, status=state)

    answer = client.post(f"{URL}/{row.id}/pick-up", headers=actor.headers)

    assert_problem(answer, 409, "illegal_transition")
    session.expire_all()
    assert session.get_one(Rental, row.id).status is state


def test_pick_up_of_an_unknown_rental_is_404(
    client: TestClient, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)

    answer = client.post(f"{URL}/{uuid4()}/pick-up", headers=actor.headers)

    assert_problem(answer, 404, "not_found")


@pytest.mark.parametrize("state", [RentalStatus.PICKED_UP])
def test_return_leads_to_returned(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor], state: RentalStatus
) -> None:
    actor = act_as(Role.ADMIN)
    row = add_rental(session, status=state)

    answer = client.post(f"{URL}/{row.id}/return", headers=actor.headers)

    assert answer.status_code == 200, answer.text
    assert answer.json()["status"] == "returned"
    session.expire_all()
    assert session.get_one(Rental, row.id).status is RentalStatus.RETURNED


@pytest.mark.parametrize(
    "state", [RentalStatus.RESERVED, RentalStatus.RETURNED, RentalStatus.CANCELLED]
)
def test_return_is_refused_in_other_states(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor], state: RentalStatus
) -> None:
    actor = act_as(Role.ADMIN)
    row = add_rental(session, status=state)

    answer = client.post(f"{URL}/{row.id}/return", headers=actor.headers)

    assert_problem(answer, 409, "illegal_transition")
    session.expire_all()
    assert session.get_one(Rental, row.id).status is state


def test_return_of_an_unknown_rental_is_404(
    client: TestClient, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)

    answer = client.post(f"{URL}/{uuid4()}/return", headers=actor.headers)

    assert_problem(answer, 404, "not_found")


@pytest.mark.parametrize("state", [RentalStatus.RESERVED])
def test_cancel_leads_to_cancelled(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor], state: RentalStatus
) -> None:
    actor = act_as(Role.ADMIN)
    row = add_rental(session, status=state)

    answer = client.post(f"{URL}/{row.id}/cancel", headers=actor.headers)

    assert answer.status_code == 200, answer.text
    assert answer.json()["status"] == "cancelled"
    session.expire_all()
    assert session.get_one(Rental, row.id).status is RentalStatus.CANCELLED


@pytest.mark.parametrize(
    "state", [RentalStatus.PICKED_UP, RentalStatus.RETURNED, RentalStatus.CANCELLED]
)
def test_cancel_is_refused_in_other_states(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor], state: RentalStatus
) -> None:
    actor = act_as(Role.ADMIN)
    row = add_rental(session, status=state)

    answer = client.post(f"{URL}/{row.id}/cancel", headers=actor.headers)

    assert_problem(answer, 409, "illegal_transition")
    session.expire_all()
    assert session.get_one(Rental, row.id).status is state


def test_cancel_of_an_unknown_rental_is_404(
    client: TestClient, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)

    answer = client.post(f"{URL}/{uuid4()}/cancel", headers=actor.headers)

    assert_problem(answer, 404, "not_found")
