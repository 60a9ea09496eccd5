"""Schemas of the values of one field, as requests give them and as answers show them.

The patterns are promises to clients: text without control characters (Unicode general category Cc),
e-mail addresses that exist in practice (a subset of RFC 5321), telephone numbers as people group them
(ITU-T E.123), exact numbers as decimal text because JSON numbers are read as binary ones.
"""

from __future__ import annotations

from qlf.blueprint.contract.parts import Json, nullable, reference, spelled
from qlf.blueprint.contract.subject import EXACT, Subject, enum_class, number_bounds, text_lengths
from qlf.core.spec import Field, FieldType

__all__ = [
    "KEY",
    "LINE",
    "MOMENT",
    "filter_schema",
    "input_schema",
    "output_schema",
    "plain_schema",
    "titled",
]

KEY: Json = {"type": "string", "format": "uuid"}
MOMENT: Json = {"type": "string", "format": "date-time"}

LINE = r"^[^\s\x00-\x1f\x7f-\x9f]([^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f])?$"
_TEXT = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*$"
_EMAIL = (
    r"^[A-Za-z0-9_%+-]+(\.[A-Za-z0-9_%+-]+)*"
    r"@([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}$"
)
_WEB = r"^https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?([/?#][!#-;=?-Z_a-z~\[\]]*)?$"
_PHONE = r"^\+?[0-9][0-9 ().-]{3,21}[0-9]$"

# RFC 3339 wants a zone after a time, which a time of day has not; so it is a pattern and no format.
_TIME = r"^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,6})?)?$"

_FORMATS = {
    FieldType.DATE: "date",
    FieldType.DATETIME: "date-time",
    FieldType.UUID: "uuid",
}


def input_schema(subject: Subject, field: Field) -> Json:
    """The schema of a value that a request gives, without title and default."""
    kind = field.type
    if kind is FieldType.ENUM:
        return reference(enum_class(subject, field))
    if field.past_only:
        return {"type": "string", "format": "date", "description": "Not in the future."}
    if kind in _FORMATS:
        return plain_schema(field)
    if kind is FieldType.TIME:
        return {"type": "string", "pattern": _TIME}
    if kind is FieldType.BOOLEAN:
        return {"type": "boolean"}
    if kind in (FieldType.INTEGER, FieldType.DURATION):
        low, high = number_bounds(field)
        # FastAPI's model of a schema holds bounds as floating-point numbers, and writes them so.
        return {"type": "integer", "minimum": float(low), "maximum": float(high)}
    if kind in EXACT:
        return {"type": "string", "pattern": _decimal_pattern(field)}
    return _text(field)


def plain_schema(field: Field) -> Json:
    """The schema of a date, a moment or a key, whatever is demanded of its value."""
    return {"type": "string", "format": _FORMATS[field.type]}


def output_schema(subject: Subject, field: Field) -> Json:
    """The schema of a value that an answer shows: its type, without the bounds of input."""
    kind = field.type
    if kind in (FieldType.INTEGER, FieldType.DURATION):
        schema: Json = {"type": "integer"}
    elif kind in _FORMATS:
        schema = plain_schema(field)
    elif kind in (FieldType.ENUM, FieldType.BOOLEAN, FieldType.TIME) or kind in EXACT:
        schema = input_schema(subject, field)
    else:
        schema = {"type": "string"}
    return titled(schema if field.required else nullable(schema), field.name)


def filter_schema(schema: Json, name: str) -> Json:
    """The schema of an optional parameter of the query."""
    return {**nullable(schema), "title": spelled(name)}


def titled(schema: Json, name: str) -> Json:
    """The schema with the title that pydantic derives; a reference has none, also where it may be null."""
    first = schema["anyOf"][0] if "anyOf" in schema else schema
    return schema if "$ref" in first else {**schema, "title": spelled(name)}


def _text(field: Field) -> Json:
    kind = field.type
    if kind is FieldType.EMAIL:
        return {"type": "string", "minLength": 3, "maxLength": 254, "pattern": _EMAIL}
    if kind is FieldType.PHONE:
        return {"type": "string", "minLength": 5, "maxLength": 24, "pattern": _PHONE}
    if kind is FieldType.URL:
        least = max(field.min_length or 8, 8)
        return {
            "type": "string",
            "minLength": least,
            "maxLength": max(field.max_length or 2000, least),
            "pattern": _WEB,
        }
    least, most = text_lengths(field)
    schema: Json = {"type": "string", "maxLength": most}
    if least:
        schema["minLength"] = least
    schema["pattern"] = field.pattern or (_TEXT if kind is FieldType.TEXT else LINE)
    if field.unique and field.ignores_case:
        schema["description"] = "Unique; the same in upper and lower case."
    return schema


def _decimal_pattern(field: Field) -> str:
    low, high = number_bounds(field)
    sign = "-?" if low < 0 else ""
    digits = len(str(abs(int(high))))
    fraction = rf"(\.[0-9]{{1,{field.scale}}})?" if field.scale else ""
    return f"^{sign}[0-9]{{1,{digits}}}{fraction}$"
