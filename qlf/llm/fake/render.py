"""An answer as bytes for the socket, with whatever goes wrong on the way."""

from __future__ import annotations

from dataclasses import dataclass

import orjson

from qlf.llm.fake.answering import Made
from qlf.llm.fake.ask import Ask
from qlf.llm.fake.bedrock_wire import converse_body, converse_events, exception_frame
from qlf.llm.fake.fault import (
    BadCrc,
    Cut,
    EmptyChoices,
    Exceptional,
    Fault,
    Hang,
    MalformedJson,
    MalformedSse,
    NoUsage,
    OffSchema,
    Slow,
    Wire,
    WrongModel,
)
from qlf.llm.fake.http import LAST_CHUNK, End, Performance, chunk, head, whole
from qlf.llm.fake.openai_wire import Identity, chat_body, chat_events, named_model
from qlf.llm.fake.script import Behaviour
from qlf.llm.fake.stream import Events

__all__ = ["Stage", "identity", "render"]

_MESSAGES = {
    "throttlingException": "Too many requests, please wait before trying again.",
    "modelStreamErrorException": "The model returned an error while it streamed its answer.",
    "internalServerException": "The system encountered an unexpected error during processing. Try again.",
    "serviceUnavailableException": "Bedrock is unable to process your request.",
    "validationException": "The model returned a malformed answer.",
}


@dataclass(slots=True)
class Stage:
    """An answer and everything that decides how it is sent."""

    ask: Ask
    made: Made
    behaviour: Behaviour
    fault: Fault | None
    request_id: str
    created: int
    headers: list[tuple[str, str]]


def identity(ask: Ask, behaviour: Behaviour, request_id: str, created: int, fault: Fault | None) -> Identity:
    """What the answer says of itself."""
    model = fault.model if isinstance(fault, WrongModel) else named_model(behaviour.model or ask.model)
    digest = request_id.removeprefix("req_").replace("-", "")
    return Identity(f"chatcmpl-{digest[:29]}", request_id, model, created)


def render(stage: Stage) -> Performance:
    """The bytes of an answer, and how they are sent."""
    if isinstance(stage.fault, OffSchema):
        stage.made.text = '{"unexpected": [1, 2, 3]}'
    performance = _stream(stage) if stage.ask.stream else _whole(stage)
    performance.first_seconds = stage.behaviour.first_byte_seconds
    if isinstance(stage.fault, Slow):
        performance.first_seconds += stage.fault.seconds
    return performance


def _headers(stage: Stage, content_type: str) -> list[tuple[str, str]]:
    made = [("content-type", content_type), *stage.headers]
    if stage.ask.wire is Wire.BEDROCK:
        made.append(("x-amzn-requestid", stage.request_id))
    elif stage.ask.wire is Wire.AZURE:
        made += [
            ("apim-request-id", stage.request_id),
            ("x-ms-region", "Fake Central"),
            ("x-ms-deployment-name", stage.ask.model),
        ]
    else:
        made += [("x-request-id", stage.request_id), ("openai-processing-ms", "1")]
    return made


