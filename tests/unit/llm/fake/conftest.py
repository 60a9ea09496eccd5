"""Fake providers, and the real clients that ask them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import boto3
import pytest
from botocore.config import Config
from openai import AsyncAzureOpenAI, AsyncOpenAI

from qlf.llm.fake.script import parse_script
from qlf.llm.fake.server import FakeProvider

Serve = Callable[..., Any]
HELLO: list[Any] = [{"role": "user", "content": "Say hello."}]
HELLO_BEDROCK = [{"role": "user", "content": [{"text": "Say hello."}]}]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Start fake providers that end with the test; the arguments are the script."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(**script: Any) -> FakeProvider:
            return await stack.enter_async_context(FakeProvider(parse_script(script)))

        yield start


@pytest.fixture
async def openai_of() -> AsyncIterator[Callable[..., AsyncOpenAI]]:
    """The OpenAI client for a fake provider, without retries of its own."""
    made: list[AsyncOpenAI] = []

    def make(fake: FakeProvider, key: str = "fake-key-1234567890", **more: Any) -> AsyncOpenAI:
        settings = {"base_url": fake.openai_url, "max_retries": 0, "timeout": 5.0, **more}
        made.append(AsyncOpenAI(api_key=key, **settings))
        return made[-1]

    yield make
    for one in made:
        await one.close()


@pytest.fixture
async def azure_of() -> AsyncIterator[Callable[..., AsyncAzureOpenAI]]:
    """The Azure client for a fake provider."""
    made: list[AsyncAzureOpenAI] = []

    def make(fake: FakeProvider, key: str = "fake-key-1234567890", **more: Any) -> AsyncAzureOpenAI:
        settings = {"azure_endpoint": fake.azure_url, "api_version": "2024-10-21", "max_retries": 0, **more}
        made.append(AsyncAzureOpenAI(api_key=key, timeout=5.0, **settings))
        return made[-1]

    yield make
    for one in made:
        await one.close()


class Bedrock:
    """A boto3 client, called from a thread so that the server can answer on the loop."""

    def __init__(self, url: str, key: str = "AKIAFAKEFAKEFAKEFAKE", **config: Any) -> None:
        settings = Config(**{"retries": {"total_max_attempts": 1}, "read_timeout": 5, **config})
        self.client = boto3.client(
            "bedrock-runtime",
            endpoint_url=url,
            region_name="us-east-1",
            aws_access_key_id=key,
            aws_secret_access_key="fake",
            config=settings,
        )

    async def converse(self, model: str = "m", **body: Any) -> dict[str, Any]:
        body = {"messages": HELLO_BEDROCK, **body}
        return await asyncio.to_thread(self.client.converse, modelId=model, **body)

    async def stream(self, model: str = "m", **body: Any) -> list[dict[str, Any]]:
        """All events; an error while they are read is raised after what was read is kept in `seen`."""
        body = {"messages": HELLO_BEDROCK, **body}
        self.seen: list[dict[str, Any]] = []

        def read() -> list[dict[str, Any]]:
            answer = self.client.converse_stream(modelId=model, **body)
            with contextlib.closing(answer["stream"]) as events:
                self.seen.extend(events)
            return self.seen

        return await asyncio.to_thread(read)


@pytest.fixture
def bedrock_of() -> Any:
    """The Bedrock client for a fake provider."""
    made: list[Bedrock] = []

    def make(fake: FakeProvider, key: str = "AKIAFAKEFAKEFAKEFAKE", **config: Any) -> Bedrock:
        made.append(Bedrock(fake.bedrock_url, key, **config))
        return made[-1]

    yield make
    for one in made:
        one.client.close()


async def raw(url: str, request: bytes, *, wait: float = 2.0) -> tuple[bytes, str]:
    """Send bytes and read until the connection ends: what came, and `closed`, `reset` or `open`."""
    host, _, port = url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    got = b""
    end = "closed"
    try:
        writer.write(request)
        while True:
            part = await asyncio.wait_for(reader.read(65_536), wait)
            if not part:
                break
            got += part
    except ConnectionResetError:
        end = "reset"
    except TimeoutError:
        end = "open"
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
    return got, end


def post(path: str, body: bytes, *headers: str) -> bytes:
    """A request as bytes."""
    lines = [f"POST {path} HTTP/1.1", "host: fake", "content-type: application/json", *headers]
    return "\r\n".join([*lines, f"content-length: {len(body)}", "", ""]).encode() + body
