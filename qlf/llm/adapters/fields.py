"""Reads fields of foreign JSON. A field of the wrong shape raises; nothing is guessed or converted."""

from __future__ import annotations

from typing import Any

import orjson

__all__ = ["Misshapen", "count", "items", "label", "mapping", "parse", "text"]

_LARGEST_COUNT = 10**12
_LONGEST_LABEL = 256


class Misshapen(ValueError):
    """The JSON is not what the wire format promises. The text names the field, never its value."""


def parse(data: bytes) -> dict[str, Any]:
    """The JSON object in these bytes."""
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError:
        raise Misshapen("the body is not JSON") from None
    if type(value) is not dict:
        raise Misshapen("the body is not a JSON object")
    return value


def mapping(parent: dict[str, Any], name: str) -> dict[str, Any]:
    """The object in this field; empty where the field is missing or null."""
    value = parent.get(name)
    if value is None:
        return {}
    if type(value) is not dict:
        raise Misshapen(f"{name!r} is not an object")
    return value


def items(parent: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """The objects in the list in this field; empty where the field is missing or null."""
    value = parent.get(name)
    if value is None:
        return []
    if type(value) is not list or any(type(item) is not dict for item in value):
        raise Misshapen(f"{name!r} is not a list of objects")
    return value


def text(parent: dict[str, Any], name: str) -> str:
    """The string in this field; empty where the field is missing or null."""
    value = parent.get(name)
    if value is None:
        return ""
    if type(value) is not str:
        raise Misshapen(f"{name!r} is not a string")
    return value


def label(parent: dict[str, Any], name: str) -> str:
    """A short printable string: an id or the name of a model."""
    value = text(parent, name)
    if len(value) > _LONGEST_LABEL or not value.isprintable():
        raise Misshapen(f"{name!r} is too long, or not printable")
    return value


def count(parent: dict[str, Any], name: str) -> int:
    """A number of tokens; 0 where the field is missing or null."""
    value = parent.get(name)
    if value is None:
        return 0
    if type(value) is not int or not 0 <= value <= _LARGEST_COUNT:
        raise Misshapen(f"{name!r} is not a count")
    return value
