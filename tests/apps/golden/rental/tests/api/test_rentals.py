"""Rentals over HTTP: who may do what, what is refused, and what the rules say."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session

from app.models.damage_report import DamageReport
from app.models.rental import Rental, RentalStatus
from app.policy import Role
from tests.factories import add_customer, add_damage_report, add_item, add_rental, body_of_rental
from tests.support import API, Actor, assert_problem

URL = f"{API}/rentals"
ROUTES = {
    "list": ("GET", URL),
    "read": ("GET", f"{URL}/{uuid4()}"),
    "create": ("POST", URL),
    "update": ("PATCH", f"{URL}/{uuid4()}"),
    "delete": ("DELETE", f"{URL}/{uuid4()}"),
    "pick_up": ("POST", f"{URL}/{uuid4()}/pick-up"),
    "return": ("POST", f"{URL}/{uuid4()}/return"),
    "cancel": ("POST", f"{URL}/{uuid4()}/cancel"),
}


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        (Role.ADMIN, {"list", "read", "create", "update", "delete", "pick_up", "return", "cancel"}),
        (Role.STAFF, {"list", "read", "create", "update", "pick_up", "return", "cancel"}),
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


def test_item_rented_once_does_not_count_what_is_returned(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)
    data = body_of_rental(session)
    first = client.post(URL, json=data, headers=actor.headers).json()
    row = session.get_one(Rental, UUID(first["id"]))
    row.status = RentalStatus.RETURNED
    session.commit()
    same = {name: data[name] for name in ("item_id", "start_date", "end_date")}
    again = body_of_rental(session) | same

    assert client.post(URL, json=again, headers=actor.headers).status_code == 201


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

    assert_problem(answer, 409, "conflict")
    assert session.get(DamageReport, part.id, populate_existing=True) is not None


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
