"""What is answered, and that it is the same every time."""

from __future__ import annotations

import contextlib
import json
import re
from typing import Any

import jsonschema
import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qlf.llm.fake.answering import made_text
from qlf.llm.fake.ask import tokens_in
from qlf.llm.fake.fault import Wire
from qlf.llm.fake.instance import instance
from qlf.llm.fake.limiter import Limiter
from qlf.llm.fake.pattern import matching
from qlf.llm.fake.records import Tariff
from qlf.llm.fake.script import Limits, Price

DIGESTS = st.binary(min_size=16, max_size=16)


@given(seed=DIGESTS, digest=DIGESTS, size=st.integers(1, 60_000))
def test_a_text_has_its_size_and_depends_on_the_request_alone(seed: bytes, digest: bytes, size: int) -> None:
    text = made_text(seed, digest, size)
    assert len(text.encode()) == size
    assert text == made_text(seed, digest, size)
    if size >= 16:
        assert text != made_text(seed, digest[::-1] + b"x", size)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {"a": {"$ref": "#/$defs/x"}}, "$defs": {"x": {"enum": [3, "b"]}}},
        {"type": "array", "items": {"type": "string", "format": "date"}, "minItems": 3, "maxItems": 3},
        {"type": "array", "items": {"type": "integer"}, "uniqueItems": True, "minItems": 4},
        {"type": "array", "prefixItems": [{"const": 1}, {"type": "null"}], "items": False},
        {"type": "integer", "exclusiveMinimum": 3, "exclusiveMaximum": 5},
        {"type": "integer", "minimum": 11, "maximum": 19, "multipleOf": 5},
        {"type": "integer", "maximum": -4},
        {"type": "number", "exclusiveMinimum": 0, "maximum": 0.01},
        {"type": "number", "multipleOf": 0.25, "minimum": 0.3},
        {"type": ["null", "boolean"]},
        {"type": "string", "minLength": 12, "maxLength": 12},
        {"type": "string", "pattern": r"^[A-Z]{2}-\d{3,5}(?:x|yz)?$"},
        {"type": "string", "pattern": r"^[a-z][a-z0-9_]*$", "minLength": 2, "maxLength": 5},
        {"anyOf": [{"type": "string"}, {"type": "object", "required": ["k"]}]},
        {"allOf": [{"type": "object", "properties": {"a": {"type": "integer"}}}, {"required": ["a", "b"]}]},
        {"properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False},
        {"type": "object", "minProperties": 2},
        {
            "type": "object",
            "properties": {
                "value": {"type": "integer"},
                "next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]},
            },
            "required": ["value", "next"],
        },
    ],
)
def test_an_instance_meets_its_schema(schema: dict[str, Any]) -> None:
    for seed in range(20):
        made = instance(schema, bytes([seed]))
        jsonschema.validate(made, schema)
        assert json.dumps(made) == json.dumps(instance(schema, bytes([seed])))


@given(st.sampled_from([r"^a{2,}b?$", r"[^abc]\w\s?", r"(x|y)\1", r"^\S+@\S+$", r"a.c"]), st.randoms())
def test_a_text_is_found_by_its_pattern(pattern: str, luck: Any) -> None:
    assert re.search(pattern, matching(pattern, luck))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=10),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["type", "properties", "items", "anyOf", "required", "$ref", "pattern", "minItems"]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    )
)
def test_no_schema_however_wrong_breaks_it(schema: Any) -> None:
    json.dumps(instance(schema, b"s"))


async def ask(client: Any, text: str, model: str = "m", **more: Any) -> str:
    messages = [{"role": "system", "content": "You review."}, {"role": "user", "content": text}]
    answer = await client.chat.completions.create(model=model, messages=messages, **more)
    content: str = answer.choices[0].message.content
    return content


async def test_answers_are_found_by_what_is_asked(serve: Any, openai_of: Any) -> None:
    fake = await serve(
        answers=[
            {"when": {"message_contains": "ping", "request": 2}, "text": "second pong"},
            {"when": {"message_contains": "ping"}, "text": "pong"},
            {"when": {"message_matches": r"\bn\d+\b", "system_contains": "review"}, "data": {"n": [1]}},
            {"when": {"deployment": "other"}, "size": 33},
        ]
    )
    client = openai_of(fake)
    assert [await ask(client, "ping") for _ in range(3)] == ["pong", "second pong", "pong"]
    assert json.loads(await ask(client, "a n12 b")) == {"n": [1]}
    assert len(await ask(client, "x", "other")) == 33
    assert len(await ask(client, "x")) == 400


async def test_two_servers_with_one_seed_answer_alike(serve: Any, openai_of: Any) -> None:
    said = []
    for seed in (1, 1, 2):
        fake = await serve(seed=seed)
        answer = await openai_of(fake).chat.completions.create(
            model="m", messages=[{"role": "user", "content": "x"}]
        )
        said.append(answer.model_dump_json())
    assert said[0] == said[1] != said[2]


async def test_the_log_and_the_bill_agree(serve: Any, openai_of: Any) -> None:
    fake = await serve(
        defaults={"price": {"input": "0.5", "output": "1.5"}},
        faults=[{"kind": "throttled", "every": 3}, {"kind": "truncated", "every": 5}],
    )
    client = openai_of(fake)
    for number in range(15):
        with contextlib.suppress(openai.RateLimitError):
            await ask(client, f"question {number}", "ab"[number % 2])
    lines = {(one.deployment, one.outcome): one for one in fake.bill}
    assert {key: one.requests for key, one in lines.items()} == {
        ("a", "answered"): 5,
        ("a", "throttled"): 2,
        ("a", "truncated"): 1,
        ("b", "answered"): 4,
        ("b", "throttled"): 2,
        ("b", "truncated"): 1,
    }
    assert sum(one.billed for one in lines.values()) == 11
    assert fake.bill_micros() == sum(one.micros for one in fake.log) > 0
    assert fake.bill_micros("a") == sum(one.micros for one in fake.log if one.deployment == "a")
    assert [one.id for one in fake.log] == list(range(1, 16))


def test_a_price_is_rounded_once_half_up_and_a_batch_costs_half() -> None:
    tariff = Tariff(Price.model_validate({"input": "0.5", "output": "0.25"}))
    counts = {"input": 1, "output": 0, "cache_read": 0, "cache_write": 0}
    assert [tariff.micros({**counts, "input": size}, batch=False) for size in (0, 1, 2, 3)] == [0, 1, 1, 2]
    assert [tariff.micros({**counts, "input": size}, batch=True) for size in (1, 2, 4)] == [0, 1, 1]


def test_tokens_are_four_bytes_rounded_up() -> None:
    assert [tokens_in(size) for size in (0, 1, 4, 5)] == [0, 1, 1, 2]


def test_a_deployment_without_limits_has_none() -> None:
    assert not Limiter(Limits(), refund=False).limits_any
    assert set(Wire) == {"openai", "azure", "bedrock"}
