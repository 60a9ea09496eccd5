"""OpenAI and Azure OpenAI as their own SDKs see them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import openai
import pytest
from openai import AsyncAzureOpenAI, AsyncOpenAI

from qlf.llm.fake.server import FakeProvider

HELLO: list[Any] = [{"role": "user", "content": "Say hello."}]
SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "count": {"type": "integer", "minimum": 1, "maximum": 9}},
    "required": ["name", "count"],
    "additionalProperties": False,
}
Serve = Callable[..., Any]
OpenAIOf = Callable[..., AsyncOpenAI]
AzureOf = Callable[..., AsyncAzureOpenAI]


def json_schema(schema: dict[str, Any], *, strict: bool = True) -> Any:
    return {"type": "json_schema", "json_schema": {"name": "thing", "schema": schema, "strict": strict}}


async def test_a_whole_answer(serve: Serve, openai_of: OpenAIOf) -> None:
    fake: FakeProvider = await serve(answers=[{"text": "Hello, world."}])
    answer = await openai_of(fake).chat.completions.with_raw_response.create(model="gpt-4o", messages=HELLO)
    parsed = answer.parse()
    assert parsed.choices[0].message.content == "Hello, world."
    assert parsed.choices[0].finish_reason == "stop"
    assert parsed.model == "gpt-4o-2025-08-07"
    assert parsed.usage is not None
    assert (parsed.usage.prompt_tokens, parsed.usage.completion_tokens) == (3, 4)
    assert answer.headers["x-request-id"] == fake.log[0].request_id


async def test_a_streamed_answer_has_role_first_then_finish_usage_and_done(
    serve: Serve, openai_of: OpenAIOf
) -> None:
    fake = await serve(answers=[{"text": "Grüße, 世界! " * 20}], defaults={"chunk_chars": 7})
    stream = await openai_of(fake).chat.completions.create(
        model="gpt-4o", messages=HELLO, stream=True, stream_options={"include_usage": True}
    )
    chunks = [one async for one in stream]
    assert chunks[0].choices[0].delta.role == "assistant"
    assert "".join(one.choices[0].delta.content or "" for one in chunks[:-1]) == "Grüße, 世界! " * 20
    assert [one.choices[0].finish_reason for one in chunks[-3:-1]] == [None, "stop"]
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == fake.log[0].output_tokens
    assert all(one.usage is None for one in chunks[:-1])


async def test_usage_is_streamed_only_when_asked_for(serve: Serve, openai_of: OpenAIOf) -> None:
    stream = await openai_of(await serve()).chat.completions.create(
        model="gpt-4o", messages=HELLO, stream=True
    )
    chunks = [one async for one in stream]
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert all(one.usage is None for one in chunks)


async def test_stream_and_whole_answer_say_the_same(serve: Serve, openai_of: OpenAIOf) -> None:
    client = openai_of(await serve())
    whole = await client.chat.completions.create(model="gpt-4o", messages=HELLO)
    stream = await client.chat.completions.create(model="gpt-4o", messages=HELLO, stream=True)
    text = "".join([one.choices[0].delta.content or "" async for one in stream])
    assert text == whole.choices[0].message.content


async def test_a_schema_is_met(serve: Serve, openai_of: OpenAIOf) -> None:
    answer = await openai_of(await serve()).chat.completions.create(
        model="gpt-4o", messages=HELLO, response_format=json_schema(SCHEMA)
    )
    made = json.loads(answer.choices[0].message.content or "")
    assert set(made) == {"name", "count"}
    assert 1 <= made["count"] <= 9


async def test_a_forced_tool_is_used(serve: Serve, openai_of: OpenAIOf) -> None:
    tool: Any = {"type": "function", "function": {"name": "thing", "parameters": SCHEMA}}
    asked: dict[str, Any] = {
        "model": "gpt-4o",
        "messages": HELLO,
        "tools": [tool],
        "tool_choice": {"type": "function", "function": {"name": "thing"}},
    }
    client = openai_of(await serve(answers=[{"data": {"name": "a", "count": 2}}]))
    answer = await client.chat.completions.create(**asked)
    call = answer.choices[0].message.tool_calls[0]
    assert json.loads(call.function.arguments) == {"name": "a", "count": 2}
    stream = await client.chat.completions.create(**asked, stream=True)
    deltas = [one.choices[0].delta.tool_calls async for one in stream if one.choices[0].delta.tool_calls]
    assert deltas[0][0].function.name == "thing"
    arguments = "".join(one[0].function.arguments or "" for one in deltas)
    assert json.loads(arguments) == {"name": "a", "count": 2}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"model": "gpt-5-mini", "max_tokens": 5}, "unsupported_parameter"),
        ({"model": "o4-mini", "temperature": 0.2}, "unsupported_value"),
        ({"messages": []}, "empty_array"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "invalid_value"),
        ({"max_tokens": 0}, "integer_below_min_value"),
        ({"response_format": json_schema({"type": "object", "properties": {}})}, "invalid_json_schema"),
        (
            {"response_format": json_schema({**SCHEMA, "required": ["name"]})},
            "invalid_json_schema",
        ),
    ],
)
async def test_what_the_real_service_refuses_is_refused(
    serve: Serve, openai_of: OpenAIOf, change: dict[str, Any], code: str
) -> None:
    fake = await serve()
    with pytest.raises(openai.BadRequestError) as caught:
        await openai_of(fake).chat.completions.create(**{"model": "gpt-4o", "messages": HELLO, **change})
    assert caught.value.code == code
    assert not fake.log[0].billed


async def test_max_tokens_and_stop_sequences_cut_the_answer(serve: Serve, openai_of: OpenAIOf) -> None:
    client = openai_of(await serve(answers=[{"text": "one two three four five six"}]))
    short = await client.chat.completions.create(model="gpt-4o", messages=HELLO, max_tokens=2)
    assert (short.choices[0].message.content, short.choices[0].finish_reason) == ("one two ", "length")
    stopped = await client.chat.completions.create(model="gpt-4o", messages=HELLO, stop=[" three"])
    assert (stopped.choices[0].message.content, stopped.choices[0].finish_reason) == ("one two", "stop")


async def test_models_are_listed(serve: Serve, openai_of: OpenAIOf) -> None:
    client = openai_of(await serve(deployments=[{"name": "gpt-4o"}, {"name": "small"}]))
    assert [one.id async for one in client.models.list()] == ["gpt-4o", "small"]
    assert (await client.models.retrieve("small")).id == "small"
    with pytest.raises(openai.NotFoundError):
        await client.models.retrieve("other")


async def test_a_model_that_is_not_listed_is_not_found(serve: Serve, openai_of: OpenAIOf) -> None:
    client = openai_of(await serve(deployments=[{"name": "small"}]))
    with pytest.raises(openai.NotFoundError) as caught:
        await client.chat.completions.create(model="gpt-4o", messages=HELLO)
    assert caught.value.code == "model_not_found"


async def test_azure_says_what_azure_says(serve: Serve, azure_of: AzureOf) -> None:
    fake = await serve(deployments=[{"name": "east", "model": "gpt-4o"}])
    client = azure_of(fake)
    answer = await client.chat.completions.with_raw_response.create(model="east", messages=HELLO)
    parsed = answer.parse()
    assert parsed.model == "gpt-4o-2025-08-07"
    assert parsed.choices[0].content_filter_results["hate"]["filtered"] is False  # type: ignore[attr-defined]
    assert answer.headers["apim-request-id"] == fake.log[0].request_id
    stream = await client.chat.completions.create(
        model="east", messages=HELLO, stream=True, stream_options={"include_usage": True}
    )
    chunks = [one async for one in stream]
    assert chunks[0].choices == []
    assert chunks[0].prompt_filter_results[0]["prompt_index"] == 0  # type: ignore[attr-defined]
    assert chunks[1].choices[0].delta.role == "assistant"
    assert chunks[-1].usage is not None


async def test_azure_needs_a_version_and_a_deployment(serve: Serve, azure_of: AzureOf) -> None:
    fake = await serve(deployments=[{"name": "east"}])
    with pytest.raises(openai.NotFoundError) as caught:
        await azure_of(fake).chat.completions.create(model="west", messages=HELLO)
    assert caught.value.code == "DeploymentNotFound"
    with pytest.raises(openai.NotFoundError) as caught:
        await azure_of(fake, api_version="").chat.completions.create(model="east", messages=HELLO)
    assert caught.value.code == "404"


async def test_accounts_are_apart(serve: Serve, openai_of: OpenAIOf, azure_of: AzureOf) -> None:
    fake = await serve(
        deployments=[{"name": "us/gpt-4o"}, {"name": "eu/gpt-4o"}],
        answers=[{"when": {"deployment": "us/gpt-4o"}, "text": "us"}, {"text": "eu"}],
    )
    us = openai_of(fake, base_url=fake.account_url("us") + "/v1")
    eu = azure_of(fake, azure_endpoint=fake.account_url("eu"))
    for client, name in ((us, "us"), (eu, "eu")):
        answer = await client.chat.completions.create(model="gpt-4o", messages=HELLO)
        assert answer.choices[0].message.content == name
    assert [one.deployment for one in fake.log] == ["us/gpt-4o", "eu/gpt-4o"]


async def test_keys_are_checked(serve: Serve, openai_of: OpenAIOf, azure_of: AzureOf) -> None:
    fake = await serve(keys={"accepted": ["good-key-123456"], "expired": ["old-key-1234567"]})
    await openai_of(fake, "good-key-123456").chat.completions.create(model="m", messages=HELLO)
    await azure_of(fake, "good-key-123456").chat.completions.create(model="m", messages=HELLO)
    for key in ("bad-key-7654321", "old-key-1234567"):
        with pytest.raises(openai.AuthenticationError) as caught:
            await openai_of(fake, key).chat.completions.create(model="m", messages=HELLO)
        assert caught.value.code == "invalid_api_key"
        with pytest.raises(openai.AuthenticationError) as caught:
            await azure_of(fake, key).chat.completions.create(model="m", messages=HELLO)
        assert caught.value.code == "401"
    assert [one.outcome for one in fake.log[2:]] == ["bad_key", "bad_key", "expired_key", "expired_key"]


async def test_a_prefix_seen_before_counts_as_cached(serve: Serve, openai_of: OpenAIOf) -> None:
    client = openai_of(await serve())
    long = "The same long beginning. " * 300
    read = []
    for end in ("a", "b"):
        answer = await client.chat.completions.create(
            model="gpt-4o", messages=[{"role": "system", "content": long}, {"role": "user", "content": end}]
        )
        assert answer.usage is not None
        assert answer.usage.prompt_tokens_details is not None
        read.append(answer.usage.prompt_tokens_details.cached_tokens)
    assert read == [0, 1792]
