"""Keys of answers: what changes an answer changes the key, and nothing else does."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qlf.core.metering import Attribution
from qlf.llm.cache_key import NOT_IN_KEY, key_of
from qlf.llm.request import Call, Message, ModelRequest, Schema

REQUEST = ModelRequest((Message("user", "hello"), Message("assistant", "hi")), 100, system="be short")
CALL = Call(REQUEST, "balanced", Attribution(run="r", tenant="t", agent="spec", task="draft"))

IN_REQUEST: dict[str, Any] = {
    "messages": (Message("user", "hello"),),
    "max_output_tokens": 101,
    "system": "be long",
    "stable_messages": 1,
    "temperature": 0.0,
    "top_p": 0.5,
    "seed": 0,
    "stop": ("x",),
    "schema": Schema("a", {}),
}
IN_CALL: dict[str, Any] = {
    "prompt_version": "2",
    "overlay_digest": "o",
    "contract_version": "c",
}
LEFT_OUT: dict[str, Any] = {
    "priority": "background",
    "deadline_seconds": 1.0,
    "use_cache": False,
    "model": "another-name-for-the-same",
}


def digest(call: Call) -> str:
    return key_of(call, "claude-sonnet-5-5").digest


def test_a_new_field_has_to_be_decided_on():
    """Add a new field of a request or call to one of the tables above."""
    assert {one.name for one in fields(ModelRequest)} == set(IN_REQUEST)
    assert {one.name for one in fields(Call)} == {*IN_CALL, *LEFT_OUT, "request", "attribution"}
    assert set(NOT_IN_KEY) == {*LEFT_OUT, "request", "attribution"}


@pytest.mark.parametrize("name", IN_REQUEST)
def test_every_field_of_the_request_changes_the_key(name: str):
    changed = replace(CALL, request=replace(REQUEST, **{name: IN_REQUEST[name]}))
    assert digest(changed) != digest(CALL)
    assert [
        part for part, value in key_of(changed, "m").parts.items() if key_of(CALL, "m").parts[part] != value
    ] == [name]


@pytest.mark.parametrize("name", IN_CALL)
def test_versions_and_overlays_change_the_key(name: str):
    assert digest(replace(CALL, **{name: IN_CALL[name]})) != digest(CALL)


@pytest.mark.parametrize("name", LEFT_OUT)
def test_how_it_is_asked_does_not_change_the_key(name: str):
    assert digest(replace(CALL, **{name: LEFT_OUT[name]})) == digest(CALL)


def test_only_the_tenant_of_an_attribution_changes_the_key():
    for one in fields(Attribution):
        changed = replace(CALL, attribution=replace(CALL.attribution, **{one.name: "other"}))
        assert (digest(changed) != digest(CALL)) is (one.name == "tenant"), one.name


def test_the_resolved_model_and_its_class_change_the_key():
    keys = {
        key_of(CALL, "a").digest,
        key_of(CALL, "b").digest,
        key_of(CALL, "a", {"a", "b"}).digest,
        key_of(CALL, "b", {"a", "b"}).digest,
    }
    assert len(keys) == 4
    assert key_of(CALL, "a", ["b", "a"]).digest == key_of(CALL, "a", ["a", "b", "a"]).digest
    assert key_of(CALL, "a", ["a"]).digest == key_of(CALL, "a").digest


def test_texts_do_not_run_into_each_other():
    left = replace(CALL, prompt_version="ab", overlay_digest="c")
    right = replace(CALL, prompt_version="a", overlay_digest="bc")
    assert digest(left) != digest(right)


def test_the_order_of_keys_in_a_schema_is_no_difference():
    one = Schema("s", {"type": "object", "required": ["a"]})
    other = Schema("s", {"required": ["a"], "type": "object"})
    left, right = (digest(replace(CALL, request=replace(REQUEST, schema=schema))) for schema in (one, other))
    assert left == right


def test_unusual_values_have_keys_too():
    huge = Schema("s", {"maximum": 2**70})
    assert digest(replace(CALL, request=replace(REQUEST, schema=huge))) != digest(CALL)
    assert digest(replace(CALL, request=replace(REQUEST, system="\ud800"))) != digest(CALL)
    lone = replace(CALL, request=replace(REQUEST, messages=(Message("user", "\udfff"),)))
    assert len({digest(lone), digest(CALL)}) == 2
    with pytest.raises(TypeError):
        digest(replace(CALL, request=replace(REQUEST, schema=Schema("s", {"a": object()}))))


MESSAGES = st.lists(
    st.builds(Message, st.sampled_from(["user", "assistant"]), st.text(max_size=8)), max_size=4
).map(tuple)
DOCUMENTS = st.dictionaries(st.text(max_size=3), st.integers()).map(lambda found: dict(sorted(found.items())))
REQUESTS = st.builds(
    ModelRequest,
    MESSAGES,
    st.integers(1, 9),
    system=st.text(max_size=8),
    stable_messages=st.integers(0, 3),
    temperature=st.none() | st.floats(0, 2),
    stop=st.lists(st.text(max_size=3), max_size=3).map(tuple),
    schema=st.none() | st.builds(Schema, st.text(max_size=3), DOCUMENTS),
)


@given(REQUESTS, REQUESTS, st.text(max_size=4), st.text(max_size=4))
def test_keys_are_equal_exactly_when_the_requests_are(
    left: ModelRequest, right: ModelRequest, one: str, other: str
):
    a = key_of(Call(left, "m", prompt_version=one), "model")
    b = key_of(Call(right, "m", prompt_version=other), "model")
    assert (a.digest == b.digest) == (repr((left, one)) == repr((right, other)))
    assert (a.digest == b.digest) == (a.parts == b.parts)
