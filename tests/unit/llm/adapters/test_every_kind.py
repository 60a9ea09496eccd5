"""What holds for every adapter: answers, streams, failures, timeouts, cancellation, secrets."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import socket
import traceback
from typing import Any

import pytest

from qlf.core.metering import Usage
from qlf.errors import InternalError
from qlf.llm.adapters.connection import _proxy
from qlf.llm.adapters.make import make_adapter
from qlf.llm.deployment import Deployment, Provider
from qlf.llm.failure import Failure, FailureKind
from qlf.llm.reply import Reply, StopReason, TextDelta
from qlf.llm.request import Message, ModelRequest, Schema

PROMPT = "prompt-canary: build me a shop"
REQUEST = ModelRequest(messages=(Message("user", PROMPT),), max_output_tokens=50, system="Be brief.")
PERSON = Schema(
    "person",
    {
        "type": "object",
        "properties": {"name": {"type": "string"}},
        "required": ["name"],
        "additionalProperties": False,
    },
)


async def collect(asked: Any, request: ModelRequest = REQUEST, seconds: float = 5.0) -> list[Any]:
    return [item async for item in asked.adapter.stream(asked.deployment, request, seconds)]


async def fails(asked: Any, *, stream: bool, seconds: float = 5.0) -> Failure:
    complete = asked.adapter.complete
    call = collect(asked, seconds=seconds) if stream else complete(asked.deployment, REQUEST, seconds)
    with pytest.raises(Failure) as caught:
        await call
    return caught.value


async def test_a_whole_answer_is_read(asked, wire, formats):
    wire.answers(formats.whole(asked.kind), headers={"x-request-id": "req-1"})
    reply = await asked.adapter.complete(asked.deployment, REQUEST, 5.0)
    assert (reply.text, reply.stop, reply.request_id) == ("Hello", StopReason.END, "req-1")
    assert (reply.usage.input_tokens, reply.usage.output_tokens, reply.usage.cache_read_tokens) == (
        100,
        20,
        64,
    )
    assert reply.usage_reported


async def test_a_stream_gives_pieces_and_then_the_whole(asked, wire, formats):
    parts = [*formats.begun(asked.kind, "Grüß", " dich 🎉"), *formats.ended(asked.kind)]
    wire.streams(parts, formats.mime(asked.kind))
    *pieces, reply = await collect(asked)
    assert pieces == [TextDelta("Grüß"), TextDelta(" dich 🎉")]
    assert isinstance(reply, Reply)
    assert (reply.text, reply.stop) == ("Grüß dich 🎉", StopReason.END)
    assert reply.usage.input_tokens == 100
    assert reply.first_token_seconds is not None


async def test_a_stream_in_single_bytes_is_read_the_same(asked, wire, formats):
    parts = [*formats.begun(asked.kind, "é"), *formats.ended(asked.kind)]
    wire.streams([bytes([byte]) for byte in b"".join(parts)], formats.mime(asked.kind))
    *_, reply = await collect(asked)
    assert reply.text == "é"


async def test_a_second_call_uses_the_same_connection_after_a_stream(asked, wire, formats):
    sockets = set()
    wire.streams([*formats.begun(asked.kind, "a"), *formats.ended(asked.kind)], formats.mime(asked.kind))
    inner = wire.handler

    async def handler(request):
        sockets.add(request.transport.get_extra_info("peername"))
        return await inner(request)

    wire.handler = handler
    for _ in range(3):
        await collect(asked)
    assert len(sockets) == 1


@pytest.mark.parametrize("then", ["end", "cut"])
async def test_a_stream_without_its_end_is_cut(asked, wire, formats, then):
    wire.streams(formats.begun(asked.kind, "Hello", " you"), formats.mime(asked.kind), then=then)
    failure = await fails(asked, stream=True)
    assert (failure.kind, failure.sent, failure.retryable) == (FailureKind.CUT, True, True)


@pytest.mark.parametrize("missing", [1, 2])
async def test_a_stream_that_stops_just_before_its_last_events_is_cut(asked, wire, formats, missing):
    ended = formats.ended(asked.kind)
    if missing == 1 and asked.kind != "bedrock":
        ended = ended[:1]
    wire.streams([*formats.begun(asked.kind, "x"), *ended[:-missing]], formats.mime(asked.kind), then="cut")
    assert (await fails(asked, stream=True)).kind is FailureKind.CUT


async def test_an_answer_cut_in_its_middle_is_cut(asked, wire):
    wire.streams([b'{"id": "x", '], "application/json", then="cut")
    assert (await fails(asked, stream=False)).kind is FailureKind.CUT


@pytest.mark.parametrize("stream", [False, True])
async def test_a_refused_connection_was_not_sent(ask, asked, stream):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    other = ask(asked.kind, url=f"http://127.0.0.1:{port}")
    failure = await fails(other, stream=stream)
    assert (failure.kind, failure.sent) == (FailureKind.UNAVAILABLE, False)
    assert "'dep'" in failure.message
    assert f"'my-{asked.kind}'" in failure.message


@pytest.mark.parametrize("stream", [False, True])
async def test_a_connection_closed_before_the_answer_may_have_been_charged(asked, wire, stream):
    async def handler(request):
        request.transport.abort()
        await asyncio.sleep(1)

    wire.handler = handler
    failure = await fails(asked, stream=stream)
    assert (failure.kind, failure.sent) == (FailureKind.UNAVAILABLE, True)


@pytest.mark.parametrize("stream", [False, True])
async def test_no_answer_in_time_is_a_timeout_and_the_connection_is_closed(asked, wire, stream):
    wire.hangs()
    failure = await fails(asked, stream=stream, seconds=0.2)
    assert (failure.kind, failure.sent) == (FailureKind.TIMEOUT, True)
    await asyncio.wait_for(wire.gone.wait(), 2)


async def test_a_pause_between_pieces_is_a_timeout(asked, wire, formats):
    wire.streams(formats.begun(asked.kind, "x"), formats.mime(asked.kind), then="hang")
    failure = await fails(asked, stream=True, seconds=0.3)
    assert failure.kind is FailureKind.TIMEOUT
    await asyncio.wait_for(wire.gone.wait(), 2)


async def test_a_slow_stream_that_keeps_moving_is_no_timeout(asked, wire, formats):
    parts = [*formats.begun(asked.kind, *"abcdef"), *formats.ended(asked.kind)]
    wire.streams(parts, formats.mime(asked.kind), pause=0.3)
    # Less than all pauses together, and far more than one: a machine may be slow for a moment.
    *_, reply = await collect(asked, seconds=1.7)
    assert reply.text == "abcdef"


async def test_an_end_that_the_server_keeps_open_is_an_answer(asked, wire, formats):
    parts = [*formats.begun(asked.kind, "x"), *formats.ended(asked.kind)]
    wire.streams(parts, formats.mime(asked.kind), then="hang")
    *_, reply = await asyncio.wait_for(collect(asked, seconds=20), 5)
    assert reply.text == "x"


@pytest.mark.parametrize("stream", [False, True])
async def test_a_cancelled_call_closes_its_connection_at_once(asked, wire, stream):
    wire.hangs()
    call = collect(asked) if stream else asked.adapter.complete(asked.deployment, REQUEST, 30.0)
    before = asyncio.all_tasks()
    task = asyncio.create_task(call)
    await wire.asked.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.wait_for(wire.gone.wait(), 2)
    await asyncio.sleep(0.05)
    assert asyncio.all_tasks() <= before


async def test_leaving_a_stream_closes_its_connection(asked, wire, formats):
    wire.streams(formats.begun(asked.kind, "x"), formats.mime(asked.kind), then="hang")
    stream = asked.adapter.stream(asked.deployment, REQUEST, 30.0)
    assert await anext(stream) == TextDelta("x")
    await stream.aclose()
    await asyncio.wait_for(wire.gone.wait(), 2)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, FailureKind.BAD_REQUEST),
        (401, FailureKind.AUTH),
        (403, FailureKind.AUTH),
        (404, FailureKind.NOT_FOUND),
        (408, FailureKind.TIMEOUT),
        (413, FailureKind.TOO_LONG),
        (429, FailureKind.THROTTLED),
        (500, FailureKind.UNAVAILABLE),
        (503, FailureKind.UNAVAILABLE),
        (307, FailureKind.NOT_FOUND),
    ],
)
async def test_a_status_says_what_may_be_done(asked, wire, stream, status, kind):
    headers = {"retry-after": "7", "apim-request-id": "req-9", "location": f"{wire.url}/elsewhere"}
    wire.answers(b"<html>no</html>", status, headers)
    failure = await fails(asked, stream=stream)
    assert (failure.kind, failure.status, failure.sent) == (kind, status, False)
    assert (failure.retry_after_seconds, failure.request_id) == (7.0, "req-9")
    assert failure.hint
    assert len(wire.seen) == 1, "neither retried nor redirected"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff", b'{"choices": 7}', b'"x"', b"9" * 5000])
@pytest.mark.parametrize("stream", [False, True])
async def test_an_answer_of_another_shape_is_malformed_or_cut(asked, wire, body, stream):
    wire.answers(body)
    assert (await fails(asked, stream=stream)).kind in {FailureKind.MALFORMED, FailureKind.CUT}


async def test_an_answer_without_end_is_refused(asked, wire, monkeypatch):
    monkeypatch.setattr("qlf.llm.adapters.connection.LARGEST_ANSWER", 100_000)
    wire.streams([b" " * 60_000] * 4, "application/json")
    failure = await fails(asked, stream=False)
    assert failure.kind is FailureKind.MALFORMED


async def test_something_that_is_not_http_is_a_failure(ask, asked):
    async def talk(reader, writer):
        await reader.read(100)
        writer.write(b"220 mail.example ESMTP\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    failure = await fails(ask(asked.kind, url=f"http://127.0.0.1:{port}"), stream=False)
    server.close()
    await server.wait_closed()
    assert failure.kind is FailureKind.MALFORMED


async def test_cookies_are_not_kept(asked, wire, formats):
    wire.answers(formats.whole(asked.kind), headers={"set-cookie": "a=b; Path=/"})
    for _ in range(2):
        await asked.adapter.complete(asked.deployment, REQUEST, 5.0)
    assert "Cookie" not in wire.seen[1][1]


async def test_a_schema_is_asked_for_and_checked(asked, wire, formats):
    request = ModelRequest(messages=(Message("user", "who"),), max_output_tokens=50, schema=PERSON)
    if asked.kind == "bedrock":
        use = {"toolUse": {"toolUseId": "t", "name": "person", "input": {"name": "Ada"}}}
        output = {"message": {"role": "assistant", "content": [use]}}
        wire.answers(formats.converse_answer(output=output, stopReason="tool_use"))
    else:
        wire.answers(formats.whole(asked.kind, '{"name": "Ada"}'))
    reply = await asked.adapter.complete(asked.deployment, request, 5.0)
    assert (reply.data, reply.stop) == ({"name": "Ada"}, StopReason.END)


async def test_an_answer_that_breaks_the_schema_tells_where_and_what_it_cost(asked, wire, formats):
    wire.answers(formats.whole(asked.kind, '{"name": "content-canary", "other-canary": 1}'))
    request = ModelRequest(messages=(Message("user", "who"),), max_output_tokens=50, schema=PERSON)
    with pytest.raises(Failure) as caught:
        await asked.adapter.complete(asked.deployment, request, 5.0)
    failure = caught.value
    assert failure.kind is FailureKind.SCHEMA
    assert "additionalProperties" in failure.message
    assert "canary" not in failure.message
    assert failure.usage is not None
    assert failure.usage.input_tokens == 100


async def test_an_answer_stopped_early_is_not_checked(asked, wire, formats):
    changed = (
        formats.converse_answer('{"na', stopReason="max_tokens")
        if asked.kind == "bedrock"
        else formats.openai_answer('{"na', finish_reason="length")
    )
    wire.answers(changed)
    request = ModelRequest(messages=(Message("user", "who"),), max_output_tokens=5, schema=PERSON)
    reply = await asked.adapter.complete(asked.deployment, request, 5.0)
    assert (reply.stop, reply.data) == (StopReason.MAX_TOKENS, None)


async def test_a_server_that_does_not_count_is_not_taken_for_free(asked, wire, formats):
    answer = formats.whole(asked.kind)
    del answer["usage"]
    wire.answers(answer)
    reply = await asked.adapter.complete(asked.deployment, REQUEST, 5.0)
    assert (reply.usage, reply.usage_reported) == (Usage(), False)


@pytest.mark.parametrize("text", ["\ud800", "a\udfffb"])
async def test_text_that_is_not_unicode_is_refused_before_it_is_sent(asked, wire, text):
    request = ModelRequest(messages=(Message("user", text),), max_output_tokens=5)
    with pytest.raises(Failure) as caught:
        await asked.adapter.complete(asked.deployment, request, 5.0)
    assert (caught.value.kind, caught.value.sent) == (FailureKind.BAD_REQUEST, False)
    assert not wire.seen


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("status", [200, 400, 401, 429, 500])
async def test_neither_keys_nor_texts_are_in_failures_or_logs(asked, wire, stream, status, caplog):
    leak = "Incorrect key: sk-canary-4711 azure-canary-4711 secret-canary-4711; you said prompt-canary"
    body = {"error": {"message": leak, "code": leak, "type": leak}, "message": leak, "__type": leak}
    wire.answers(body, status, {"x-request-id": "a canary", "x-amzn-errortype": "Odd"})
    with caplog.at_level(logging.DEBUG):
        failure = await fails(asked, stream=stream)
    shown = [
        str(failure),
        repr(failure),
        failure.hint,
        failure.request_id,
        caplog.text,
        repr(failure.__dict__),
    ]
    shown += traceback.format_exception(failure)
    assert failure.__context__ is None
    assert "canary" not in " ".join(str(text) for text in shown)


async def test_sixty_four_calls_at_once_do_not_queue(asked, wire, formats):
    waiting = 0
    everyone = asyncio.Event()
    wire.answers(formats.whole(asked.kind))
    inner = wire.handler

    async def handler(request):
        nonlocal waiting
        waiting += 1
        if waiting == 64:
            everyone.set()
        await everyone.wait()
        return await inner(request)

    wire.handler = handler
    calls = [asked.adapter.complete(asked.deployment, REQUEST, 20.0) for _ in range(64)]
    replies = await asyncio.gather(*calls)
    assert all(reply.text == "Hello" for reply in replies)


async def test_a_packed_answer_is_read_and_its_unpacked_size_is_bounded(asked, wire, formats, monkeypatch):
    packed = gzip.compress(json.dumps(formats.whole(asked.kind)).encode())
    wire.answers(packed, headers={"content-encoding": "gzip"})
    assert (await asked.adapter.complete(asked.deployment, REQUEST, 5.0)).text == "Hello"
    monkeypatch.setattr("qlf.llm.adapters.connection.LARGEST_ANSWER", 1_000_000)
    wire.answers(gzip.compress(b" " * 50_000_000), headers={"content-encoding": "gzip"})
    assert (await fails(asked, stream=False)).kind is FailureKind.MALFORMED


async def test_a_proxy_of_the_environment_is_used_only_when_told(wire, formats, monkeypatch, tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine provider.example login me password netrc-canary\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("http_proxy", wire.url)
    monkeypatch.delenv("no_proxy", raising=False)
    _proxy.cache_clear()
    wire.answers(formats.openai_answer())
    provider = Provider("mine", "openai_compatible", endpoint="http://provider.example/v1")
    for proxies in (False, True):
        adapter = make_adapter(provider, proxies=proxies)
        call = adapter.complete(Deployment("dep", provider, "m", "m"), REQUEST, 5.0)
        if proxies:
            assert (await call).text == "Hello"
        else:
            with pytest.raises(Failure):
                await call
        await adapter.aclose()
    _proxy.cache_clear()
    ((path, headers, _),) = wire.seen
    assert path == "http://provider.example/v1/chat/completions"
    assert "Authorization" not in headers


async def test_an_adapter_belongs_to_one_event_loop(asked, wire, formats):
    wire.answers(formats.whole(asked.kind))
    await asked.adapter.complete(asked.deployment, REQUEST, 5.0)

    def elsewhere():
        asyncio.run(asked.adapter.complete(asked.deployment, REQUEST, 5.0))

    with pytest.raises(InternalError, match="two event loops"):
        await asyncio.to_thread(elsewhere)
