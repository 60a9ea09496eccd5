"""Values of a field that a request may hold, as Python code."""

from __future__ import annotations

import re
from decimal import Decimal

from qlf.blueprint.views.examples import example
from qlf.blueprint.views.field import FieldView
from qlf.blueprint.views.literals import literal
from qlf.core.spec import FieldType
from qlf.errors import InputError

__all__ = ["json_value", "matching", "number"]

_NUMBERS = (FieldType.INTEGER, FieldType.DURATION)


def number(field: FieldView, value: Decimal) -> str:
    """A number as code of the field's type."""
    return f'Decimal("{value:.{field.scale}f}")' if field.exact else str(int(value))


def json_value(field: FieldView) -> str:
    """A valid value as it stands in JSON, as a Python literal."""
    kind = field.spec.type
    if field.is_enum:
        return f'"{field.spec.choices[0]}"'
    if field.exact:
        return f'"{max(field.minimum, min(Decimal(1), field.maximum)):.{field.scale}f}"'
    if kind in _NUMBERS:
        return str(int(max(field.minimum, min(Decimal(1), field.maximum))))
    simple = {
        FieldType.BOOLEAN: "True",
        FieldType.DATE: '"2030-01-07"',
        FieldType.DATETIME: '"2030-01-07T09:00:00Z"',
        FieldType.TIME: '"09:00:00"',
        FieldType.UUID: '"6f1e0c52-6f4a-4f0e-9b6f-2f1d6b0c9a10"',
        FieldType.EMAIL: '"somebody@example.com"',
        FieldType.PHONE: '"+1 555 0100"',
        FieldType.URL: '"https://example.com/"',
    }
    if field.spec.past_only:
        return '"1990-01-07"'
    if kind in simple:
        return simple[kind]
    if field.spec.pattern is not None:
        return matching(field).replace("{number", "{1")
    text = "Some words that say why".ljust(field.min_length, "x")[: field.max_length].strip()
    return f'"{text}"'


def matching(field: FieldView) -> str:
    """An expression over `number` that matches the pattern of a field; it differs where it can.

    Raises:
        InputError: If no example is found.
    """
    pattern = field.spec.pattern or ""
    longer = min(max(field.min_length, 6), field.max_length)
    short = example(pattern, field.min_length, field.max_length)
    for made in (example(pattern, longer, field.max_length), short):
        for found in reversed(list(re.finditer(r"[0-9]{2,}", made or ""))):
            width = len(found[0])
            pair = (made or "")[: found.start()], (made or "")[found.end() :]
            if all(_fits(field, f"{pair[0]}{number:0{width}}{pair[1]}") for number in (1, 37)):
                return f'f"{_inside(pair[0])}{{number:0{width}}}{_inside(pair[1])}"'
    if short is None:
        raise InputError(
            f"no example of the pattern {pattern!r} of {field.entity}.{field.name} was found",
            hint="say the pattern more plainly, or leave it out",
        )
    if all(_fits(field, f"{short}{number}") for number in (1, 37, 400)):
        return f'f"{_inside(short)}{{number}}"'
    return literal(field, short)


def _fits(field: FieldView, text: str) -> bool:
    long_enough = field.min_length <= len(text) <= field.max_length
    return long_enough and re.search(field.spec.pattern or "", text) is not None


def _inside(text: str) -> str:
    """The text as it may stand inside an f-string."""
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("{", "{{").replace("}", "}}")
