"""Amazon Bedrock as boto3 sees it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

ARN = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-haiku-4-5-20251001-v1:0"
SCHEMA = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
FORCED: dict[str, Any] = {
    "tools": [{"toolSpec": {"name": "thing", "inputSchema": {"json": SCHEMA}}}],
    "toolChoice": {"tool": {"name": "thing"}},
}


async def test_a_whole_answer(serve: Any, bedrock_of: Any) -> None:
    fake = await serve(answers=[{"text": "Hello, world."}])
    answer = await bedrock_of(fake).converse(ARN)
    assert answer["output"]["message"] == {"role": "assistant", "content": [{"text": "Hello, world."}]}
    assert answer["stopReason"] == "end_turn"
    assert (answer["usage"]["inputTokens"], answer["usage"]["outputTokens"]) == (3, 4)
    assert answer["metrics"]["latencyMs"] >= 1
    assert answer["ResponseMetadata"]["RequestId"] == fake.log[0].request_id
    assert fake.log[0].deployment == ARN


async def test_a_streamed_answer(serve: Any, bedrock_of: Any) -> None:
    fake = await serve(answers=[{"text": "Grüße, 世界! " * 20}], defaults={"chunk_chars": 7})
    events = await bedrock_of(fake).stream()
    names = [next(iter(one)) for one in events]
    assert names[0] == "messageStart"
    assert names[-3:] == ["contentBlockStop", "messageStop", "metadata"]
    text = "".join(one["contentBlockDelta"]["delta"]["text"] for one in events[1:-3])
    assert text == "Grüße, 世界! " * 20
    assert events[-2]["messageStop"]["stopReason"] == "end_turn"
    assert events[-1]["metadata"]["usage"]["outputTokens"] == fake.log[0].output_tokens


async def test_a_forced_tool_is_used_whole_and_streamed(serve: Any, bedrock_of: Any) -> None:
    client = bedrock_of(await serve(answers=[{"data": {"name": "Ann"}}], defaults={"chunk_chars": 3}))
    answer = await client.converse(toolConfig=FORCED)
    assert answer["stopReason"] == "tool_use"
    assert answer["output"]["message"]["content"][0]["toolUse"]["input"] == {"name": "Ann"}
    events = await client.stream(toolConfig=FORCED)
    assert events[1]["contentBlockStart"]["start"]["toolUse"]["name"] == "thing"
    pieces = [one["contentBlockDelta"]["delta"]["toolUse"]["input"] for one in events[2:-3]]
    assert json.loads("".join(pieces)) == {"name": "Ann"}


async def test_the_output_format_asks_for_a_schema(serve: Any, bedrock_of: Any) -> None:
    structure = {"jsonSchema": {"name": "thing", "schema": json.dumps(SCHEMA)}}
    wanted = {"textFormat": {"type": "json_schema", "structure": structure}}
    answer = await bedrock_of(await serve()).converse(outputConfig=wanted)
    assert set(json.loads(answer["output"]["message"]["content"][0]["text"])) == {"name"}


async def test_cache_points_are_written_then_read(serve: Any, bedrock_of: Any) -> None:
    fake = await serve(
        deployments=[
            {"name": "m", "price": {"input": "1", "output": "5", "cache_read": "0.1", "cache_write": "2"}}
        ]
    )
    client = bedrock_of(fake)
    system = [{"text": "The same long beginning. " * 300}, {"cachePoint": {"type": "default"}}]
    first = (await client.converse(system=system))["usage"]
    second = (await client.converse(system=system))["usage"]
    assert (first["cacheReadInputTokens"], first["cacheWriteInputTokens"]) == (0, 1875)
    assert (second["cacheReadInputTokens"], second["cacheWriteInputTokens"]) == (1875, 0)
    assert first["inputTokens"] == second["inputTokens"] == 3
    assert second["totalTokens"] == 1875 + 3 + second["outputTokens"]
    # 1 * 3 + 5 * 100 + 2 * 1875, and 1 * 3 + 5 * 100 + 0.1 * 1875 rounded half up
    assert [one.micros for one in fake.log] == [4253, 691]
    assert fake.bill_micros() == fake.bill_micros("m") == 4944


@pytest.mark.parametrize(
    ("body", "model"),
    [
        ({"messages": [{"role": "assistant", "content": [{"text": "x"}]}]}, "m"),
        ({"messages": [{"role": "user", "content": [{"text": " "}]}]}, "m"),
        ({"inferenceConfig": {"temperature": 0.2}}, "us.anthropic.claude-sonnet-5"),
        ({"toolConfig": FORCED}, "anthropic.claude-sonnet-5-5"),
    ],
)
async def test_what_the_real_service_refuses_is_refused(
    serve: Any, bedrock_of: Any, body: dict[str, Any], model: str
) -> None:
    fake = await serve()
    with pytest.raises(ClientError) as caught:
        await bedrock_of(fake).converse(model, **body)
    assert caught.value.response["Error"]["Code"] == "ValidationException"
    assert not fake.log[0].billed


async def test_an_unknown_model_is_refused(serve: Any, bedrock_of: Any) -> None:
    fake = await serve(deployments=[{"name": "m"}])
    with pytest.raises(ClientError, match="model identifier is invalid"):
        await bedrock_of(fake).converse("other")


async def test_keys_are_checked(serve: Any, bedrock_of: Any) -> None:
    fake = await serve(keys={"accepted": ["AKIAGOODGOODGOODGOOD"], "expired": ["AKIAOLDOLDOLDOLDOLDO"]})
    await bedrock_of(fake, "AKIAGOODGOODGOODGOOD").converse()
    for key, code in (
        ("AKIABADBADBADBADBADB", "UnrecognizedClientException"),
        ("AKIAOLDOLDOLDOLDOLDO", "ExpiredTokenException"),
    ):
        with pytest.raises(ClientError) as caught:
            await bedrock_of(fake, key).converse()
        assert caught.value.response["Error"]["Code"] == code
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


async def test_max_tokens_and_stop_sequences_cut_the_answer(serve: Any, bedrock_of: Any) -> None:
    client = bedrock_of(await serve(answers=[{"text": "one two three four five six"}]))
    short = await client.converse(inferenceConfig={"maxTokens": 2})
    assert (short["stopReason"], short["usage"]["outputTokens"]) == ("max_tokens", 2)
    stopped = await client.converse(inferenceConfig={"stopSequences": [" three"]})
    assert stopped["stopReason"] == "stop_sequence"
