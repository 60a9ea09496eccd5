"""What the name of a field says about its type, unit, bounds and sensitivity."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from decimal import Decimal
from functools import lru_cache

from qlf.brief.shapes import Shape, shape_table
from qlf.core.spec import Classification, Field, FieldType, Source

__all__ = ["TYPE_WORDS", "Hints", "is_known", "make_field"]

T = FieldType
C = Classification


@dataclass(frozen=True, slots=True)
class Hints:
    """What the brief says about a field besides its name."""

    type: FieldType | None = None
    required: bool | None = None
    unique: bool = False
    read_only: bool = False
    choices: tuple[str, ...] = ()
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    min_length: int | None = None
    max_length: int | None = None
    default: bool | int | str | None = None
    unit: str | None = None

    @property
    def has_type(self) -> bool:
        """Whether a type, values or a constraint was named."""
        return self != Hints() and (
            self.type is not None or bool(self.choices) or self.unique or self.minimum is not None
        )

    def joined(self, other: Hints) -> Hints:
        """These hints, completed by those of `other`."""
        values = {}
        for item in fields(self):
            mine = getattr(self, item.name)
            values[item.name] = mine if mine not in (None, False, ()) else getattr(other, item.name)
        return Hints(**values)


TYPE_WORDS: dict[str, FieldType] = {
    "string": T.STRING,
    "str": T.STRING,
    "varchar": T.STRING,
    "char": T.STRING,
    "text": T.TEXT,
    "longtext": T.TEXT,
    "markdown": T.TEXT,
    "html": T.TEXT,
    "int": T.INTEGER,
    "integer": T.INTEGER,
    "number": T.INTEGER,
    "bigint": T.INTEGER,
    "whole number": T.INTEGER,
    "decimal": T.DECIMAL,
    "float": T.DECIMAL,
    "double": T.DECIMAL,
    "numeric": T.DECIMAL,
    "money": T.MONEY,
    "currency": T.MONEY,
    "bool": T.BOOLEAN,
    "boolean": T.BOOLEAN,
    "yes/no": T.BOOLEAN,
    "flag": T.BOOLEAN,
    "date": T.DATE,
    "datetime": T.DATETIME,
    "timestamp": T.DATETIME,
    "date-time": T.DATETIME,
    "time": T.TIME,
    "duration": T.DURATION,
    "email": T.EMAIL,
    "e-mail": T.EMAIL,
    "phone": T.PHONE,
    "url": T.URL,
    "link": T.URL,
    "uuid": T.UUID,
    "enum": T.ENUM,
    "list": T.STRING,
}
"""Words that name a type in a brief."""

_TEXTUAL = {T.STRING, T.TEXT, T.EMAIL, T.PHONE, T.URL}
_NUMERIC = {T.INTEGER, T.DECIMAL, T.MONEY, T.DURATION}


_PLAIN = Shape(max_length=200)


@lru_cache(maxsize=2048)
def _shape(name: str) -> Shape:
    for pattern, shape in shape_table():
        if pattern.match(name):
            return shape
    return _PLAIN


def is_known(name: str) -> bool:
    """Whether the name itself says what kind of field it is."""
    return any(pattern.match(name) for pattern, _ in shape_table())


def make_field(
    name: str, *, hints: Hints = Hints(), person: bool = False, source: Source | None = None
) -> Field:
    """A field of that name with the type and bounds that the name and the hints call for.

    Args:
        name: Valid snake_case name.
        hints: What the brief said; it wins over what the name suggests.
        person: Whether the entity is a person, which makes a plain name personal data.
        source: Where the field came from.
    """
    shape = _shape(name)
    if hints.choices:
        shape = replace(shape, type=T.ENUM, filter=True)
    elif hints.type is not None and hints.type is not T.ENUM and hints.type is not shape.type:
        # The brief names the storage type; a finer type of the same family stays (e-mail is a string).
        finer = (hints.type is T.STRING and shape.type in _TEXTUAL) or (
            hints.type is T.DECIMAL and shape.type is T.MONEY
        )
        finer = finer or (hints.type is T.INTEGER and shape.type in (T.DURATION, T.INTEGER))
        if not finer:
            shape = replace(
                shape, type=hints.type, pattern=None, unit=None, minimum=None, maximum=None, choices=()
            )
    bounds = [bound for bound in (hints.minimum, hints.maximum) if bound is not None]
    if bounds and hints.type is None and not hints.choices and shape == _PLAIN:
        # "berth (1-80)": nothing but a number has such bounds.
        whole = all(bound == bound.to_integral_value() for bound in bounds)
        shape = replace(shape, type=T.INTEGER if whole else T.DECIMAL, max_length=None)
    kind = shape.type
    choices = hints.choices or shape.choices
    if shape.rename and kind is shape.type and not hints.choices:
        name = shape.rename.format(name)
    textual, numeric = kind in _TEXTUAL, kind in _NUMERIC
    length = {T.STRING: 200, T.TEXT: 4000, T.EMAIL: 254, T.PHONE: 32, T.URL: 500}.get(kind)
    minimum = (
        hints.minimum if hints.minimum is not None else (Decimal(shape.minimum) if shape.minimum else None)
    )
    maximum = (
        hints.maximum if hints.maximum is not None else (Decimal(shape.maximum) if shape.maximum else None)
    )
    if minimum is not None and maximum is not None and minimum > maximum:
        minimum, maximum = (hints.minimum, None) if hints.minimum is not None else (None, hints.maximum)
    max_length = hints.max_length or shape.max_length or length
    min_length = hints.min_length
    if min_length is not None and max_length is not None and min_length > max_length:
        max_length = None
    required = hints.required if hints.required is not None else not (shape.optional or kind is T.BOOLEAN)
    default = hints.default
    if kind is T.BOOLEAN and default is None:
        default, required = name in ("is_active", "active", "enabled"), True
    if kind is T.ENUM and default is not None and default not in choices:
        default = None
    classification = shape.classification
    if person and name in ("name", "title") and classification is C.INTERNAL:
        classification = C.PERSONAL
    return Field(
        name=name,
        type=kind,
        required=required,
        unique=(hints.unique or shape.unique) and kind not in (T.BOOLEAN, T.TEXT, T.ENUM),
        read_only=hints.read_only or shape.read_only,
        minimum=minimum if numeric else None,
        maximum=maximum if numeric else None,
        min_length=min_length if textual else None,
        max_length=max_length if textual else None,
        pattern=shape.pattern if textual else None,
        scale=shape.scale if kind in (T.DECIMAL, T.MONEY) else 2,
        choices=choices if kind is T.ENUM else (),
        default=default,
        unit=(hints.unit or shape.unit) if numeric else None,
        classification=classification,
        searchable=shape.search and textual,
        sortable=kind not in (T.TEXT, T.URL),
        filterable=shape.filter or kind is T.ENUM,
        source=source,
    )