def _whole(stage: Stage) -> Performance:
    ask, fault = stage.ask, stage.fault
    with_usage, with_content = not isinstance(fault, NoUsage), not isinstance(fault, EmptyChoices)
    if ask.wire is Wire.BEDROCK:
        document = converse_body(
            stage.made,
            _tool_id(stage),
            latency_ms=_latency(stage),
            with_usage=with_usage,
            with_content=with_content,
        )
    else:
        who = identity(ask, stage.behaviour, stage.request_id, stage.created, fault)
        document = chat_body(ask, stage.made, who, with_usage=with_usage, with_choices=with_content)
    body = orjson.dumps(document)
    headers = _headers(stage, "application/json")
    if isinstance(fault, MalformedJson):
        body = body[: len(body) * 2 // 3] + b'"\x00}'
    if isinstance(fault, Hang):
        return Performance([b""], end=End.HANG)
    if isinstance(fault, Cut):
        part = body[:-1] if fault.before_end else body[: len(body) // 2]
        if fault.how == "end":
            return whole(200, headers, part)
        end = End.RESET if fault.how == "reset" else End.CLOSE
        return Performance([head(200, headers, len(body)) + part], end=end)
    return whole(200, headers, body)


def _stream(stage: Stage) -> Performance:
    ask, fault = stage.ask, stage.fault
    if isinstance(fault, Hang) and fault.after_chunks is None:
        return Performance([b""], end=End.HANG)
    with_usage, with_content = not isinstance(fault, NoUsage), not isinstance(fault, EmptyChoices)
    size = stage.behaviour.chunk_chars
    if ask.wire is Wire.BEDROCK:
        events = converse_events(
            stage.made,
            _tool_id(stage),
            size=size,
            latency_ms=_latency(stage),
            with_usage=with_usage,
            with_content=with_content,
        )
        content_type = "application/vnd.amazon.eventstream"
    else:
        who = identity(ask, stage.behaviour, stage.request_id, stage.created, fault)
        events = chat_events(
            ask, stage.made, who, size=size, with_usage=with_usage, with_choices=with_content
        )
        content_type = "text/event-stream; charset=utf-8"
    items, end, terminated = _gone_wrong(stage, events)
    pieces = [head(200, _headers(stage, content_type), None)]
    pace = stage.behaviour.chunk_seconds
    if pace:
        pieces += [chunk(item) for item in items]
    else:
        # One write for all; the events stay chunks of their own.
        pieces += [b"".join([chunk(item) for item in items])] if items else []
    if terminated:
        pieces.append(LAST_CHUNK)
    return Performance(pieces, piece_seconds=pace, end=end)


def _gone_wrong(stage: Stage, events: Events) -> tuple[list[bytes], End, bool]:
    """The events that are sent, how it ends, and whether the HTTP body ends properly."""
    fault, items = stage.fault, events.items
    if isinstance(fault, Cut):
        kept = items[: events.terminal if fault.before_end else events.middle(fault.after_chunks)]
        end = {"reset": End.RESET, "close": End.CLOSE, "end": End.DONE}[fault.how]
        return kept, end, fault.how == "end"
    if isinstance(fault, Hang):
        return items[: events.middle(fault.after_chunks)], End.HANG, False
    if isinstance(fault, Exceptional):
        kept = items[: events.middle(fault.after_chunks)]
        return [*kept, _exception(stage.ask, fault)], End.DONE, True
    at = events.middle(None)
    if isinstance(fault, MalformedJson):
        broken = b'data: {"id":"chatcmpl-\x00", "choices": [{]}\n\n'
        if stage.ask.wire is Wire.BEDROCK:
            broken = _broken_frame()
        return [*items[:at], broken, *items[at:]], End.DONE, True
    if isinstance(fault, MalformedSse):
        return [*items[:at], b"\x00\xfe<<garbage>> no event: \xff\n\n", *items[at:]], End.DONE, True
    if isinstance(fault, BadCrc):
        bad = bytearray(items[at])
        bad[8 if fault.part == "prelude" else -1] ^= 0xFF
        return [*items[:at], bytes(bad), *items[at + 1 :]], End.DONE, True
    return items, End.DONE, True


def _exception(ask: Ask, fault: Exceptional) -> bytes:
    message = _MESSAGES[fault.name]
    if ask.wire is Wire.BEDROCK:
        return exception_frame(fault.name, message)
    kind = "rate_limit_exceeded" if fault.name == "throttlingException" else "server_error"
    error = {"message": message, "type": kind, "param": None, "code": kind}
    return b"data: %b\n\n" % orjson.dumps({"error": error})


def _broken_frame() -> bytes:
    from qlf.llm.fake.eventstream import encode_frame

    names = {
        ":event-type": "contentBlockDelta",
        ":content-type": "application/json",
        ":message-type": "event",
    }
    return encode_frame(names, b'{"contentBlockIndex":0,"delta":{"text":')


def _tool_id(stage: Stage) -> str:
    return "tooluse_" + stage.request_id.replace("-", "")[:22]


def _latency(stage: Stage) -> int:
    return max(1, round(stage.behaviour.first_byte_seconds * 1000))
