"""What a call costs in Python calls: a measure that does not depend on how busy the machine is."""

from __future__ import annotations

import asyncio
import functools
import json
import re
import sys
import threading
from collections.abc import Iterator

import pytest

from qlf.llm.request import Message, ModelRequest

PROMPT = ModelRequest((Message("user", "x" * 4096),), 1000, system="Be brief.", temperature=0.0)
CHUNKS = 500


@pytest.fixture
def elsewhere(formats) -> Iterator[str]:
    """The address of a server in another thread, so that only the client's calls are counted."""
    whole = {kind: json.dumps(formats.whole(kind, "y" * 2048)).encode() for kind in ("bedrock", "openai")}
    pieces = {
        kind: b"".join(formats.begun(kind, *["word "] * CHUNKS) + formats.ended(kind))
        for kind in ("bedrock", "openai")
    }

    async def talk(reader, writer):
        while not reader.at_eof():
            try:
                head = await reader.readuntil(b"\r\n\r\n")
            except asyncio.IncompleteReadError:
                break
            length = int(re.search(rb"(?i)content-length: (\d+)", head)[1])
            body = await reader.readexactly(length)
            kind = "bedrock" if b"/model/" in head else "openai"
            streams = b"/converse-stream" in head or b'"stream":true' in body
            answer = (pieces if streams else whole)[kind]
            mime = formats.mime(kind) if streams else "application/json"
            writer.write(
                f"HTTP/1.1 200 OK\r\nx-request-id: req-1\r\nx-ratelimit-limit-tokens: 100000\r\n"
                f"content-type: {mime}\r\ncontent-length: {len(answer)}\r\n\r\n".encode()
                + answer
            )
        writer.close()

    async def serve():
        nonlocal stop
        done = asyncio.Event()
        stop = functools.partial(asyncio.get_running_loop().call_soon_threadsafe, done.set)
        server = await asyncio.start_server(talk, "127.0.0.1", 0)
        port.append(server.sockets[0].getsockname()[1])
        ready.set()
        await done.wait()
        server.close()

    port: list[int] = []
    stop = list
    ready = threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    ready.wait(5)
    yield f"http://127.0.0.1:{port[0]}"
    stop()
    thread.join(5)


async def counted(call, times: int) -> float:
    calls = 0

    def count(frame, event, argument):
        nonlocal calls
        calls += event in {"call", "c_call"}

    for _ in range(3):
        await call()
    sys.setprofile(count)
    try:
        for _ in range(times):
            await call()
    finally:
        sys.setprofile(None)
    return calls / times


@pytest.mark.parametrize("kind", ["openai_compatible", "azure_openai", "bedrock"])
async def test_a_call_takes_few_python_calls(ask, elsewhere, kind):
    asked = ask(kind, url=elsewhere)
    each = await counted(lambda: asked.adapter.complete(asked.deployment, PROMPT, 10.0), 10)
    await asked.adapter.aclose()
    assert each <= 4000


@pytest.mark.parametrize("kind", ["openai_compatible", "bedrock"])
async def test_a_piece_of_a_stream_takes_few_python_calls(ask, elsewhere, kind):
    asked = ask(kind, url=elsewhere)

    async def read():
        return [item async for item in asked.adapter.stream(asked.deployment, PROMPT, 10.0)]

    assert len(await read()) == CHUNKS + 1
    each = await counted(read, 3)
    await asked.adapter.aclose()
    assert each / CHUNKS <= 45
