"""Rentals over HTTP: what is stored and what is refused."""

from collections.abc import Callable
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session

from app.models.damage_report import DamageReport
from app.models.rental import Rental
from app.policy import Role
from tests.factories import add_damage_report, add_rental, body_of_rental
from tests.support import API, Actor, assert_problem

URL = f"{API}/rentals"


def test_create_returns_the_rental_and_where_it_is(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)
    data = body_of_rental(session)

    answer = client.post(URL, json=data, headers=actor.headers)

    assert answer.status_code == 201, answer.text
    body = answer.json()
    assert {name: body[name] for name in data} == data
    assert answer.headers["location"] == f"{URL}/{body['id']}"
    read = client.get(answer.headers["location"], headers=actor.headers)
    assert read.status_code == 200
    assert read.json() == body


def test_created_rental_starts_as_reserved(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)

    body = client.post(URL, json=body_of_rental(session), headers=actor.headers).json()

    assert body["status"] == "reserved"


def test_create_fills_in_what_is_left_out(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)
    data = body_of_rental(session)
    for name in ("deposit",):
        data.pop(name, None)

    answer = client.post(URL, json=data, headers=actor.headers)

    assert answer.status_code == 201, answer.text
    body = answer.json()
    assert body["deposit"] == "0.00"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("start_date", "07.01.2030"),
        ("start_date", "2030-02-30"),
        ("start_date", 20300107),
        ("end_date", "07.01.2030"),
        ("end_date", "2030-02-30"),
        ("end_date", 20300107),
        ("deposit", "-0.01"),
        ("deposit", "10000000000.99"),
        ("deposit", "0.001"),
        ("deposit", 1.5),
        ("deposit", "much"),
    ],
)
def test_create_refuses_values_out_of_bounds(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor], field: str, value: object
) -> None:
    actor = act_as(Role.ADMIN)
    data = body_of_rental(session) | {field: value}

    problem = assert_problem(client.post(URL, json=data, headers=actor.headers), 422, "invalid")

    assert {error["field"] for error in problem["errors"]} == {f"body.{field}"}


@pytest.mark.parametrize(
    "field",
    [
        "customer_id",
        "item_id",
        "start_date",
        "end_date",
    ],
)
def test_create_requires_field(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor], field: str
) -> None:
    actor = act_as(Role.ADMIN)
    data = body_of_rental(session)
    del data[field]

    problem = assert_problem(client.post(URL, json=data, headers=actor.headers), 422, "invalid")

    assert problem["errors"][0]["field"] == f"body.{field}"
    assert problem["errors"][0]["code"] == "missing"


@pytest.mark.parametrize(
    "field",
    [
        "id",
        "created_at",
        "status",
        "no_such_field",
    ],
)
def test_create_refuses_fields_that_are_not_given(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor], field: str
) -> None:
    actor = act_as(Role.ADMIN)
    data = body_of_rental(session) | {field: "x"}

    problem = assert_problem(client.post(URL, json=data, headers=actor.headers), 422, "invalid")

    assert problem["errors"][0]["code"] == "extra_forbidden"


def test_create_refuses_an_unknown_customer(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)
    data = body_of_rental(session) | {"customer_id": str(uuid4())}

    answer = client.post(URL, json=data, headers=actor.headers)

    problem = assert_problem(answer, 409, "unknown_reference")
    assert problem["errors"][0]["field"] == "body.customer_id"


def test_create_refuses_an_unknown_item(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)
    data = body_of_rental(session) | {"item_id": str(uuid4())}

    answer = client.post(URL, json=data, headers=actor.headers)

    problem = assert_problem(answer, 409, "unknown_reference")
    assert problem["errors"][0]["field"] == "body.item_id"


def test_update_changes_only_the_given_fields(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)
    row = add_rental(session)
    before = client.patch(f"{URL}/{row.id}", json={}, headers=actor.headers).json()
    value = body_of_rental(session)["deposit"]

    answer = client.patch(f"{URL}/{row.id}", json={"deposit": value}, headers=actor.headers)

    assert answer.status_code == 200, answer.text
    after = answer.json()
    assert after["deposit"] == value != before["deposit"]
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {"deposit", "updated_at"}


def test_update_without_changes_is_allowed(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)
    row = add_rental(session)

    answer = client.patch(f"{URL}/{row.id}", json={}, headers=actor.headers)

    assert answer.status_code == 200, answer.text
    assert answer.json()["id"] == str(row.id)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("start_date", None),
        ("end_date", None),
        ("deposit", None),
        ("start_date", "07.01.2030"),
        ("end_date", "07.01.2030"),
        ("deposit", "-0.01"),
        ("id", "x"),
        ("created_at", "x"),
        ("status", "x"),
        ("no_such_field", "x"),
    ],
)
def test_update_refuses_values(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor], field: str, value: object
) -> None:
    actor = act_as(Role.ADMIN)
    row = add_rental(session)

    answer = client.patch(f"{URL}/{row.id}", json={field: value}, headers=actor.headers)

    problem = assert_problem(answer, 422, "invalid")
    assert {error["field"] for error in problem["errors"]} == {f"body.{field}"}


def test_update_refuses_an_unknown_customer(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)
    row = add_rental(session)
    changes = {"customer_id": str(uuid4())}

    answer = client.patch(f"{URL}/{row.id}", json=changes, headers=actor.headers)

    assert_problem(answer, 409, "unknown_reference")


def test_update_refuses_an_unknown_item(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)
    row = add_rental(session)
    changes = {"item_id": str(uuid4())}

    answer = client.patch(f"{URL}/{row.id}", json=changes, headers=actor.headers)

    assert_problem(answer, 409, "unknown_reference")


def test_update_of_an_unknown_rental_is_404(
    client: TestClient, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)

    assert_problem(client.patch(f"{URL}/{uuid4()}", json={}, headers=actor.headers), 404)


def test_delete_removes_the_rental(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)
    row = add_rental(session)

    answer = client.delete(f"{URL}/{row.id}", headers=actor.headers)

    assert answer.status_code == 204, answer.text
    assert answer.content == b""
    assert session.get(Rental, row.id, populate_existing=True) is None


def test_delete_of_an_unknown_rental_is_404(
    client: TestClient, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)

    assert_problem(client.delete(f"{URL}/{uuid4()}", headers=actor.headers), 404)


def test_delete_is_refused_while_a_damage_report_refers_to_it(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)
    row = add_rental(session)
    part = add_damage_report(session, rental_id=row.id)

    answer = client.delete(f"{URL}/{row.id}", headers=actor.headers)

    assert_problem(answer, 409, "in_use")
    assert session.get(DamageReport, part.id, populate_existing=True) is not None
