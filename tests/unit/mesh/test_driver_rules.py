"""What the driver knows of an application before it sends anything: routes, hints, paths through states."""

from __future__ import annotations

import pytest

from qlf.core.spec import Entity, Spec, load_spec
from qlf.mesh.driver.contract import Contract
from qlf.mesh.driver.hints import hints_for
from qlf.mesh.driver.machine import legal_path

SPEC = """
version: 1
app: {name: rental, title: Rental}
entities:
  - name: item
    fields:
      - {name: stock, type: integer}
  - name: order_line
    fields:
      - {name: quantity, type: integer}
      - {name: start, type: date}
      - {name: middle, type: date}
      - {name: end, type: date}
      - {name: cost, type: money}
      - {name: status, type: enum, choices: [new, open, closed, lost]}
relations:
  - {from: order_line, to: item, name: item}
state_machines:
  - entity: order_line
    initial: new
    states: [new, open, closed, lost]
    transitions:
      - {name: lose, from: [new], to: lost}
      - name: begin
        from: [new]
        to: open
        effects: [{kind: adjust, through: item, field: stock, by: quantity}]
      - {name: finish, from: [open], to: closed}
      - {name: again, from: [closed], to: open}
rules:
  - {kind: ordered, name: a, entity: order_line, first: middle, last: end}
  - {kind: ordered, name: b, entity: order_line, first: start, last: middle}
  - {kind: approval, name: c, entity: order_line, field: cost, above: 50, transition: finish, roles: [admin]}
"""


@pytest.fixture
def spec() -> Spec:
    return load_spec(SPEC)


def test_rules_say_what_values_a_row_needs(spec: Spec) -> None:
    line = hints_for(spec, "order_line")
    assert line["quantity"].number == 1
    assert line["cost"].number == 50
    assert [line[name].day for name in ("middle", "end")] == [1, 2]
    assert hints_for(spec, "item")["stock"].number == 100


def test_the_longest_legal_path_is_walked(spec: Spec) -> None:
    machine = spec.machine("order_line")
    assert machine is not None
    assert [step.name for step in legal_path(machine)] == ["begin", "finish"]


def test_routes_are_found_by_the_plural_with_dashes(spec: Spec) -> None:
    ok = {"responses": {"200": {}}}
    document = {
        "paths": {
            "/api/v1/auth/login": {"post": ok},
            "/api/v1/order-lines": {
                "get": {**ok, "parameters": [{"in": "query", "name": "limit"}]},
                "post": {"responses": {"422": {}, "201": {}}, "security": [{"token": []}]},
            },
            "/api/v1/order-lines/{order_line_id}": {"patch": ok, "parameters": []},
            "/api/v1/order-lines/{order_line_id}/give-back": {"post": ok},
            "/api/v1/order-lines/export": {"get": ok},
        }
    }
    contract = Contract(document, "/auth/login")
    routes = contract.routes(spec.entity("order_line"))
    assert contract.operations == 6
    assert routes.list is not None
    assert routes.list.queries == ("limit",)
    assert routes.create is not None
    assert (routes.create.success, routes.create.secured) == (201, True)
    assert routes.read is None
    assert routes.update is not None
    assert routes.update.at("7") == "/api/v1/order-lines/7"
    assert list(routes.verbs or {}) == ["give_back"]
    assert not contract.routes(spec.entity("item")).any


@pytest.mark.parametrize("name", ["user", "employee"])
def test_accounts_are_found_at_users_whatever_the_spec_calls_them(name: str) -> None:
    ok = {"responses": {"200": {}}}
    document = {"paths": {"/api/v1/auth/login": {"post": ok}, "/api/v1/users": {"post": ok}}}
    contract = Contract(document, "/auth/login")
    assert contract.routes(Entity(name=name, account=True)).create is not None
    assert not contract.routes(Entity(name="employee")).any


@pytest.mark.parametrize("document", [None, [], {}, {"paths": {}}, {"paths": []}])
def test_what_is_no_contract_is_refused(document: object) -> None:
    with pytest.raises(ValueError, match="no paths"):
        Contract(document, "/auth/login")
