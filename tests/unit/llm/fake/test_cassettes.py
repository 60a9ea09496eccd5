"""Recording a provider and playing it back; no secret is written down."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import Any

import openai
import pytest

from qlf.errors import InputError, OutputError, UsageError
from qlf.llm.fake.cassette import entry_of, read_cassette
from qlf.llm.fake.eventstream import encode_frame
from qlf.llm.fake.http import Request
from qlf.llm.fake.record import Recorder
from qlf.llm.fake.replay import Replayer
from qlf.llm.fake.server import FakeProvider

HELLO: list[Any] = [{"role": "user", "content": "Say hello."}]
KEY = "canary-0123456789-abcdefghijklmnop"
AWS = "AKIA" + "Q" * 16
TOLD = "ghp_" + "a1B2" * 10


@contextlib.asynccontextmanager
async def recording(upstream: FakeProvider, path: Path) -> Any:
    async with Recorder(upstream.url, path) as recorder, FakeProvider(handle=recorder.handle) as fake:
        yield fake


async def exchange(client: Any, model: str = "gpt-4o") -> list[Any]:
    whole = await client.chat.completions.create(model=model, messages=HELLO)
    stream = await client.chat.completions.create(model=model, messages=HELLO, stream=True)
    return [whole, *[one async for one in stream]]


async def test_what_was_recorded_is_played_back(
    serve: Any, openai_of: Any, azure_of: Any, tmp_path: Path
) -> None:
    path = tmp_path / "talk.jsonl"
    upstream = await serve(faults=[{"kind": "throttled", "requests": [3]}])
    async with recording(upstream, path) as fake:
        live = await exchange(openai_of(fake, KEY)) + await exchange(azure_of(fake, KEY), "east")
        with pytest.raises(openai.RateLimitError):
            await exchange(openai_of(fake, KEY))
    assert len(upstream.log) == 5
    assert KEY not in path.read_text("utf-8")
    assert path.stat().st_mode & 0o077 == 0
    async with FakeProvider(handle=Replayer(read_cassette(path)).handle) as fake:
        again = await exchange(openai_of(fake)) + await exchange(azure_of(fake), "east")
        with pytest.raises(openai.RateLimitError) as caught:
            await exchange(openai_of(fake))
    assert [one.model_dump() for one in again] == [one.model_dump() for one in live]
    assert caught.value.response.headers["retry-after"] == "1"


async def test_bedrock_is_recorded_through_a_proxy(serve: Any, bedrock_of: Any, tmp_path: Path) -> None:
    path = tmp_path / "talk.jsonl"
    upstream = await serve()
    async with recording(upstream, path) as fake:
        client = bedrock_of(upstream, AWS, proxies={"http": fake.url})
        live = [await client.converse(), await client.stream()]
        direct = bedrock_of(fake, AWS)
        with pytest.raises(direct.client.exceptions.ClientError, match="signature holds the address"):
            await direct.converse()
    text = path.read_text("utf-8")
    assert AWS not in text
    assert "contentBlockDelta" in text
    async with FakeProvider(handle=Replayer(read_cassette(path)).handle) as fake:
        client = bedrock_of(fake)
        again = [await client.converse(), await client.stream()]
    assert again[0]["output"] == live[0]["output"]
    assert again[1] == live[1]


async def test_a_request_that_was_not_recorded_is_named(openai_of: Any) -> None:
    async with FakeProvider(handle=Replayer(()).handle) as fake:
        with pytest.raises(openai.NotFoundError, match="POST /v1/chat/completions") as caught:
            await exchange(openai_of(fake))
    assert caught.value.code == "not_recorded"


async def test_a_stream_that_was_cut_is_not_recorded(serve: Any, openai_of: Any, tmp_path: Path) -> None:
    path = tmp_path / "talk.jsonl"
    upstream = await serve(faults=[{"kind": "cut", "how": "close", "stream": True}])
    async with recording(upstream, path) as fake:
        with pytest.raises(Exception, match=r"(?i)peer|incomplete|connection|read"):
            await exchange(openai_of(fake))
    assert len(read_cassette(path)) == 1


async def test_an_upstream_that_is_gone(openai_of: Any, tmp_path: Path) -> None:
    async with FakeProvider() as gone:
        url = gone.url
    async with Recorder(url, tmp_path / "a") as recorder, FakeProvider(handle=recorder.handle) as fake:
        with pytest.raises(openai.InternalServerError, match="upstream did not answer"):
            await exchange(openai_of(fake))
    assert read_cassette(tmp_path / "a") == ()


@pytest.mark.parametrize("url", ["http://example.com", "https://user:pass@example.com", "ftp://x", "nowhere"])
def test_a_key_is_not_sent_to_any_address(url: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        Recorder(url, tmp_path / "a")


async def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(OutputError):
        async with Recorder("https://example.com", tmp_path / "no" / "folder"):
            pass


def asked(body: Any) -> Request:
    return Request("POST", "/v1/x?key=" + TOLD, {"authorization": f"Bearer {KEY}"}, json.dumps(body).encode())


def written(body: Any, answer: bytes, content_type: str) -> str:
    headers = [("Content-Type", content_type), ("Set-Cookie", f"a={KEY}"), ("x-request-id", KEY)]
    return entry_of(asked(body), 200, headers, answer).model_dump_json()


def sse(*texts: str) -> bytes:
    made = [json.dumps({"choices": [{"index": 0, "delta": {"content": one}}]}) for one in texts]
    return "".join(f"data: {one}\n\n" for one in [*made, "[DONE]"]).encode()


def frames(*texts: str) -> bytes:
    made = [{"contentBlockIndex": 0, "delta": {"text": one}} for one in texts]
    return b"".join(
        encode_frame({":event-type": "contentBlockDelta"}, json.dumps(one).encode()) for one in made
    )


@pytest.mark.parametrize(
    ("answer", "content_type"),
    [
        (json.dumps({"echo": f"your key is {KEY}", "token": "s3cret-value"}).encode(), "application/json"),
        (f"plain {KEY} and {TOLD}".encode(), "text/plain"),
        (sse("the key ", KEY[:9], KEY[9:20], KEY[20:], " is it"), "text/event-stream; charset=utf-8"),
        (frames("the token ", TOLD[:7], TOLD[7:], " is it"), "application/vnd.amazon.eventstream"),
    ],
)
def test_no_secret_is_written_however_it_is_cut(answer: bytes, content_type: str) -> None:
    body = {"api_key": "s3cret-value", "messages": [f"use {TOLD}", {"nested": KEY}]}
    text = written(body, answer, content_type)
    joined = "".join(part for part in text if part.isalnum())
    for secret in (KEY, TOLD, "s3cret-value"):
        assert secret not in text
        assert "".join(part for part in secret if part.isalnum()) not in joined
    assert KEY[9:20] not in text
    assert TOLD[7:] not in text


def test_bytes_that_nobody_can_read_are_not_written() -> None:
    for content_type in ("application/octet-stream", "application/vnd.amazon.eventstream"):
        with pytest.raises(InputError, match="not recorded"):
            written({}, b"\xff\xfe\x00", content_type)


def test_a_broken_recording_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "talk.jsonl"
    good = entry_of(asked({}), 200, [], b"ok").model_dump_json(exclude_none=True)
    path.write_text(f"{good}\n\n{good[:-2]}\n", "utf-8")
    with pytest.raises(InputError, match="wrong in line 3"):
        read_cassette(path)
    with pytest.raises(InputError, match="cannot be read"):
        read_cassette(tmp_path / "none")
    os.truncate(path, len(good) + 1)
    assert len(read_cassette(path)) == 1
