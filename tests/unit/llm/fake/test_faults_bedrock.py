"""Every fault, as boto3 meets it."""

from __future__ import annotations

import time
from typing import Any

import pytest
from botocore.eventstream import ChecksumMismatch
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    EndpointConnectionError,
    EventStreamError,
    HTTPClientError,
    ReadTimeoutError,
    ResponseStreamingError,
)
from botocore.parsers import ResponseParserError
from urllib3.exceptions import ProtocolError


@pytest.mark.parametrize(
    ("fault", "code", "status"),
    [
        ({"kind": "throttled"}, "ThrottlingException", 429),
        ({"kind": "throttled", "code": "ModelNotReadyException"}, "ModelNotReadyException", 429),
        ({"kind": "error", "status": 500}, "InternalServerException", 500),
        ({"kind": "error", "status": 503}, "ServiceUnavailableException", 503),
        ({"kind": "error", "status": 408}, "ModelTimeoutException", 408),
        ({"kind": "error", "status": 424}, "ModelErrorException", 424),
        ({"kind": "error", "status": 403}, "AccessDeniedException", 403),
        ({"kind": "error", "status": 404}, "ResourceNotFoundException", 404),
        ({"kind": "error", "status": 502}, "502", 502),
        ({"kind": "expired_key"}, "ExpiredTokenException", 403),
        ({"kind": "too_long"}, "ValidationException", 400),
    ],
)
async def test_errors_instead_of_an_answer(
    serve: Any, bedrock_of: Any, fault: dict[str, Any], code: str, status: int
) -> None:
    fake = await serve(faults=[fault])
    client = bedrock_of(fake)
    for ask in (client.converse, client.stream):
        with pytest.raises(ClientError) as caught:
            await ask()
        assert caught.value.response["Error"]["Code"] == code
        metadata = caught.value.response["ResponseMetadata"]
        assert metadata["HTTPStatusCode"] == status
        assert metadata["RequestId"] == fake.log[-1].request_id
    assert not any(one.billed for one in fake.log)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ({"kind": "content_filter", "at": "prompt"}, "guardrail_intervened"),
        ({"kind": "content_filter", "at": "answer"}, "content_filtered"),
        ({"kind": "refusal"}, "content_filtered"),
        ({"kind": "truncated"}, "max_tokens"),
    ],
)
async def test_answers_that_stop_for_another_reason(
    serve: Any, bedrock_of: Any, fault: dict[str, Any], reason: str
) -> None:
    fake = await serve(faults=[fault])
    client = bedrock_of(fake)
    assert (await client.converse())["stopReason"] == reason
    assert (await client.stream())[-2]["messageStop"]["stopReason"] == reason
    assert all(one.billed for one in fake.log)


@pytest.mark.parametrize(
    "name",
    [
        "throttlingException",
        "modelStreamErrorException",
        "internalServerException",
        "serviceUnavailableException",
        "validationException",
    ],
)
async def test_an_exception_frame_after_status_200(serve: Any, bedrock_of: Any, name: str) -> None:
    fake = await serve(faults=[{"kind": "exception", "name": name, "after_chunks": 2}])
    client = bedrock_of(fake)
    with pytest.raises(EventStreamError) as caught:
        await client.stream()
    assert caught.value.response["Error"]["Code"] == name
    assert sum("contentBlockDelta" in one for one in client.seen) == 2
    assert (fake.log[0].status, fake.log[0].billed) == (200, True)


@pytest.mark.parametrize("part", ["message", "prelude"])
async def test_a_wrong_checksum(serve: Any, bedrock_of: Any, part: str) -> None:
    with pytest.raises(ChecksumMismatch):
        await bedrock_of(await serve(faults=[{"kind": "bad_crc", "part": part}])).stream()


async def test_a_stream_that_just_ends_raises_nothing(serve: Any, bedrock_of: Any) -> None:
    fake = await serve(faults=[{"kind": "cut", "how": "end", "before_end": True}])
    events = await bedrock_of(fake).stream()
    assert "contentBlockStop" in events[-1]


@pytest.mark.parametrize("how", ["reset", "close"])
async def test_a_cut_connection(serve: Any, bedrock_of: Any, how: str) -> None:
    fake = await serve(faults=[{"kind": "cut", "how": how}])
    client = bedrock_of(fake)
    with pytest.raises((HTTPClientError, ResponseStreamingError, ProtocolError)):
        await client.stream()
    assert client.seen
    if how == "reset":
        with pytest.raises((HTTPClientError, ResponseStreamingError, ProtocolError)):
            await client.converse()
    else:
        # botocore does not notice that the body is shorter than announced.
        assert "output" not in await client.converse()
    assert all(one.billed for one in fake.log)


async def test_malformed_answers(serve: Any, bedrock_of: Any) -> None:
    client = bedrock_of(await serve(faults=[{"kind": "malformed_json"}]))
    # botocore takes a body that is no JSON for a message and raises nothing.
    assert "output" not in await client.converse()
    pieces = [one["contentBlockDelta"] for one in await client.stream() if "contentBlockDelta" in one]
    assert sum("delta" not in one for one in pieces) == 1


async def test_missing_parts(serve: Any, bedrock_of: Any) -> None:
    client = bedrock_of(
        await serve(faults=[{"kind": "no_usage", "times": 2}, {"kind": "empty_choices", "times": 2}])
    )
    assert "usage" not in await client.converse()
    assert "messageStop" in (await client.stream())[-1]
    assert (await client.converse())["output"]["message"]["content"] == []
    assert not any("contentBlockDelta" in one for one in await client.stream())


async def test_dropped_and_refused_connections(serve: Any, bedrock_of: Any) -> None:
    fake = await serve(faults=[{"kind": "drop", "requests": [1]}])
    client = bedrock_of(fake)
    with pytest.raises(ConnectionClosedError):
        await client.converse()
    await fake.refuse()
    with pytest.raises(EndpointConnectionError):
        await client.converse()
    await fake.accept()
    await client.converse()


async def test_the_page_of_a_proxy(serve: Any, bedrock_of: Any) -> None:
    with pytest.raises((ClientError, ResponseParserError)):
        await bedrock_of(await serve(faults=[{"kind": "html", "status": 502}])).converse()


async def test_hanging_and_slow_answers(serve: Any, bedrock_of: Any) -> None:
    faults = [{"kind": "hang", "requests": [1]}, {"kind": "slow", "seconds": 0.15, "requests": [2]}]
    fake = await serve(faults=faults)
    with pytest.raises(ReadTimeoutError):
        await bedrock_of(fake, read_timeout=0.1).converse()
    start = time.monotonic()
    await bedrock_of(fake).stream()
    assert time.monotonic() - start >= 0.15
