"""A real model answers over the real wire, through adapter and gateway: whole, in pieces, by schema, not."""

from __future__ import annotations

import pytest

from qlf.llm.failure import CallFailed, FailureKind
from qlf.llm.gateway import Answer
from qlf.llm.reply import StopReason, TextDelta
from qlf.llm.request import Schema

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]

KINDS = ["openai_compatible", "azure_openai"]
PERSON = Schema(
    "person",
    {
        "type": "object",
        "properties": {"name": {"type": "string", "maxLength": 20}, "age": {"type": "integer"}},
        "required": ["name", "age"],
        "additionalProperties": False,
    },
)


def remote(kind):
    return "small" if kind == "azure_openai" else "smollm2"


@pytest.mark.parametrize("kind", KINDS)
async def test_chat(desk, kind):
    local = desk(kind, remote=remote(kind))
    async with local.gateway() as gateway:
        answer = await gateway.ask(local.call("Say hello to the world."))
        again = await gateway.ask(local.call("Say hello to the world."))
    assert answer.reply.text.strip()
    assert answer.reply.usage.input_tokens > 5
    assert answer.reply.usage.output_tokens > 0
    (outcome,) = local.outcomes()
    assert outcome["charge"] == answer.cost_micros > 0
    assert outcome["answered"] == "smollm2"
    kept = answer.reply.stop is StopReason.END
    assert again.source == ("cache" if kept else "provider")


@pytest.mark.parametrize("kind", KINDS)
async def test_stream(desk, kind):
    local = desk(kind, remote=remote(kind))
    async with local.gateway() as gateway:
        items = [item async for item in gateway.stream(local.call("Count from one to five."))]
    answer = items[-1]
    assert isinstance(answer, Answer)
    assert len(items) > 3
    assert all(isinstance(item, TextDelta) for item in items[:-1])
    assert "".join(item.text for item in items[:-1]) == answer.reply.text
    assert answer.reply.usage_reported
    assert answer.reply.first_token_seconds > 0


@pytest.mark.parametrize("kind", KINDS)
async def test_json_schema(desk, kind):
    local = desk(kind, remote=remote(kind))
    async with local.gateway() as gateway:
        answer = await gateway.ask(local.call("Describe Anna, 31 years old.", schema=PERSON, limit=120))
    assert set(answer.reply.data) == {"name", "age"}
    assert isinstance(answer.reply.data["age"], int)


async def test_a_wrong_key_is_refused_and_costs_nothing(desk):
    local = desk("openai_compatible", key="sk-some-other-key-that-is-wrong")
    async with local.gateway() as gateway:
        with pytest.raises(CallFailed) as caught:
            await gateway.ask(local.call("Hello"))
    assert [failure.kind for failure in caught.value.attempts] == [FailureKind.AUTH]
    assert "wrong" not in str(caught.value), "no part of the key"
    (outcome,) = local.outcomes()
    assert (outcome["ending"], outcome.get("charge", 0)) == ("refused", 0)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_request_that_does_not_fit_the_context_is_said_to_be_too_long(desk, kind):
    local = desk(kind, remote=remote(kind))
    async with local.gateway() as gateway:
        with pytest.raises(CallFailed) as caught:
            await gateway.ask(local.call("word " * 3000))
    assert [failure.kind for failure in caught.value.attempts] == [FailureKind.TOO_LONG]


async def test_a_deployment_that_is_not_there_is_not_found(desk):
    local = desk("azure_openai", remote="absent")
    async with local.gateway() as gateway:
        with pytest.raises(CallFailed) as caught:
            await gateway.ask(local.call("Hello", deadline=10))
    assert caught.value.attempts[0].kind is FailureKind.NOT_FOUND


async def test_a_server_that_answers_with_another_model_is_found_out(desk):
    local = desk("openai_compatible", answers="llama-70b")
    async with local.gateway() as gateway:
        with pytest.raises(CallFailed) as caught:
            await gateway.ask(local.call("Hello", deadline=5))
    assert caught.value.attempts[0].kind is FailureKind.WRONG_MODEL
    assert local.outcomes()[0]["charge"] > 0, "it was paid all the same"
