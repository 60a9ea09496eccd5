"""Holding answers to a schema, and which schemas strict mode takes."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qlf.core.metering import Usage
from qlf.llm.adapters.schema import checked, ensure_schema, is_strict
from qlf.llm.deployment import Deployment, Provider
from qlf.llm.failure import Failure, FailureKind
from qlf.llm.reply import Reply, StopReason
from qlf.llm.request import Schema

DEPLOYMENT = Deployment("dep", Provider("mine", "openai_compatible"), "small", "small-1")
ITEM = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "price": {"type": "integer", "minimum": 0}},
    "required": ["name", "price"],
    "additionalProperties": False,
}
ORDER: dict[str, Any] = {
    "type": "object",
    "properties": {"items": {"type": "array", "items": {"$ref": "#/$defs/item"}}},
    "required": ["items"],
    "additionalProperties": False,
    "$defs": {"item": ITEM},
}


def check(text: str, document: dict[str, Any] = ORDER) -> Any:
    reply = Reply(text=text, stop=StopReason.END, usage=Usage(7, 3), model="small-1")
    return checked(reply, Schema("order", document), DEPLOYMENT).data


def problem(text: str, document: dict[str, Any] = ORDER) -> str:
    with pytest.raises(Failure) as caught:
        check(text, document)
    assert caught.value.kind is FailureKind.SCHEMA
    assert caught.value.usage == Usage(7, 3)
    return str(caught.value)


def test_a_good_answer_is_parsed():
    assert check('{"items": [{"name": "a", "price": 1}]}') == {"items": [{"name": "a", "price": 1}]}


def test_the_place_is_told_without_content():
    text = problem('{"items": [{"name": "a", "price": 1}, {"name": "canary", "price": -5}]}')
    assert "$.items[1].price (rule 'minimum')" in text
    assert "canary" not in text
    assert "-5" not in text


def test_names_that_the_answer_made_up_are_content():
    free = {"type": "object", "additionalProperties": {"type": "integer"}}
    assert "canary" not in problem('{"canary": "x"}', free)


@pytest.mark.parametrize(
    "text", ["", "{", "Here you are: {}", '{"items": NaN}', "[]", "null", "7", '"\\ud800"']
)
def test_what_is_no_such_json_is_refused(text):
    problem(text)


def test_what_is_too_deep_or_too_large_is_refused():
    anything = {"$defs": {"a": {"items": {"$ref": "#/$defs/a"}}}, "$ref": "#/$defs/a"}
    assert "deeper" in problem("[" * 200 + "]" * 200, anything)
    assert "not JSON" in problem("[" * 100_000, anything)
    assert "larger" in problem('"' + "x" * (4 * 1024 * 1024) + '"', anything)


@given(st.text(max_size=60))
def test_any_text_is_data_or_a_schema_failure(text):
    with contextlib.suppress(Failure):
        check(text)


@pytest.mark.parametrize("document", [{"type": "wish"}, {"properties": 7}, {"required": "a"}, {"x": {1, 2}}])
def test_a_schema_that_is_none_is_refused(document):
    with pytest.raises(Failure) as caught:
        ensure_schema(Schema("bad", document), DEPLOYMENT)
    assert (caught.value.kind, caught.value.sent) == (FailureKind.BAD_REQUEST, False)


def test_a_reference_elsewhere_is_not_fetched(monkeypatch):
    def fetch(*_: Any, **__: Any) -> None:
        pytest.fail("the network was asked")

    monkeypatch.setattr("urllib.request.urlopen", fetch)
    problem("{}", {"$ref": "http://127.0.0.1:9/schema.json"})


@pytest.mark.parametrize(
    ("change", "strict"),
    [
        ({}, True),
        ({"additionalProperties": True}, False),
        ({"required": []}, False),
        ({"type": "array"}, False),
        ({"anyOf": [ITEM]}, False),
        ({"patternProperties": {}}, False),
        ({"properties": {"items": {}}}, False),
        ({"properties": {"items": {"type": "array"}}}, False),
        ({"properties": {"items": {"type": ["string", "null"]}}}, True),
        ({"properties": {"items": {"allOf": [ITEM]}}}, False),
        ({"properties": {"items": {"$ref": "#/$defs/item", "title": "x"}}}, False),
        ({"properties": {"items": {"type": "string", "default": "x"}}}, False),
        ({"$defs": {"item": {**ITEM, "required": ["name"]}}}, False),
    ],
)
def test_strict_mode_is_only_said_of_schemas_that_it_takes(change, strict):
    assert is_strict({**ORDER, **change}) is strict
