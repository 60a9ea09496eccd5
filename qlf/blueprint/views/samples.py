"""Rows for development: for each column an expression over `number` that keeps every constraint."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from qlf.blueprint.views.app import AppView
from qlf.blueprint.views.entity import EntityView
from qlf.blueprint.views.field import NUMERIC, FieldView
from qlf.core import words
from qlf.core.spec import FieldType, Ordered, Product, Total

__all__ = ["sample_columns"]

_PEOPLE = frozenset(
    {
        *("full_name", "person_name", "contact_name", "contact_person", "customer_name", "guest_name"),
        *("patient_name", "student_name", "holder_name", "cardholder_name", "author_name", "owner_name"),
    }
)
_CODES = frozenset(
    {"code", "no", "number", "sku", "serial", "reference", "ref", "vin", "iban", "isbn", "plate"}
)
_SHORTEST = 3
"""Characters that every sample has."""
_ROOMY = 1_000
"""Largest number allowed from which amounts grow with the number of the row."""
_ROOM = 16
"""Characters that a title and a number need at least."""


def sample_columns(app: AppView, entity: EntityView) -> tuple[tuple[str, str], ...]:
    """Arguments of the row with a number: name and expression."""
    return tuple(_columns(app, entity))


def _columns(app: AppView, entity: EntityView) -> Iterator[tuple[str, str]]:
    if entity.owner_column:
        yield "owner_id", '_key("users", number)'
    for relation in entity.keys:
        if relation.itself or relation.late:
            if relation.required:
                yield relation.column, f'_key("{entity.table}", number)'
            continue
        yield relation.column, f'_key("{relation.to.table}", number)'
    for field in entity.fields:
        yield field.name, _value(app, entity, field, set())


def _value(app: AppView, entity: EntityView, field: FieldView, seen: set[tuple[str, str]]) -> str:
    key = (entity.spec.name, field.name)
    machine = entity.machine
    if machine is not None and machine.field == field.name:
        return f"{field.enum_class}.{machine.initial.upper()}"
    if key not in seen:
        for rule in app.spec.rules:
            if (rule.entity, getattr(rule, "field", None)) != key:
                continue
            if isinstance(rule, Product):
                factors = (_value(app, entity, entity.field(name), {*seen, key}) for name in rule.factors)
                return " * ".join(f"({factor})" if " " in factor else factor for factor in factors)
            if isinstance(rule, Total):
                lines = next(item for item in app.entities if item.spec.name == rule.lines)
                return _value(app, lines, lines.field(rule.line_field), {*seen, key})
    pairs = [rule for rule in app.spec.rules if isinstance(rule, Ordered) and rule.entity == key[0]]
    later = any(rule.last == field.name for rule in pairs)
    if field.spec.type in NUMERIC and any(field.name in (rule.first, rule.last) for rule in pairs):
        return _fixed(field, later=later)
    return _plain(entity, field, later=later)


def _fixed(field: FieldView, *, later: bool) -> str:
    # Fields with an order among them get numbers that keep it whatever their other bounds are.
    number = max(field.minimum, min(Decimal(2 if later else 1), field.maximum))
    return f'Decimal("{number:.{field.scale}f}")' if field.exact else str(int(number))


def _plain(entity: EntityView, field: FieldView, *, later: bool) -> str:
    kind = field.spec.type
    dotted = "dt." if field.qualified else ""
    if field.textual:
        return _text(entity, field)
    if field.exact:
        return _decimal(field)
    if kind in (FieldType.INTEGER, FieldType.DURATION):
        return _integer(field)
    if kind is FieldType.BOOLEAN:
        return "False" if field.spec.default is False else "True"
    if field.is_enum:
        chosen = field.spec.default if isinstance(field.spec.default, str) else field.spec.choices[0]
        return f"{field.enum_class}.{chosen.upper()}"
    if field.spec.past_only:
        return f"FIRST_BIRTHDAY + timedelta(days=61 * number % 18_000{' + 3' if later else ''})"
    if kind is FieldType.DATE:
        return f"FIRST_DAY + timedelta(days=7 * number{' + 3' if later else ''})"
    if kind is FieldType.DATETIME:
        return f"FIRST_MOMENT + timedelta(days=7 * number{', hours=2' if later else ''})"
    if kind is FieldType.TIME:
        return f"{dotted}time({18 if later else 9}, number % 60)"
    return f'_key("{entity.table}.{field.name}", number)'


def _text(entity: EntityView, field: FieldView) -> str:
    kind = field.spec.type
    if kind is FieldType.EMAIL:
        first = next(item for item in entity.fields if item.spec.type is FieldType.EMAIL)
        local = entity.name if field.name == first.name else f"{entity.name}.{field.name}"
        return f'f"{local}.{{number}}@example.com"'
    if kind is FieldType.PHONE:
        return 'f"+1 555 {number:04}"'
    if kind is FieldType.URL:
        return f'f"https://example.com/{entity.route}/{{number}}"'
    if field.max_length < _ROOM:
        digits = max(field.min_length, min(field.max_length, 4))
        return f'f"{{number:0{digits}}}"[-{field.max_length}:]'
    if field.name in _PEOPLE and field.max_length >= _ROOM * 2:
        return "_person(number)"
    last = field.name.split("_")[-1]
    if last in _CODES and kind is FieldType.STRING:
        initials = "".join(part[0] for part in field.name.split("_")).upper()
        made = f'f"{initials}-{{number:04}}"'
    else:
        title = words.title(entity.name) if field.name in ("name", "title") else words.title(field.name)
        made = f'f"{title[: field.max_length - 8]} {{number}}"'
    return f'{made}.ljust({field.min_length}, "x")' if field.min_length > _SHORTEST else made


def _integer(field: FieldView) -> str:
    low, high = int(field.minimum), int(field.maximum)
    first = max(low, min(1, high))
    span = min(high - first, 999 if field.spec.unique else 99) + 1
    return str(first) if span == 1 else f"{first} + number % {span}"


def _decimal(field: FieldView) -> str:
    low, high = field.minimum, field.maximum
    if low > Decimal("0.5") or high < _ROOMY:
        return f'Decimal("{max(low, min(Decimal(1), high)):.{field.scale}f}")'
    half = Decimal("0.5") if field.scale else Decimal(1)
    return f'Decimal(number % {_ROOMY - 2}) + Decimal("{half:.{field.scale}f}")'
