"""Valid values for the schemas of a contract, the same ones in every run."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from qlf.mesh.driver.contract import Contract
from qlf.mesh.driver.pattern import fits, fitting

__all__ = ["Hint", "Sampler"]

_MAX_DEPTH = 8
_BORN = ("birth", "born", "hired", "founded", "purchased", "acquired")


@dataclass(frozen=True, slots=True)
class Hint:
    """What the rules of the spec say about a field, which its schema cannot."""

    number: Decimal | None = None
    """A value that keeps every rule."""
    day: int = 0
    """How many days after the others of its row a date lies."""


class Sampler:
    """Makes values. Each has a serial number in it, so that no two rows share a unique one."""

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._serial = 0

    def next(self) -> int:
        """A number that was not used before."""
        self._serial += 1
        return self._serial

    def value(
        self, schema: Any, name: str, hint: Hint | None = None, *, turn: int = 0, depth: int = 0
    ) -> Any:
        """A value that the schema accepts.

        Args:
            schema: May be a reference.
            name: Of the field, which says what a text is about.
            hint: What the spec adds.
            turn: Another number gives another value where there is a choice.
            depth: How deep it is nested; beyond a bound only `None` is made.
        """
        schema = self._contract.resolve(schema)
        hint = hint or Hint()
        if depth > _MAX_DEPTH:
            return None
        if "const" in schema:
            return schema["const"]
        if schema.get("enum"):
            return schema["enum"][turn % len(schema["enum"])]
        for key in ("anyOf", "oneOf"):
            if options := [
                one for one in map(self._contract.resolve, schema.get(key, ())) if not _is_null(one)
            ]:
                return self.value(options[0], name, hint, turn=turn, depth=depth + 1)
        if "allOf" in schema:
            merged: dict[str, Any] = {}
            for part in map(self._contract.resolve, schema["allOf"]):
                merged |= part
            return self.value(merged, name, hint, turn=turn, depth=depth + 1)
        kinds = schema.get("type")
        kind = next((one for one in kinds if one != "null"), None) if isinstance(kinds, list) else kinds
        match kind:
            case "boolean":
                return turn % 2 == 0
            case "integer":
                return int(_number(schema, hint, turn, whole=True))
            case "number":
                number = _number(schema, hint, turn, whole=False)
                return int(number) if number == number.to_integral_value() else float(number)
            case "array":
                least = schema.get("minItems", 0)
                items = schema.get("items", {})
                return [self.value(items, name, turn=turn + place, depth=depth + 1) for place in range(least)]
            case "object":
                return self.object(schema, turn=turn, depth=depth)
            case "null":
                return None
        return self._text(schema, name, hint, turn)

    def object(self, schema: Any, *, turn: int = 0, depth: int = 0) -> dict[str, Any]:
        """An object with everything that the schema requires."""
        schema = self._contract.resolve(schema)
        properties: Mapping[str, Any] = schema.get("properties", {})
        return {
            name: self.value(properties.get(name, {}), name, turn=turn, depth=depth + 1)
            for name in schema.get("required", ())
        }

    def _text(self, schema: Mapping[str, Any], name: str, hint: Hint, turn: int) -> str:
        serial = self.next()
        year = 1990 if any(word in name for word in _BORN) else 2031
        day = hint.day + turn
        pattern = schema.get("pattern")
        match schema.get("format"):
            case "uuid":
                return f"00000000-0000-4000-8000-{serial:012d}"
            case "date":
                return f"{year}-{1 + day // 28 % 12:02d}-{1 + day % 28:02d}"
            case "date-time":
                return f"{year}-{1 + day // 28 % 12:02d}-{1 + day % 28:02d}T09:00:00Z"
            case "time":
                return f"{8 + day % 12:02d}:00:00"
            case "duration":
                return f"PT{30 + turn}M"
            case "email":
                return f"sample{serial}@example.com"
            case "uri" | "url":
                return f"https://example.com/{serial}"
        if hint.number is not None and pattern and fits(str(pattern), format(hint.number, "f")):
            return format(hint.number, "f")
        return _fit(schema, _words(name, serial), f"s{serial}")


def _words(name: str, serial: int) -> str:
    if "email" in name:
        return f"sample{serial}@example.com"
    if "phone" in name:
        return f"+1202555{serial % 10_000:04d}"
    if "url" in name or "link" in name or "website" in name:
        return f"https://example.com/{serial}"
    if "password" in name:
        return f"Correct-Horse-{serial}-Battery"
    return f"Sample {name.replace('_', ' ')} {serial}"


def _fit(schema: Mapping[str, Any], wished: str, token: str) -> str:
    least, most = int(schema.get("minLength", 0)), int(schema.get("maxLength", 100_000))
    if len(wished) > most:
        wished = token if len(token) <= most else token[-most:]
    wished += "x" * (least - len(wished))
    pattern = schema.get("pattern")
    if pattern is None or fits(str(pattern), wished):
        return wished
    return fitting(str(pattern), token, least) or wished


def _is_null(schema: Mapping[str, Any]) -> bool:
    return schema.get("type") == "null"


def _number(schema: Mapping[str, Any], hint: Hint, turn: int, *, whole: bool) -> Decimal:
    step = Decimal(1) if whole else Decimal("0.5")
    if "multipleOf" in schema:
        step = Decimal(str(schema["multipleOf"]))
    low = _bound(schema, "minimum", "exclusiveMinimum", step)
    high = _bound(schema, "maximum", "exclusiveMaximum", -step)
    wanted = (hint.number if hint.number is not None else Decimal(10)) + turn * step
    if low is not None:
        wanted = max(wanted, low)
    if high is not None:
        wanted = min(wanted, high - (0 if low is not None and high - turn * step < low else turn * step))
    if whole or "multipleOf" in schema:
        wanted = step * math.floor(wanted / step)
        wanted += step if low is not None and wanted < low else 0
    return wanted


def _bound(schema: Mapping[str, Any], inclusive: str, exclusive: str, step: Decimal) -> Decimal | None:
    if isinstance(schema.get(exclusive), int | float) and not isinstance(schema.get(exclusive), bool):
        return Decimal(str(schema[exclusive])) + step
    found = schema.get(inclusive)
    return Decimal(str(found)) if isinstance(found, int | float) else None
