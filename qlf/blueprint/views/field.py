"""A field as the generated code spells it: annotations, columns, constraints, bounds."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from qlf.core import words
from qlf.core.spec import Field, FieldType

__all__ = ["TEXTUAL", "FieldView"]

TEXTUAL = frozenset({FieldType.STRING, FieldType.TEXT, FieldType.EMAIL, FieldType.PHONE, FieldType.URL})

_LENGTHS = {
    FieldType.STRING: 200,
    FieldType.TEXT: 5_000,
    FieldType.EMAIL: 254,  # RFC 5321 4.5.3.1.3: a path of 256 octets with its brackets
    FieldType.PHONE: 16,  # ITU-T E.164: fifteen digits and the plus
    FieldType.URL: 2_000,
}
_PYTHON = {
    FieldType.INTEGER: "int",
    FieldType.DECIMAL: "Decimal",
    FieldType.MONEY: "Decimal",
    FieldType.BOOLEAN: "bool",
    FieldType.DATE: "date",
    FieldType.DATETIME: "datetime",
    FieldType.TIME: "time",
    FieldType.DURATION: "int",
    FieldType.UUID: "UUID",
}
# Wide enough for what people count, small enough that sums of many rows fit a 64-bit integer.
_INTEGER_LIMIT = 2_147_483_647
_MONEY_LIMIT = Decimal("9999999999.99")


@dataclass(frozen=True, slots=True)
class FieldView:
    """One field of one entity."""

    spec: Field
    entity: str

    @property
    def name(self) -> str:
        """Attribute and column name."""
        return self.spec.name

    @property
    def kind(self) -> str:
        """The type's word in the spec."""
        return self.spec.type.value

    @property
    def title(self) -> str:
        """The name for people."""
        return words.title(self.spec.name)

    @property
    def required(self) -> bool:
        """Whether a row always has a value."""
        return self.spec.required

    @property
    def read_only(self) -> bool:
        """Whether only the application sets it."""
        return self.spec.read_only

    @property
    def textual(self) -> bool:
        """Whether it holds text."""
        return self.spec.type in TEXTUAL

    @property
    def is_enum(self) -> bool:
        """Whether it holds one of a list of words."""
        return self.spec.type is FieldType.ENUM

    @property
    def enum_class(self) -> str:
        """Name of the enumeration class, `RentalStatus`."""
        return words.pascal(f"{self.entity}_{self.spec.name}")

    @property
    def python(self) -> str:
        """The Python type without `None`."""
        if self.is_enum:
            return self.enum_class
        return _PYTHON.get(self.spec.type, "str")

    @property
    def annotation(self) -> str:
        """The Python type, with `None` where the value may be absent."""
        return self.python if self.required else f"{self.python} | None"

    @property
    def min_length(self) -> int:
        """Fewest characters; a required text is never empty."""
        if self.spec.min_length is not None:
            return self.spec.min_length
        return 1 if self.required or self.spec.type is not FieldType.TEXT else 0

    @property
    def max_length(self) -> int:
        """Most characters."""
        return self.spec.max_length or _LENGTHS.get(self.spec.type, 200)

    @property
    def minimum(self) -> Decimal | None:
        """Smallest number allowed."""
        if self.spec.minimum is not None:
            return self.spec.minimum
        if self.spec.type is FieldType.DURATION:
            return Decimal(0)
        if self.spec.type is FieldType.INTEGER:
            return Decimal(-_INTEGER_LIMIT)
        if self.spec.type in (FieldType.MONEY, FieldType.DECIMAL):
            return -_MONEY_LIMIT
        return None

    @property
    def maximum(self) -> Decimal | None:
        """Largest number allowed."""
        if self.spec.maximum is not None:
            return self.spec.maximum
        if self.spec.type in (FieldType.INTEGER, FieldType.DURATION):
            return Decimal(_INTEGER_LIMIT)
        if self.spec.type in (FieldType.MONEY, FieldType.DECIMAL):
            return _MONEY_LIMIT
        return None
