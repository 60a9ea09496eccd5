"""Calls in a file of JSON lines, for filling the cache of answers ahead of time.

A line holds the fields of a call by their names; `model` and `request` must be there:

    {"model": "fast", "request": {"messages": [{"role": "user", "text": "..."}], "max_output_tokens": 500},
     "attribution": {"agent": "backend"}, "prompt_version": "..."}
"""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any, Literal

import orjson

from qlf.core.metering import Attribution
from qlf.errors import InputError
from qlf.llm.request import Call, Message, ModelRequest, Schema

__all__ = ["MAX_CALLS", "read_calls"]

MAX_BYTES = 256_000_000
MAX_CALLS = 100_000


def read_calls(path: Path) -> tuple[Call, ...]:
    """The calls in a file of JSON lines.

    Raises:
        InputError: With the line that is wrong.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"{path} is larger than {MAX_BYTES // 1_000_000} MB")
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}", hint="give a file of calls") from error
    calls: list[Call] = []
    for number, line in enumerate(data.split(b"\n"), start=1):
        if not line.strip():
            continue
        if len(calls) >= MAX_CALLS:
            raise InputError(f"{path} holds more than {MAX_CALLS} calls")
        try:
            calls.append(_call(orjson.loads(line)))
        except (ValueError, TypeError) as error:
            reason = "it is not JSON" if isinstance(error, orjson.JSONDecodeError) else str(error)
            raise InputError(f"{path}, line {number} holds no call: {reason}") from error
    return tuple(calls)


def _call(value: Any) -> Call:
    found = _mapping(value, "the line")
    request = _mapping(found.pop("request", None), "'request'")
    attribution = _mapping(found.pop("attribution", {}), "'attribution'")
    _nothing_left(set(attribution) - {one.name for one in fields(Attribution)}, "an attribution")
    call = Call(
        request=_request(request),
        model=_text(found.pop("model", None), "model"),
        attribution=Attribution(**{name: _text(one, name) for name, one in attribution.items()}),
        deadline_seconds=_number(found.pop("deadline_seconds", None), "deadline_seconds"),
        prompt_version=_text(found.pop("prompt_version", ""), "prompt_version"),
        overlay_digest=_text(found.pop("overlay_digest", ""), "overlay_digest"),
        contract_version=_text(found.pop("contract_version", ""), "contract_version"),
    )
    _nothing_left(found, "a call")
    return call


def _request(found: dict[str, Any]) -> ModelRequest:
    messages = found.pop("messages", None)
    if not isinstance(messages, list) or not messages:
        raise ValueError("'messages' must be a list that is not empty")
    stop = found.pop("stop", [])
    schema = found.pop("schema", None)
    made = ModelRequest(
        messages=tuple(_message(one) for one in messages),
        max_output_tokens=_whole(found.pop("max_output_tokens", None), "max_output_tokens", low=1),
        system=_text(found.pop("system", ""), "system"),
        stable_messages=_whole(found.pop("stable_messages", 0), "stable_messages", low=0),
        temperature=_number(found.pop("temperature", None), "temperature"),
        top_p=_number(found.pop("top_p", None), "top_p"),
        seed=_whole(found.pop("seed"), "seed", low=-(2**63)) if found.get("seed") is not None else None,
        stop=tuple(_text(one, "stop") for one in _list(stop, "stop")),
        schema=_schema(schema) if schema is not None else None,
    )
    found.pop("seed", None)
    _nothing_left(found, "a request")
    return made


def _message(value: Any) -> Message:
    found = _mapping(value, "a message")
    role: Literal["user", "assistant"]
    if found.get("role") == "user":
        role = "user"
    elif found.get("role") == "assistant":
        role = "assistant"
    else:
        raise ValueError("the role of a message must be 'user' or 'assistant'")
    text = _text(found.get("text"), "text")
    _nothing_left(set(found) - {"role", "text"}, "a message")
    return Message(role, text)


def _schema(value: Any) -> Schema:
    found = _mapping(value, "'schema'")
    _nothing_left(set(found) - {"name", "document"}, "a schema")
    return Schema(_text(found.get("name"), "name"), _mapping(found.get("document"), "'document'"))


def _mapping(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError(f"{what} must be an object")
    return dict(value)


def _list(value: Any, what: str) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError(f"{what!r} must be a list")
    return value


def _text(value: Any, what: str) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{what!r} must be a text")
    return value


def _whole(value: Any, what: str, *, low: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value < 2**63:
        raise ValueError(f"{what!r} must be a whole number, at least {low}")
    return value


def _number(value: Any, what: str) -> float | None:
    if value is None:
        return None
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise TypeError(f"{what!r} must be a number")
    return float(value)


def _nothing_left(names: Any, what: str) -> None:
    if names:
        raise ValueError(f"{what} has no {min(names)!r}")
