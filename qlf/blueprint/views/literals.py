"""Defaults of the spec as Python expressions; what is no literal of the field's type is refused here."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Protocol, TypeVar
from uuid import UUID

from qlf.core.spec import Field, FieldType
from qlf.errors import InputError

__all__ = ["literal"]

T = TypeVar("T")


class Typed(Protocol):
    """What has to be known of a field to write a value of it; `FieldView` says what each means."""

    @property
    def spec(self) -> Field: ...
    @property
    def entity(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def is_enum(self) -> bool: ...
    @property
    def enum_class(self) -> str: ...
    @property
    def textual(self) -> bool: ...
    @property
    def exact(self) -> bool: ...
    @property
    def scale(self) -> int: ...
    @property
    def minimum(self) -> Decimal: ...
    @property
    def maximum(self) -> Decimal: ...
    @property
    def qualified(self) -> bool: ...


def literal(field: Typed, value: object) -> str:
    """`value` as the code for it.

    Raises:
        InputError: If it is not a value of the field's type.
    """
    try:
        return _literal(field, value)
    except (ValueError, TypeError, InvalidOperation) as error:
        where = f"{field.entity}.{field.name}"
        raise InputError(
            f"the default {value!r} of {where} is not a value of the type {field.kind!r}",
            hint=f"change the default of {where} in the spec",
        ) from error


def _literal(field: Typed, value: object) -> str:
    kind = field.spec.type
    if field.is_enum:
        return f"{field.enum_class}.{str(value).upper()}"
    if field.textual:
        return json.dumps(_checked(value, str), ensure_ascii=False)
    if kind is FieldType.BOOLEAN:
        return repr(_checked(value, bool))
    if kind in (FieldType.INTEGER, FieldType.DURATION):
        number = _whole(value)
        _within(field, Decimal(number))
        return str(number)
    if field.exact:
        exact = Decimal(str(value))
        _within(field, exact)
        if exact != round(exact, field.scale):
            raise ValueError(value)
        return f'Decimal("{exact:.{field.scale}f}")'
    return _moment(field, str(value))


def _moment(field: Typed, value: str) -> str:
    dotted = "dt." if field.qualified else ""
    if field.spec.type is FieldType.DATE:
        day = date.fromisoformat(value)
        return f"{dotted}date({day.year}, {day.month}, {day.day})"
    if field.spec.type is FieldType.TIME:
        clock = time.fromisoformat(value)
        return f"{dotted}time({clock.hour}, {clock.minute}, {clock.second})"
    if field.spec.type is FieldType.DATETIME:
        moment = datetime.fromisoformat(value)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        return f'{dotted}datetime.fromisoformat("{moment.isoformat()}")'
    return f'UUID("{UUID(value)}")'


def _checked(value: object, kind: type[T]) -> T:
    if not isinstance(value, kind):
        raise TypeError(value)
    return value


def _whole(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise TypeError(value)
    return int(value)


def _within(field: Typed, number: Decimal) -> None:
    if not field.minimum <= number <= field.maximum:
        raise ValueError(number)
