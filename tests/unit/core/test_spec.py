"""The spec as a whole: what is accepted, what is refused and why."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from qlf.core.spec import (
    Capacity,
    Entity,
    Field,
    FieldType,
    Permission,
    Relation,
    Role,
    Spec,
    parse_spec,
    spec_schema,
)
from qlf.errors import InputError


def spec_data(**more: Any) -> dict[str, Any]:
    data: dict[str, Any] = {
        "app": {"name": "rental", "title": "Rental"},
        "entities": [
            {"name": "item", "fields": [{"name": "title"}, {"name": "price", "type": "money"}]},
            {
                "name": "rental",
                "fields": [
                    {"name": "start_date", "type": "date"},
                    {"name": "end_date", "type": "date"},
                    {
                        "name": "status",
                        "type": "enum",
                        "choices": ["open", "closed"],
                        "default": "open",
                        "read_only": True,
                    },
                ],
            },
        ],
        "relations": [{"from": "rental", "to": "item", "name": "item", "inverse": "rentals"}],
        "roles": [{"name": "staff", "default": True}],
        "state_machines": [
            {
                "entity": "rental",
                "initial": "open",
                "states": ["open", "closed"],
                "transitions": [{"name": "close", "from": ["open"], "to": "closed"}],
            }
        ],
        "permissions": [{"role": "staff", "entity": "rental", "actions": ["list", "close"]}],
        "rules": [
            {
                "kind": "ordered",
                "name": "period",
                "entity": "rental",
                "first": "start_date",
                "last": "end_date",
            }
        ],
    }
    return data | more


def refused(data: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_spec(data, name="app.yaml")
    assert said in caught.value.message
    assert caught.value.message.startswith("app.yaml is not valid")


def test_a_consistent_spec_is_accepted() -> None:
    spec = parse_spec(spec_data())
    assert spec.entity("item").field("price").type is FieldType.MONEY
    assert [relation.to for relation in spec.relations_from("rental")] == ["item"]
    assert [relation.from_ for relation in spec.relations_to("item")] == ["rental"]
    machine = spec.machine("rental")
    assert machine is not None
    assert machine.initial == "open"
    assert spec.machine("item") is None


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"entities": []}, "entities"),
        ({"entities": [{"name": "item"}, {"name": "item"}]}, "defined twice"),
        ({"entities": [{"name": "item", "account": True}, {"name": "rental", "account": True}]}, "account"),
        ({"relations": [{"from": "rental", "to": "house", "name": "house"}]}, "'house'"),
        ({"relations": [{"from": "rental", "to": "item", "name": "status"}]}, "both a field and a relation"),
        (
            {"roles": [{"name": "staff", "default": True}, {"name": "guest", "default": True}]},
            "more than one role is the default",
        ),
        ({"roles": [{"name": "public"}]}, "public"),
        ({"permissions": [{"role": "boss", "entity": "item", "actions": ["read"]}]}, "'boss'"),
        ({"permissions": [{"role": "staff", "entity": "house", "actions": ["read"]}]}, "'house'"),
        ({"permissions": [{"role": "staff", "entity": "item", "actions": ["fly"]}]}, "'fly'"),
        ({"permissions": [{"role": "staff", "entity": "item", "actions": []}]}, "actions"),
        (
            {
                "rules": [
                    {
                        "kind": "ordered",
                        "name": "x",
                        "entity": "rental",
                        "first": "start_date",
                        "last": "nope",
                    }
                ]
            },
            "rental.nope",
        ),
        (
            {
                "rules": [
                    {
                        "kind": "total",
                        "name": "x",
                        "entity": "rental",
                        "field": "start_date",
                        "lines": "nope",
                        "line_field": "a",
                    }
                ]
            },
            "'nope'",
        ),
        (
            {"rules": [{"kind": "unique_together", "name": "x", "entity": "rental", "of": ["item", "nope"]}]},
            "rental.nope",
        ),
        ({"rules": [{"kind": "magic", "name": "x", "entity": "rental"}]}, "rules[0]"),
        ({"surprise": 1}, "surprise"),
        ({"app": {"name": "Not A Slug", "title": "x"}}, "app.name"),
        ({"version": 2}, "version"),
    ],
)
def test_what_does_not_hold_together_is_refused_with_its_place(more: dict[str, Any], said: str) -> None:
    refused(spec_data(**more), said)


def test_a_state_machine_needs_its_field_and_its_states() -> None:
    data = spec_data()
    data["state_machines"][0]["field"] = "phase"
    data["permissions"] = []
    refused(data, "rental.phase")
    data = spec_data()
    data["state_machines"][0]["transitions"][0]["to"] = "gone"
    refused(data, "'gone'")


def test_an_owner_must_be_reached_by_a_relation() -> None:
    data = spec_data()
    data["entities"][1] |= {"ownership": "parent", "owner_via": "house"}
    refused(data, "'house'")
    data["entities"][1] |= {"ownership": "parent", "owner_via": "item"}
    assert parse_spec(data).entity("rental").owner_via == "item"


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Item",
        "item s",
        "1tem",
        "item__x",
        "_item",
        "item_",
        "class",
        "id",
        "metadata",
        "model_x",
        "ä",
        "x" * 49,
        "a-b",
        "self\n",
    ],
)
def test_names_are_plain_snake_case_and_never_reserved(name: str) -> None:
    with pytest.raises(ValidationError):
        Role(name=name)


@given(st.text(max_size=60))
def test_a_name_that_is_accepted_is_an_identifier(text: str) -> None:
    try:
        role = Role(name=text)
    except ValidationError:
        return
    assert role.name.isidentifier()
    assert role.name == role.name.lower()
    assert role.name.isascii()


@pytest.mark.parametrize(
    "field",
    [
        {"type": "enum"},
        {"type": "string", "choices": ("a", "b")},
        {"type": "enum", "choices": ("a", "a")},
        {"type": "integer", "max_length": 3},
        {"type": "boolean", "minimum": 1},
        {"type": "string", "maximum": 4},
        {"type": "integer", "minimum": 5, "maximum": 4},
        {"type": "string", "min_length": 5, "max_length": 4},
        {"type": "enum", "choices": ("a", "b"), "default": "c"},
        {"type": "money", "minimum": "NaN"},
        {"type": "money", "maximum": "Infinity"},
        {"type": "money", "scale": 7},
        {"type": "spaceship"},
        {"type": "date", "pattern": "x"},
        {"description": "a\u202eb"},
    ],
)
def test_constraints_that_do_not_fit_the_type_are_refused(field: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Field.model_validate({"name": "x", **field})


@pytest.mark.parametrize(
    ("value", "written"),
    [(0.1, "0.1"), (1.5, "1.5"), (3, 3), ("2.50", "2.5"), (100, 100), (Decimal("1E+3"), 1000)],
)
def test_numbers_are_decimal_and_written_plainly(value: object, written: object) -> None:
    field = Field.model_validate({"name": "x", "type": "decimal", "maximum": value})
    assert field.model_dump(mode="json")["maximum"] == written
    assert isinstance(field.maximum, Decimal)


def test_relations_that_contradict_themselves_are_refused() -> None:
    base = {"from": "a_row", "to": "b_row", "name": "whole"}
    for more in (
        {"cardinality": "many_to_many", "part_of": True, "on_delete": "cascade"},
        {"on_delete": "set_null"},
        {"part_of": True},
    ):
        with pytest.raises(ValidationError):
            Relation.model_validate(base | more)
    assert Relation.model_validate(base | {"part_of": True, "on_delete": "cascade"}).part_of


def test_a_capacity_says_one_limit() -> None:
    base = {"name": "x", "entity": "booking", "per": "room"}
    for more in ({}, {"limit": 3, "limit_field": "seats"}, {"limit": 0}):
        with pytest.raises(ValidationError):
            Capacity.model_validate(base | more)


def test_a_parent_owner_goes_with_its_relation() -> None:
    for more in ({"ownership": "parent"}, {"owner_via": "item"}, {"ownership": "user", "owner_via": "item"}):
        with pytest.raises(ValidationError):
            Entity.model_validate({"name": "line", **more})


def test_values_do_not_change() -> None:
    spec = parse_spec(spec_data())
    with pytest.raises(ValidationError):
        spec.app = None  # type: ignore[assignment,misc]


def test_the_digest_is_the_same_for_equal_specs_only() -> None:
    one = parse_spec(spec_data())
    assert one.digest == parse_spec(spec_data()).digest
    assert one.digest == parse_spec(one.to_data()).digest
    assert one.digest != parse_spec(spec_data(brief="other words")).digest


def test_permissions_may_name_operations_and_admin_and_public() -> None:
    data = spec_data(
        operations=[
            {
                "name": "archive",
                "entity": "item",
                "effects": [{"kind": "set", "field": "title", "value": "x"}],
            }
        ]
    )
    data["permissions"] += [
        {"role": "admin", "entity": "item", "actions": ["archive", "delete"]},
        {"role": "public", "entity": "item", "actions": ["read"]},
    ]
    spec = parse_spec(data)
    assert Permission(role="public", entity="item", actions=("read",)) in spec.permissions


def test_the_schema_names_every_part() -> None:
    schema = spec_schema()
    assert schema["$schema"].endswith("2020-12/schema")
    assert set(schema["properties"]) == set(Spec.model_fields)
