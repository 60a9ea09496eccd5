"""Answers and errors as Amazon Bedrock's Converse and ConverseStream send them."""

from __future__ import annotations

import re
from typing import Any

import orjson

from qlf.llm.fake.answering import Made, json_of
from qlf.llm.fake.eventstream import encode_headers, frame
from qlf.llm.fake.stream import Events, split_text

__all__ = ["converse_body", "converse_events", "exception_frame", "strict_converse"]

_STOP = {
    "end": "end_turn",
    "stop_sequence": "stop_sequence",
    "refusal": "content_filtered",
    "max_tokens": "max_tokens",
    "content_filter": "content_filtered",
    "guardrail": "guardrail_intervened",
    "tool": "tool_use",
}
_PADDING = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
"""Bedrock pads each event with `p`, so that sizes tell nothing of the text."""
_PADDINGS = tuple(f'{_PADDING[: 4 + size * 13 % 50]}"}}'.encode() for size in range(8))


_ADAPTIVE = re.compile(r"claude-(?:haiku|sonnet|opus)-[5-9]")
_NO_FORCED_TOOL = re.compile(r"claude-sonnet-5-5")


def strict_converse(model: str, document: dict[str, Any]) -> str | None:
    """What newer models of Claude refuse: sampling parameters, and some a forced tool."""
    if not _ADAPTIVE.search(model):
        return None
    settings = document.get("inferenceConfig")
    settings = settings if isinstance(settings, dict) else {}
    for name in ("temperature", "topP"):
        if settings.get(name) not in (None, 1, 1.0):
            return f"The model returned the following errors: `{name}` is not supported for this model."
    tools = document.get("toolConfig")
    choice = (tools.get("toolChoice") if isinstance(tools, dict) else None) or {}
    if ("tool" in choice or "any" in choice) and _NO_FORCED_TOOL.search(model):
        return (
            "The model returned the following errors: tool_choice: only `auto` is supported for this model."
        )
    return None


def _event_headers(name: str) -> bytes:
    return encode_headers(
        {":event-type": name, ":content-type": "application/json", ":message-type": "event"}
    )


_EVENTS = {
    name: _event_headers(name)
    for name in (
        "messageStart",
        "contentBlockStart",
        "contentBlockDelta",
        "contentBlockStop",
        "messageStop",
        "metadata",
    )
}


def usage(made: Made) -> dict[str, Any]:
    """The token counts; input that was read from or written to the cache is not part of `inputTokens`."""
    fresh = made.input_tokens - made.cache_read - made.cache_write
    return {
        "inputTokens": fresh,
        "outputTokens": made.output_tokens,
        "totalTokens": made.input_tokens + made.output_tokens,
        "cacheReadInputTokens": made.cache_read,
        "cacheWriteInputTokens": made.cache_write,
    }


def converse_body(
    made: Made, tool_id: str, *, latency_ms: int, with_usage: bool, with_content: bool
) -> dict[str, Any]:
    """A whole answer."""
    content: list[dict[str, Any]] = [{"text": made.text}] if made.text else []
    if made.tool:
        content = [{"toolUse": {"toolUseId": tool_id, "name": made.tool, "input": json_of(made.text)}}]
    body: dict[str, Any] = {
        "metrics": {"latencyMs": latency_ms},
        "output": {"message": {"content": content if with_content else [], "role": "assistant"}},
        "stopReason": _STOP[made.stop],
    }
    if with_usage:
        body["usage"] = usage(made)
    return body


def converse_events(
    made: Made, tool_id: str, *, size: int, latency_ms: int, with_usage: bool, with_content: bool
) -> Events:
    """A streamed answer as frames of an event stream."""
    items = [_event("messageStart", {"p": _PADDING[:12], "role": "assistant"})]
    first_text = len(items)
    if with_content:
        if made.tool:
            start = {"contentBlockIndex": 0, "p": _PADDING[:9]}
            start["start"] = {"toolUse": {"name": made.tool, "toolUseId": tool_id}}
            items.append(_event("contentBlockStart", start))
            first_text = len(items)
        before = b'{"contentBlockIndex":0,"delta":{"text":'
        after = b'},"p":"'
        if made.tool:
            before, after = b'{"contentBlockIndex":0,"delta":{"toolUse":{"input":', b'}},"p":"'
        headers, dumps = _EVENTS["contentBlockDelta"], orjson.dumps
        ends = [after + padding for padding in _PADDINGS]
        for number, piece in enumerate(split_text(made.text, size)):
            items.append(frame(headers, before + dumps(piece) + ends[number % len(ends)]))
        items.append(_event("contentBlockStop", {"contentBlockIndex": 0, "p": _PADDING[:20]}))
    terminal = len(items)
    items.append(_event("messageStop", {"p": _PADDING[:30], "stopReason": _STOP[made.stop]}))
    if with_usage:
        metadata = {"metrics": {"latencyMs": latency_ms}, "p": _PADDING[:5], "usage": usage(made)}
        items.append(_event("metadata", metadata))
    return Events(items, first_text, terminal)


def exception_frame(name: str, message: str) -> bytes:
    """A fault in the middle of a stream; its status 200 has long been sent."""
    body: dict[str, Any] = {"message": message}
    if name == "modelStreamErrorException":
        body.update(originalStatusCode=500, originalMessage=message)
    headers = {":exception-type": name, ":content-type": "application/json", ":message-type": "exception"}
    return frame(encode_headers(headers), orjson.dumps(body))


def _event(name: str, payload: dict[str, Any]) -> bytes:
    return frame(_EVENTS[name], orjson.dumps(payload))
