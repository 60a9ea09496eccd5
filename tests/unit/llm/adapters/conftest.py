"""A server on this machine that answers what a test tells it to, and adapters that ask it."""

from __future__ import annotations

import asyncio
import json
import struct
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web

from qlf.llm.adapters.make import make_adapter
from qlf.llm.credential import ApiKey, AwsKeys
from qlf.llm.deployment import Deployment, Features, Provider
from qlf.llm.model import Adapter

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

USAGE = {
    "prompt_tokens": 100,
    "completion_tokens": 20,
    "total_tokens": 120,
    "prompt_tokens_details": {"cached_tokens": 64},
    "completion_tokens_details": {"reasoning_tokens": 8},
}


def openai_answer(text: str | None = "Hello", **changes: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": text, "refusal": changes.pop("refusal", None)}
    choice = {"index": 0, "message": message, "finish_reason": changes.pop("finish_reason", "stop")}
    answer = {"id": "chatcmpl-1", "model": "small-1", "choices": [choice], "usage": USAGE}
    return {**answer, **changes}


def openai_chunk(delta: dict[str, Any] | None, finish: str | None = None, **more: Any) -> bytes:
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    chunk = {"id": "chatcmpl-1", "model": "small-1", "choices": choices, **more}
    return b"data: " + json.dumps(chunk, ensure_ascii=False).encode() + b"\n\n"


def converse_answer(text: str = "Hello", **changes: Any) -> dict[str, Any]:
    answer = {
        "metrics": {"latencyMs": 5},
        "output": {"message": {"role": "assistant", "content": [{"text": text}]}},
        "stopReason": "end_turn",
        "usage": {
            "inputTokens": 30,
            "outputTokens": 20,
            "totalTokens": 120,
            "cacheReadInputTokens": 64,
            "cacheWriteInputTokens": 6,
        },
    }
    return {**answer, **changes}


def frame(event: str, payload: Any, kind: str = "event") -> bytes:
    """An event-stream frame, as Bedrock sends it."""
    names = {":content-type": "application/json", ":message-type": kind}
    names[":event-type" if kind == "event" else ":exception-type"] = event
    headers = b"".join(
        bytes([len(name)]) + name.encode() + b"\x07" + struct.pack(">H", len(value.encode())) + value.encode()
        for name, value in names.items()
    )
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    prelude = struct.pack(">II", 16 + len(headers) + len(body), len(headers))
    message = prelude + struct.pack(">I", zlib.crc32(prelude)) + headers + body
    return message + struct.pack(">I", zlib.crc32(message))


def text_frames(*texts: str) -> list[bytes]:
    deltas = [{"contentBlockIndex": 0, "delta": {"text": text}} for text in texts]
    return [frame("messageStart", {"role": "assistant"}), *(frame("contentBlockDelta", d) for d in deltas)]


END_FRAMES = [
    frame("contentBlockStop", {"contentBlockIndex": 0}),
    frame("messageStop", {"stopReason": "end_turn"}),
    frame("metadata", {"usage": converse_answer()["usage"], "metrics": {"latencyMs": 1}}),
]
STREAM_KINDS = {"bedrock": "application/vnd.amazon.eventstream"}


@dataclass
class Wire:
    """The server. `handler` answers every request; `seen` holds what was asked."""

    port: int = 0
    handler: Handler | None = None
    seen: list[tuple[str, dict[str, str], dict[str, Any]]] = field(default_factory=list)
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a client closed its connection while it was being answered."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = json.loads(await request.read() or b"{}")
        self.seen.append((request.raw_path, dict(request.headers), body))
        self.asked.set()
        assert self.handler is not None
        try:
            return await self.handler(request)
        except (asyncio.CancelledError, ConnectionError):
            self.gone.set()
            raise

    def answers(self, body: Any, status: int = 200, headers: dict[str, str] | None = None) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()

        async def handler(request: web.Request) -> web.StreamResponse:
            return web.Response(body=data, status=status, headers=headers, content_type="application/json")

        self.handler = handler

    def streams(
        self,
        parts: list[bytes],
        kind: str = "text/event-stream",
        *,
        then: str = "end",
        pause: float = 0.0,
        headers: dict[str, str] | None = None,
    ) -> None:
        """Send the parts, and then end the answer, `cut` the connection, or `hang`."""

        async def handler(request: web.Request) -> web.StreamResponse:
            response = web.StreamResponse(headers={"content-type": kind, **(headers or {})})
            await response.prepare(request)
            for part in parts:
                await response.write(part)
                await asyncio.sleep(pause)
            if then == "cut":
                assert request.transport is not None
                request.transport.abort()
            elif then == "hang":
                await asyncio.sleep(30)
            return response

        self.handler = handler

    def hangs(self) -> None:
        async def handler(request: web.Request) -> web.StreamResponse:
            await asyncio.sleep(30)
            return web.Response()

        self.handler = handler


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    server = Wire()
    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.router.add_route("*", "/{path:.*}", server.handle)
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.port = runner.addresses[0][1]
    yield server
    await runner.cleanup()


KEYS = {
    "openai_compatible": ApiKey("sk-canary-4711", "key#1"),
    "azure_openai": ApiKey("azure-canary-4711", "key#1"),
    "bedrock": AwsKeys("AKIACANARY4711", "secret-canary-4711", "token-canary-4711"),
}


@dataclass
class Asked:
    """An adapter with a deployment of it."""

    adapter: Adapter
    deployment: Deployment
    kind: str


@pytest.fixture
async def ask(wire: Wire) -> AsyncIterator[Callable[..., Asked]]:
    """Makes an adapter of a kind that asks `wire`, or another address."""
    made: list[Adapter] = []

    def make(kind: str, *, url: str | None = None, key: Any = KEYS, **features: Any) -> Asked:
        base = url if url is not None else wire.url
        provider = Provider(
            name=f"my-{kind}",
            kind=kind,  # type: ignore[arg-type]
            endpoint=f"{base}/v1" if kind == "openai_compatible" else base,
            region="eu-central-1" if kind == "bedrock" else None,
        )
        adapter = make_adapter(provider, KEYS[kind] if key is KEYS else key)
        made.append(adapter)
        deployment = Deployment("dep", provider, "small", "small-1", features=Features(**features))
        return Asked(adapter, deployment, kind)

    yield make
    for adapter in made:
        await adapter.aclose()


@pytest.fixture(params=["openai_compatible", "azure_openai", "bedrock"])
def asked(request: pytest.FixtureRequest, ask: Callable[..., Asked]) -> Asked:
    """Each kind of adapter in turn."""
    return ask(request.param)


@dataclass(frozen=True)
class Formats:
    """The answers of each wire format, by kind of provider."""

    @staticmethod
    def whole(kind: str, text: str = "Hello") -> dict[str, Any]:
        return converse_answer(text) if kind == "bedrock" else openai_answer(text)

    @staticmethod
    def begun(kind: str, *texts: str) -> list[bytes]:
        if kind == "bedrock":
            return text_frames(*texts)
        return [
            openai_chunk({"role": "assistant", "content": ""}),
            *(openai_chunk({"content": text}) for text in texts),
        ]

    @staticmethod
    def ended(kind: str) -> list[bytes]:
        if kind == "bedrock":
            return END_FRAMES
        return [openai_chunk({}, "stop"), openai_chunk(None, usage=USAGE), b"data: [DONE]\n\n"]

    @staticmethod
    def mime(kind: str) -> str:
        return STREAM_KINDS.get(kind, "text/event-stream")

    openai_answer = staticmethod(openai_answer)
    openai_chunk = staticmethod(openai_chunk)
    converse_answer = staticmethod(converse_answer)
    frame = staticmethod(frame)
    text_frames = staticmethod(text_frames)


@pytest.fixture
def formats() -> Formats:
    """How answers are written."""
    return Formats()


@pytest.fixture(scope="session")
def write_frame() -> Callable[..., bytes]:
    """Writes event-stream frames."""
    return frame
