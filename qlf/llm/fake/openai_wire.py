"""Answers and errors as OpenAI and Azure OpenAI send them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import orjson

from qlf.llm.fake.answering import Made
from qlf.llm.fake.ask import Ask
from qlf.llm.fake.fault import Wire
from qlf.llm.fake.stream import Events, split_text

__all__ = ["Identity", "chat_body", "chat_events", "named_model", "strict_parameters"]

_FINISH = {
    "end": "stop",
    "stop_sequence": "stop",
    "refusal": "stop",
    "max_tokens": "length",
    "content_filter": "content_filter",
    "tool": "stop",
}
_DATED = re.compile(r"-(?:\d{4}-\d{2}-\d{2}|\d{4})\Z")
_FAMILY = re.compile(r"(?:gpt-|chatgpt-|o\d)")
_REASONING = re.compile(r"(?:o\d|gpt-[5-9])")
_UNSUPPORTED = "Unsupported parameter: '{}' is not supported with this model."
_UNSUPPORTED_VALUE = (
    "Unsupported value: '{}' does not support {} with this model. Only the default ({}) value is supported."
)
_SNAPSHOT = "2025-08-07"
_SAFE = {
    name: {"filtered": False, "severity": "safe"} for name in ("hate", "self_harm", "sexual", "violence")
}
_SAFE_PROMPT = [
    {
        "prompt_index": 0,
        "content_filter_results": {**_SAFE, "jailbreak": {"filtered": False, "detected": False}},
    }
]
_UNSAFE = {**_SAFE, "violence": {"filtered": True, "severity": "medium"}}
DONE = b"data: [DONE]\n\n"


@dataclass(frozen=True, slots=True)
class Identity:
    """What an answer says of itself."""

    response_id: str
    request_id: str
    model: str
    created: int


def named_model(model: str) -> str:
    """The name in the answer: models of OpenAI are named with the date of the snapshot, others as asked."""
    return f"{model}-{_SNAPSHOT}" if _FAMILY.match(model) and not _DATED.search(model) else model


def strict_parameters(model: str, document: dict[str, Any]) -> tuple[str, str, str] | None:
    """What reasoning models refuse: message, parameter and code, or nothing."""
    if not _REASONING.match(model) or "chat" in model:
        return None
    if document.get("max_tokens") is not None:
        return (
            _UNSUPPORTED.format("max_tokens") + " Use 'max_completion_tokens' instead.",
            "max_tokens",
            "unsupported_parameter",
        )
    for name, default in (
        ("temperature", 1),
        ("top_p", 1),
        ("presence_penalty", 0),
        ("frequency_penalty", 0),
    ):
        value = document.get(name)
        if value is not None and value != default:
            return (
                _UNSUPPORTED_VALUE.format(name, value, default),
                name,
                "unsupported_value",
            )
    if document.get("stop") is not None:
        return (
            _UNSUPPORTED.format("stop"),
            "stop",
            "unsupported_parameter",
        )
    return None


def usage(made: Made) -> dict[str, Any]:
    """The token counts; cached input is part of the prompt, reasoning part of the completion."""
    return {
        "prompt_tokens": made.input_tokens,
        "completion_tokens": made.output_tokens,
        "total_tokens": made.input_tokens + made.output_tokens,
        "prompt_tokens_details": {"cached_tokens": made.cache_read, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": made.reasoning,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def chat_body(ask: Ask, made: Made, who: Identity, *, with_usage: bool, with_choices: bool) -> dict[str, Any]:
    """A whole answer."""
    message: dict[str, Any] = {"role": "assistant", "content": made.text, "refusal": None, "annotations": []}
    if made.stop == "refusal":
        message.update(content=None, refusal=made.text)
    elif made.tool:
        message.update(content=None, tool_calls=[_tool_call(made, who)])
    choice: dict[str, Any] = {
        "index": 0,
        "message": message,
        "logprobs": None,
        "finish_reason": _FINISH[made.stop],
    }
    body: dict[str, Any] = {
        "id": who.response_id,
        "object": "chat.completion",
        "created": who.created,
        "model": who.model,
        "choices": [choice] if with_choices else [],
    }
    if with_usage:
        body["usage"] = usage(made)
    body["system_fingerprint"] = "fp_fake000001"
    if ask.wire is Wire.AZURE:
        choice["content_filter_results"] = _UNSAFE if made.stop == "content_filter" else _SAFE
        body["prompt_filter_results"] = _SAFE_PROMPT
    else:
        body["service_tier"] = "default"
    return body


def _tool_call(made: Made, who: Identity) -> dict[str, Any]:
    return {
        "id": f"call_{who.response_id[-24:]}",
        "type": "function",
        "function": {"name": made.tool, "arguments": made.text},
    }


def chat_events(
    ask: Ask, made: Made, who: Identity, *, size: int, with_usage: bool, with_choices: bool
) -> Events:
    """A streamed answer as server-sent events."""
    azure = ask.wire is Wire.AZURE
    # With include_usage every chunk but the last has `usage: null`.
    usage_null = b',"usage":null' if ask.include_usage else b""
    before = (
        b'data: {"id":%b,"object":"chat.completion.chunk","created":%d,"model":%b,'
        % (
            orjson.dumps(who.response_id),
            who.created,
            orjson.dumps(who.model),
        )
        + b'"system_fingerprint":"fp_fake000001","choices":['
    )
    after = b"]" + usage_null + b"}\n\n"
    items: list[bytes] = []
    if azure:
        items.append(
            b'data: {"choices":[],"created":0,"id":"","model":"","object":"","prompt_filter_results":%b}\n\n'
            % orjson.dumps(_SAFE_PROMPT)
        )
    if with_choices:
        first_text = _append_choices(items, made, who, size, before, after, azure=azure)
        terminal = len(items) - 1
    else:
        first_text = terminal = len(items)
        items.append(before + after)
    if ask.include_usage and with_usage:
        items.append(before + b'],"usage":%b}\n\n' % orjson.dumps(usage(made)))
    items.append(DONE)
    return Events(items, first_text, terminal)


def _append_choices(
    items: list[bytes], made: Made, who: Identity, size: int, before: bytes, after: bytes, *, azure: bool
) -> int:
    """Add the chunks with a choice, the finish reason last; the place of the first with text."""
    filters = b',"content_filter_results":%b' % orjson.dumps(_SAFE) if azure else b""
    rest = b'},"logprobs":null,"finish_reason":null' + filters + b"}" + after
    start = before + b'{"index":0,"delta":{'
    role = b'"role":"assistant","content":"","refusal":null'
    key = b'"refusal":' if made.stop == "refusal" else b'"content":'
    if made.tool:
        call = _tool_call(made, who)
        call["function"]["arguments"] = ""
        role = b'"role":"assistant","content":null,"tool_calls":[%b]' % orjson.dumps({"index": 0, **call})
    items.append(start + role + rest)
    first_text = len(items)
    dumps = orjson.dumps
    if made.tool:
        for piece in split_text(made.text, size):
            argument = b'"tool_calls":[{"index":0,"function":{"arguments":%b}}]' % dumps(piece)
            items.append(start + argument + rest)
    else:
        start += key
        items += [start + dumps(piece) + rest for piece in split_text(made.text, size)]
    final = _UNSAFE if made.stop == "content_filter" else {}
    items.append(
        before
        + b'{"index":0,"delta":{},"logprobs":null,"finish_reason":%b' % dumps(_FINISH[made.stop])
        + (b',"content_filter_results":%b' % dumps(final) if azure else b"")
        + b"}"
        + after
    )
    return first_text
