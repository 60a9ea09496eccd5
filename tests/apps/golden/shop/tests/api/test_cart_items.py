"""Cart items over HTTP: who may do what, what is refused, and what the rules say."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session

from app.models.cart import CartStatus
from app.models.cart_item import CartItem
from app.policy import Role
from tests.factories import add_cart, add_cart_item, add_product, body_of_cart_item
from tests.support import API, Actor, assert_problem

URL = f"{API}/cart-items"
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
        (Role.ADMIN, {"list", "read"}),
        (Role.STAFF, set()),
        (Role.CUSTOMER, {"list", "read", "create", "update", "delete"}),
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


def test_create_returns_the_cart_item_and_where_it_is(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.CUSTOMER)
    data = body_of_cart_item(session, owner_id=actor.id)

    answer = client.post(URL, json=data, headers=actor.headers)

    assert answer.status_code == 201, answer.text
    body = answer.json()
    assert {name: body[name] for name in data} == data
    assert answer.headers["location"] == f"{URL}/{body['id']}"
    read = client.get(answer.headers["location"], headers=actor.headers)
    assert read.status_code == 200
    assert read.json() == body


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("quantity", 0),
        ("quantity", 1001),
        ("quantity", 1.5),
        ("quantity", "many"),
    ],
)
def test_create_refuses_values_out_of_bounds(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor], field: str, value: object
) -> None:
    actor = act_as(Role.CUSTOMER)
    data = body_of_cart_item(session, owner_id=actor.id) | {field: value}

    problem = assert_problem(client.post(URL, json=data, headers=actor.headers), 422, "invalid")

    assert {error["field"] for error in problem["errors"]} == {f"body.{field}"}


@pytest.mark.parametrize(
    "field",
    [
        "cart_id",
        "product_id",
        "quantity",
    ],
)
def test_create_requires_field(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor], field: str
) -> None:
    actor = act_as(Role.CUSTOMER)
    data = body_of_cart_item(session, owner_id=actor.id)
    del data[field]

    problem = assert_problem(client.post(URL, json=data, headers=actor.headers), 422, "invalid")

    assert problem["errors"][0]["field"] == f"body.{field}"
    assert problem["errors"][0]["code"] == "missing"


@pytest.mark.parametrize(
    "field",
    [
        "id",
        "created_at",
        "no_such_field",
    ],
)
def test_create_refuses_fields_that_are_not_given(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor], field: str
) -> None:
    actor = act_as(Role.CUSTOMER)
    data = body_of_cart_item(session, owner_id=actor.id) | {field: "x"}

    problem = assert_problem(client.post(URL, json=data, headers=actor.headers), 422, "invalid")

    assert problem["errors"][0]["code"] == "extra_forbidden"


def test_create_refuses_an_unknown_cart(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.CUSTOMER)
    data = body_of_cart_item(session, owner_id=actor.id) | {"cart_id": str(uuid4())}

    answer = client.post(URL, json=data, headers=actor.headers)

    problem = assert_problem(answer, 409, "unknown_reference")
    assert problem["errors"][0]["field"] == "body.cart_id"


def test_create_refuses_an_unknown_product(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.CUSTOMER)
    data = body_of_cart_item(session, owner_id=actor.id) | {"product_id": str(uuid4())}

    answer = client.post(URL, json=data, headers=actor.headers)

    problem = assert_problem(answer, 409, "unknown_reference")
    assert problem["errors"][0]["field"] == "body.product_id"


def test_product_once_per_cart_holds(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.CUSTOMER)
    taken = body_of_cart_item(session, owner_id=actor.id)
    assert client.post(URL, json=taken, headers=actor.headers).status_code == 201
    same = {name: taken[name] for name in ("cart_id", "product_id")}
    data = body_of_cart_item(session, owner_id=actor.id) | same

    assert_problem(client.post(URL, json=data, headers=actor.headers), 409, "already_exists")


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


def test_update_changes_only_the_given_fields(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.CUSTOMER)
    row = add_cart_item(session, owner_id=actor.id)
    before = client.patch(f"{URL}/{row.id}", json={}, headers=actor.headers).json()
    value = body_of_cart_item(session, owner_id=actor.id)["quantity"]

    answer = client.patch(f"{URL}/{row.id}", json={"quantity": value}, headers=actor.headers)

    assert answer.status_code == 200, answer.text
    after = answer.json()
    assert after["quantity"] == value != before["quantity"]
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {"quantity", "updated_at"}


def test_update_without_changes_is_allowed(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.CUSTOMER)
    row = add_cart_item(session, owner_id=actor.id)

    answer = client.patch(f"{URL}/{row.id}", json={}, headers=actor.headers)

    assert answer.status_code == 200, answer.text
    assert answer.json()["id"] == str(row.id)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("quantity", None),
        ("quantity", 0),
        ("cart_id", "6f1e0c52-6f4a-4f0e-9b6f-2f1d6b0c9a10"),
        ("id", "x"),
        ("created_at", "x"),
        ("no_such_field", "x"),
    ],
)
def test_update_refuses_values(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor], field: str, value: object
) -> None:
    actor = act_as(Role.CUSTOMER)
    row = add_cart_item(session, owner_id=actor.id)

    answer = client.patch(f"{URL}/{row.id}", json={field: value}, headers=actor.headers)

    problem = assert_problem(answer, 422, "invalid")
    assert {error["field"] for error in problem["errors"]} == {f"body.{field}"}


def test_update_refuses_an_unknown_product(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.CUSTOMER)
    row = add_cart_item(session, owner_id=actor.id)
    changes = {"product_id": str(uuid4())}

    answer = client.patch(f"{URL}/{row.id}", json=changes, headers=actor.headers)

    assert_problem(answer, 409, "unknown_reference")


def test_update_of_an_unknown_cart_item_is_404(
    client: TestClient, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.CUSTOMER)

    assert_problem(client.patch(f"{URL}/{uuid4()}", json={}, headers=actor.headers), 404)


def test_delete_removes_the_cart_item(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.CUSTOMER)
    row = add_cart_item(session, owner_id=actor.id)

    answer = client.delete(f"{URL}/{row.id}", headers=actor.headers)

    assert answer.status_code == 204, answer.text
    assert answer.content == b""
    assert session.get(CartItem, row.id, populate_existing=True) is None


def test_delete_of_an_unknown_cart_item_is_404(
    client: TestClient, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.CUSTOMER)

    assert_problem(client.delete(f"{URL}/{uuid4()}", headers=actor.headers), 404)


def test_list_contains_only_own_rows(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.CUSTOMER)
    mine = add_cart_item(session, owner_id=actor.id)
    add_cart_item(session)

    body = client.get(URL, headers=actor.headers).json()

    assert [item["id"] for item in body["items"]] == [str(mine.id)]
    assert body["total"] == 1


def test_list_contains_the_rows_of_everybody_for_admin(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.ADMIN)
    rows = {str(add_cart_item(session).id) for _ in range(2)}

    body = client.get(URL, headers=actor.headers).json()

    assert {item["id"] for item in body["items"]} == rows


@pytest.mark.parametrize(
    ("role", "method", "tail", "body"),
    [
        (Role.CUSTOMER, "GET", "", {}),
        (Role.CUSTOMER, "PATCH", "", {}),
        (Role.CUSTOMER, "DELETE", "", {}),
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
    row = add_cart_item(session)

    answer = client.request(method, f"{URL}/{row.id}{tail}", json=body, headers=actor.headers)

    assert_problem(answer, 404, "not_found")
    assert session.get(CartItem, row.id, populate_existing=True) is not None


def test_create_refuses_the_cart_of_somebody_else(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.CUSTOMER)
    foreign = add_cart(session)
    data = body_of_cart_item(session, owner_id=actor.id) | {"cart_id": str(foreign.id)}

    answer = client.post(URL, json=data, headers=actor.headers)

    assert_problem(answer, 409, "unknown_reference")


def test_update_is_refused_once_the_cart_is_closed(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.CUSTOMER)
    closed = add_cart(session, owner_id=actor.id, status=CartStatus.CHECKED_OUT)
    row = add_cart_item(session, owner_id=actor.id, cart_id=closed.id)

    answer = client.patch(f"{URL}/{row.id}", json={}, headers=actor.headers)

    assert_problem(answer, 409, "closed")


def test_delete_is_refused_once_the_cart_is_closed(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.CUSTOMER)
    closed = add_cart(session, owner_id=actor.id, status=CartStatus.CHECKED_OUT)
    row = add_cart_item(session, owner_id=actor.id, cart_id=closed.id)

    answer = client.delete(f"{URL}/{row.id}", headers=actor.headers)

    assert_problem(answer, 409, "closed")


def test_create_is_refused_once_the_cart_is_closed(
    client: TestClient, session: Session, act_as: Callable[[Role], Actor]
) -> None:
    actor = act_as(Role.CUSTOMER)
    closed = add_cart(session, owner_id=actor.id, status=CartStatus.CHECKED_OUT)
    data = body_of_cart_item(session, owner_id=actor.id, cart_id=closed.id)

    assert_problem(client.post(URL, json=data, headers=actor.headers), 409, "closed")
