from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest

from qlf.engine.compile import COMPILE_FIELDS
from qlf.engine.request import IRRELEVANT, GenerateRequest
from qlf.errors import UsageError

OTHER_VALUES: dict[str, Any] = {
    "source": "Another brief.",
    "source_kind": "spec",
    "overlays": ("hipaa",),
    "detect": False,
    "verify": "none",
    "port": 9000,
    "seed": 7,
    "name": "another",
}
ONE_VALUE_ONLY = {"engine"}
"""Fields that know a single value today, so that no other can be tried."""
NOT_FOR_THE_SPEC = {"engine", "verify", "seed"}
"""Fields that decide something after the spec: who writes, and what is checked."""


def test_every_field_is_in_the_address_or_listed_as_irrelevant() -> None:
    request = GenerateRequest(source="A brief.")
    names = {field.name for field in fields(GenerateRequest)}
    assert names == OTHER_VALUES.keys() | ONE_VALUE_ONLY, "say here how a new field changes the result"
    for name in names - ONE_VALUE_ONLY:
        changed = replace(request, **{name: OTHER_VALUES[name]})
        same = changed.address("e") == request.address("e")
        assert same == (name in IRRELEVANT), name


def test_every_field_is_an_input_of_the_first_step_or_known_to_act_later() -> None:
    assert set(COMPILE_FIELDS) | NOT_FOR_THE_SPEC | IRRELEVANT == {
        field.name for field in fields(GenerateRequest)
    }


def test_the_address_depends_on_the_installation() -> None:
    request = GenerateRequest(source="A brief.")
    assert request.address("one") != request.address("two")


def test_the_order_of_overlays_does_not_matter() -> None:
    first = GenerateRequest(source="x", overlays=("hipaa", "gdpr", "gdpr"))
    second = GenerateRequest(source="x", overlays=("gdpr", "hipaa"))
    assert first == second
    assert first.address("e") == second.address("e")


def test_a_request_survives_the_way_through_json() -> None:
    request = GenerateRequest(source="x", overlays=("gdpr",), port=81, name="one", verify="static")
    assert GenerateRequest.from_json(request.to_json()) == request


@pytest.mark.parametrize(
    "values", [{"engine": "magic"}, {"verify": "some"}, {"source_kind": "url"}, {"port": 0}, {"port": 70_000}]
)
def test_a_value_that_no_run_could_honour_is_refused(values: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        GenerateRequest(source="x", **values)
