"""The HTTP surface against foreign bytes."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qlf.llm.fake.ask import Refused, read_chat, read_converse
from qlf.llm.fake.fault import Wire
from qlf.llm.fake.http import Connection, Performance, Request, whole

CHAT = json.dumps({"model": "m", "messages": [{"role": "user", "content": "hi"}]}).encode()
WORDS = st.sampled_from(
    [
        *(
            "model",
            "messages",
            "role",
            "content",
            "user",
            "text",
            "system",
            "tools",
            "tool_choice",
            "function",
        ),
        *("name", "response_format", "json_schema", "schema", "type", "stop", "max_tokens", "stream", "tool"),
        *(
            "stream_options",
            "toolConfig",
            "toolChoice",
            "toolSpec",
            "inputSchema",
            "outputConfig",
            "stopSequences",
        ),
        *("textFormat", "structure", "jsonSchema", "inferenceConfig", "maxTokens", "cachePoint"),
    ]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=15,
)


def post(path: str, body: bytes, *headers: str) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: fake", *headers, f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body


async def say(fake: Any, *parts: bytes, wait: float = 0.08) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", fake.port)
    got = b""
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(0.005)
        while True:
            piece = await asyncio.wait_for(reader.read(65_536), wait)
            if not piece:
                break
            got += piece
    except TimeoutError:
        pass
    finally:
        writer.close()
        await writer.wait_closed()
    return got


async def test_requests_one_after_the_other_and_all_at_once(serve: Any) -> None:
    fake = await serve()
    got = await say(fake, post("/v1/chat/completions", CHAT) * 3)
    assert got.count(b"HTTP/1.1 200 OK") == 3


async def test_a_request_in_single_bytes_and_one_in_chunks(serve: Any) -> None:
    fake = await serve()
    one = post("/v1/chat/completions", CHAT)
    assert b" 200 OK" in await say(fake, *[one[at : at + 40] for at in range(0, len(one), 40)])
    head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunks = [b"%x;a=b\r\n%b\r\n" % (len(part), part) for part in (CHAT[:9], CHAT[9:])]
    assert b" 200 OK" in await say(fake, head, *chunks, b"0\r\nX-Trailer: y\r\n\r\n")
    assert b" 400 " in await say(fake, head, b"zz\r\n")


async def test_a_client_that_waits_for_100_continue(serve: Any) -> None:
    one = post("/v1/chat/completions", CHAT, "Expect: 100-continue")
    got = await say(await serve(), one[: -len(CHAT)], CHAT)
    assert got.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK")


async def test_a_client_that_takes_it_for_a_proxy(serve: Any) -> None:
    got = await say(await serve(), post("http://elsewhere/v1/chat/completions", CHAT))
    assert b" 200 OK" in got


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"rubbish\r\n\r\n", 400),
        (b"GET / HTTP/2\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nname : value\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: 999999999999\r\n\r\n", 413),
        (b"GET / HTTP/1.1\r\nx: " + b"y" * 70_000, 431),
        (b"GET /nothing HTTP/1.1\r\n\r\n", 404),
        (b"GET /v1/chat/completions HTTP/1.1\r\n\r\n", 404),
        (post("/v1/chat/completions", b"{"), 400),
        (post("/v1/chat/completions", b"[]"), 400),
        (post("/model/m/converse", b"{}"), 400),
        (post("/model/m/other", b"{}"), 404),
        (post("/__fake__/script", b"\xff"), 400),
        (post("/__fake__/script", b"faults: [{kind: x}]"), 400),
        (b"GET /__fake__/other HTTP/1.1\r\n\r\n", 404),
    ],
)
async def test_what_cannot_be_answered_gets_its_status(serve: Any, data: bytes, status: int) -> None:
    assert (await say(await serve(), data)).startswith(b"HTTP/1.1 %d " % status)


async def test_it_is_shown_and_changed_while_it_runs(serve: Any) -> None:
    fake = await serve()
    await say(fake, post("/v1/chat/completions", CHAT))
    log = orjson.loads((await say(fake, b"GET /__fake__/log HTTP/1.1\r\n\r\n")).partition(b"\r\n\r\n")[2])
    assert [one["outcome"] for one in log["requests"]] == ["answered"]
    later = await say(fake, b"GET /__fake__/log?after=1 HTTP/1.1\r\n\r\n")
    assert orjson.loads(later.partition(b"\r\n\r\n")[2]) == {"requests": []}
    bill = orjson.loads((await say(fake, b"GET /__fake__/bill HTTP/1.1\r\n\r\n")).partition(b"\r\n\r\n")[2])
    assert (bill["requests"], bill["billed"]) == (1, 1)
    await say(fake, post("/__fake__/script", b"answers:\n  - text: changed\n"))
    assert b"changed" in await say(fake, post("/v1/chat/completions", CHAT))
    assert len(fake.log) == 1
    await say(fake, post("/__fake__/reset", b""))
    assert fake.log == ()
    assert b"changed" in await say(fake, b"GET /__fake__/script HTTP/1.1\r\n\r\n")


async def test_connections_are_refused_in_a_window_of_the_script(serve: Any) -> None:
    fake = await serve(faults=[{"kind": "refuse_connections", "from_seconds": 0.1, "to_seconds": 0.3}])
    assert b" 200 OK" in await say(fake, post("/v1/chat/completions", CHAT), wait=0.05)
    await asyncio.sleep(0.1)
    with pytest.raises(ConnectionError):
        await say(fake, post("/v1/chat/completions", CHAT))
    await asyncio.sleep(0.25)
    assert b" 200 OK" in await say(fake, post("/v1/chat/completions", CHAT))


class Wires:
    """A transport that only keeps what is written."""

    def __init__(self) -> None:
        self.data = b""
        self.open = True

    def write(self, data: bytes) -> None:
        self.data += data

    def close(self) -> None:
        self.open = False


@given(
    st.lists(
        st.binary(max_size=80) | st.sampled_from([b"\r\n", b"\r\n\r\n", b"POST / HTTP/1.1\r\n"]), max_size=12
    )
)
def test_no_bytes_break_a_connection(parts: list[bytes]) -> None:
    def handle(request: Request) -> Performance:
        return whole(200, [("x", request.method)], request.body)

    connection = Connection(handle, set())
    wires: Any = Wires()
    connection._transport = wires
    for part in parts:
        if wires.open:
            connection.data_received(part)


def read_or_refused(chat: Any, converse: Any) -> list[Any]:
    """Both bodies as they were read, or nothing where they were refused."""
    found: list[Any] = []
    with contextlib.suppress(Refused):
        found.append(read_chat(orjson.dumps(chat), wire=Wire.AZURE, deployment="d"))
    with contextlib.suppress(Refused):
        found.append(read_converse(orjson.dumps(converse), model="m", stream=True))
    return found


@given(VALUES)
def test_every_body_is_read_or_refused(value: Any) -> None:
    assert all(one.input_tokens >= 0 for one in read_or_refused(value, value))


@given(VALUES, VALUES)
def test_every_part_beside_the_messages_is_read_or_refused(left: Any, right: Any) -> None:
    more = {**(left if isinstance(left, dict) else {}), **(right if isinstance(right, dict) else {})}
    chat = {**more, "messages": [{"role": "user", "content": "hi"}]}
    converse = {**more, "messages": [{"role": "user", "content": [{"text": "hi"}]}]}
    assert all(one.last == "hi" for one in read_or_refused(chat, converse))
