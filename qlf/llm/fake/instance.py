"""A value that meets a JSON Schema, the same one every time."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from typing import Any

__all__ = ["instance"]

_MAX_DEPTH = 40
_MAX_NODES = 20_000
"""Schemas that contain themselves twice would else grow without end."""
_FORMATS = {
    "date-time": "2025-01-15T09:30:00Z",
    "date": "2025-01-15",
    "time": "09:30:00Z",
    "duration": "PT1H",
    "email": "someone@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/a",
    "uuid": "00000000-0000-4000-8000-000000000001",
}
_MOST = 1000
"""Items and properties; a schema that demands more is met as far as this."""
_WORDS: dict[str, type | tuple[type, ...]] = {
    "properties": Mapping,
    "required": list,
    "prefixItems": list,
    "type": (str, list),
    "pattern": str,
    "format": str,
    "minItems": int,
    "maxItems": int,
    "minLength": int,
    "maxLength": int,
    "minProperties": int,
}
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def instance(schema: Any, seed: bytes) -> Any:
    """A value that meets `schema`.

    Understood are types, enum, const, properties, items, prefixItems, bounds of numbers, strings and arrays,
    multipleOf, patterns without look-around, the usual formats, anyOf, oneOf, allOf and local references.

    Args:
        schema: The schema.
        seed: Decides among the values that are possible.
    """
    return _Maker(schema, random.Random(seed)).make(schema, 0)  # noqa: S311 - no secret is made


class _Maker:
    def __init__(self, root: Any, luck: random.Random) -> None:
        self._root = root
        self._luck = luck
        self._nodes = 0

    def make(self, schema: Any, depth: int) -> Any:
        if not isinstance(schema, Mapping):
            return "text"
        self._nodes += 1
        if depth > _MAX_DEPTH or self._nodes > _MAX_NODES:
            return None
        schema = _sound(self._resolved(schema))
        if "const" in schema:
            return schema["const"]
        if isinstance(schema.get("enum"), list) and schema["enum"]:
            return schema["enum"][self._luck.randrange(len(schema["enum"]))]
        for word in ("anyOf", "oneOf"):
            if isinstance(schema.get(word), list) and schema[word]:
                rest = {key: value for key, value in schema.items() if key not in ("anyOf", "oneOf")}
                return self.make(_merged(rest, self._resolved(self._choice(schema[word], depth))), depth + 1)
        kind = schema.get("type")
        if isinstance(kind, list):
            # Null last: it says least.
            kind = next((one for one in kind if one != "null"), "null")
        if kind is None:
            kind = _implied(schema)
        if kind == "object":
            return self._object(schema, depth)
        if kind == "array":
            return self._array(schema, depth)
        if kind == "integer":
            return self._integer(schema)
        if kind == "number":
            return self._number(schema)
        if kind == "boolean":
            return self._luck.random() < 0.5
        if kind == "null":
            return None
        return self._string(schema)

    def _resolved(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        for _ in range(_MAX_DEPTH):
            self._nodes += 1
            if self._nodes > _MAX_NODES:
                return {}
            pointer = schema.get("$ref")
            if isinstance(pointer, str) and pointer.startswith("#"):
                rest = {key: value for key, value in schema.items() if key != "$ref"}
                schema = _merged(rest, self._at(pointer))
            elif isinstance(schema.get("allOf"), list):
                merged: Mapping[str, Any] = {key: value for key, value in schema.items() if key != "allOf"}
                for part in schema["allOf"]:
                    if isinstance(part, Mapping):
                        merged = _merged(merged, self._resolved(part))
                schema = merged
            else:
                break
        return schema

    def _at(self, pointer: str) -> Mapping[str, Any]:
        found: Any = self._root
        for part in pointer[1:].split("/")[1:]:
            name = part.replace("~1", "/").replace("~0", "~")
            if isinstance(found, list) and name.isdigit() and int(name) < len(found):
                found = found[int(name)]
            elif isinstance(found, Mapping) and name in found:
                found = found[name]
            else:
                return {}
        return found if isinstance(found, Mapping) else {}

    def _choice(self, options: list[Any], depth: int) -> Mapping[str, Any]:
        usable = [one for one in options if isinstance(one, Mapping)]
        plain = [one for one in usable if one.get("type") != "null"] or usable or [{}]
        if depth > 4:
            # Recursive schemas end at their simplest form.
            plain = sorted(usable or [{}], key=lambda one: one.get("type") in (None, "object", "array"))
            return plain[0]
        return plain[self._luck.randrange(len(plain))]

    def _object(self, schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
        properties = schema.get("properties")
        properties = properties if isinstance(properties, Mapping) else {}
        required = [name for name in schema.get("required") or () if isinstance(name, str)]
        wanted = list(properties) if depth <= 4 else [name for name in properties if name in required]
        if depth > _MAX_DEPTH:
            return {}
        made = {name: self.make(properties[name], depth + 1) for name in wanted}
        extra = schema.get("additionalProperties")
        for name in required:
            if name not in made:
                made[name] = self.make(extra if isinstance(extra, Mapping) else {}, depth + 1)
        least = schema.get("minProperties")
        for number in range(least if isinstance(least, int) and extra is not False else 0):
            if len(made) < (least or 0):
                made.setdefault(
                    f"key{number}", self.make(extra if isinstance(extra, Mapping) else {}, depth + 1)
                )
        return made

    def _array(self, schema: Mapping[str, Any], depth: int) -> list[Any]:
        least = schema.get("minItems") if isinstance(schema.get("minItems"), int) else 0
        most = schema.get("maxItems") if isinstance(schema.get("maxItems"), int) else None
        first = schema.get("prefixItems") if isinstance(schema.get("prefixItems"), list) else []
        count = max(least or 0, len(first or ()))
        if depth <= 4:
            count = max(count, 2)
        if most is not None:
            count = min(count, most)
        if depth > _MAX_DEPTH:
            return []
        items = schema.get("items")
        made: list[Any] = []
        tries = 0
        while len(made) < count and tries < 20 * count + 20:
            tries += 1
            one = first[len(made)] if first and len(made) < len(first) else items
            value = self.make(one if isinstance(one, Mapping) else {}, depth + 1)
            if schema.get("uniqueItems") is True and value in made:
                if len(made) >= (least or 0) and tries > count + 5:
                    break
                continue
            made.append(value)
        return made

    def _integer(self, schema: Mapping[str, Any]) -> int:
        low, high = _bounds(schema)
        step = schema.get("multipleOf")
        unit = int(step) if isinstance(step, int | float) and step >= 1 else 1
        least = math.ceil(low / unit) if low is not None else None
        most = math.floor(high / unit) if high is not None else None
        if least is not None and low is not None and least * unit <= low and "exclusiveMinimum" in schema:
            least += least * unit <= _number_or(schema.get("exclusiveMinimum"), -math.inf)
        if most is not None and "exclusiveMaximum" in schema:
            most -= most * unit >= _number_or(schema.get("exclusiveMaximum"), math.inf)
        if least is None:
            least = 1 if most is None or most >= 1 else most - 99
        if most is None:
            most = least + 99
        return unit * self._luck.randint(least, max(least, most))

    def _number(self, schema: Mapping[str, Any]) -> float | int:
        low, high = _bounds(schema)
        step = schema.get("multipleOf")
        if isinstance(step, int | float) and step > 1e-9 and abs(low or 0) < 1e15:
            at = math.ceil((low if low is not None else 0) / step)
            return round(step * (at + ("exclusiveMinimum" in schema)), 10)
        if low is None:
            low = 0.0 if high is None or high > 0 else high - 100
        if high is None:
            high = low + 100
        if high - low > 1e15:
            return low
        return round(low + (high - low) * (0.25 + self._luck.randrange(50) / 100), 4)

    def _string(self, schema: Mapping[str, Any]) -> str:
        least = schema.get("minLength") if isinstance(schema.get("minLength"), int) else 0
        most = schema.get("maxLength") if isinstance(schema.get("maxLength"), int) else None
        pattern = schema.get("pattern")
        if isinstance(pattern, str):
            return self._patterned(pattern, least or 0, most)
        if schema.get("format") in _FORMATS:
            return _FORMATS[schema["format"]]
        length = max(least or 0, 8 if most is None else min(8, most))
        return "".join(self._luck.choice(_LETTERS) for _ in range(length))

    def _patterned(self, pattern: str, least: int, most: int | None) -> str:
        from qlf.llm.fake.pattern import matching

        text = ""
        for _ in range(50):
            text = matching(pattern, self._luck)
            if len(text) >= least and (most is None or len(text) <= most):
                break
        return text


def _sound(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema without words whose values have no meaning."""
    return {
        word: min(value, _MOST) if word in ("minItems", "minProperties") else value
        for word, value in schema.items()
        if word not in _WORDS or (isinstance(value, _WORDS[word]) and not isinstance(value, bool))
    }


def _implied(schema: Mapping[str, Any]) -> str:
    if "properties" in schema or "required" in schema:
        return "object"
    if "items" in schema or "prefixItems" in schema:
        return "array"
    return "number" if "minimum" in schema or "maximum" in schema else "string"


def _merged(left: Mapping[str, Any], right: Mapping[str, Any]) -> dict[str, Any]:
    made = dict(left)
    for key, value in right.items():
        if key == "properties" and isinstance(made.get(key), Mapping) and isinstance(value, Mapping):
            made[key] = {**made[key], **value}
        elif key == "required" and isinstance(made.get(key), list) and isinstance(value, list):
            made[key] = [*made[key], *(name for name in value if name not in made[key])]
        else:
            made[key] = value
    return made


def _bounds(schema: Mapping[str, Any]) -> tuple[float | None, float | None]:
    lows = [_number_or(schema.get(word), None) for word in ("minimum", "exclusiveMinimum")]
    highs = [_number_or(schema.get(word), None) for word in ("maximum", "exclusiveMaximum")]
    low = max((one for one in lows if one is not None), default=None)
    high = min((one for one in highs if one is not None), default=None)
    return low, high


def _number_or(value: Any, other: Any) -> Any:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else other
