"""Values that the application itself gives to new rows, and the shape of the fields it computes."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from qlf.blueprint.views.coding import coded
from qlf.blueprint.views.entity import EntityView
from qlf.blueprint.views.field import FieldView
from qlf.blueprint.views.literals import literal
from qlf.core import words
from qlf.core.spec import Entity, Field, FieldType, Spec, Total

__all__ = ["Shape", "assigned", "field_view", "initial_values", "value_of"]


@dataclass(frozen=True, slots=True)
class Shape:
    """What a computed value has to fit into."""

    decimal: bool
    scale: int
    largest: str
    zero: str
    enum: str


def field_view(spec: Spec, entity: str, field: str) -> FieldView:
    """The view of one field, with the names that the code uses."""
    return EntityView(spec, spec.entity(entity)).field(field)


def assigned(spec: Spec, entity: str, field: str) -> Shape:
    """The shape of a field that code assigns to."""
    known = {item.name for item in spec.entity(entity).fields}
    if field not in known:
        return Shape(decimal=False, scale=0, largest="0", zero="0", enum=_enum(spec, entity, field))
    view = field_view(spec, entity, field)
    numeric = view.exact or view.spec.type in (FieldType.INTEGER, FieldType.DURATION)
    largest = f"{view.maximum:f}" if numeric else "0"
    zero = literal(view, _plain_zero(view)) if numeric else "0"
    return Shape(view.exact, view.scale, largest, zero, view.enum_class)


def _enum(spec: Spec, entity: str, field: str) -> str:
    return words.pascal(f"{coded(spec, entity).name}_{field}")


def initial_values(spec: Spec, entity: Entity, given: set[str]) -> dict[str, str]:
    """Field to expression, for the required fields of a new row that are not among `given`."""
    machine = spec.machine(entity.name)
    found: dict[str, str] = {}
    for field in entity.fields:
        if field.name in given:
            continue
        view = field_view(spec, entity.name, field.name)
        if machine is not None and machine.field == field.name:
            found[field.name] = f"{view.enum_class}.{machine.initial.upper()}"
        elif any(
            isinstance(r, Total) and (r.entity, r.field) == (entity.name, field.name) for r in spec.rules
        ):
            found[field.name] = literal(view, _plain_zero(view))
        elif any(
            r.kind == "product" and (r.entity, r.field) == (entity.name, field.name) for r in spec.rules
        ):
            continue
        elif field.default is not None or field.required:
            found[field.name] = value_of(view)
    return found


def value_of(view: FieldView) -> str:
    """The default of a field as an expression, or what stands for nothing in its type."""
    field = view.spec
    if field.default == "now" and field.type is FieldType.DATETIME:
        return "clock.now()"
    if field.default == "today" and field.type is FieldType.DATE:
        return "clock.now().date()"
    if field.default is not None:
        return literal(view, field.default)
    return _nothing(view, field)


def _nothing(view: FieldView, field: Field) -> str:
    if view.is_enum:
        return f"{view.enum_class}.{field.choices[0].upper()}"
    if view.exact or field.type in (FieldType.INTEGER, FieldType.DURATION):
        return literal(view, _plain_zero(view))
    if field.type is FieldType.BOOLEAN:
        return "False"
    if field.type is FieldType.DATE:
        return "clock.now().date()"
    if field.type is FieldType.DATETIME:
        return "clock.now()"
    if field.type is FieldType.TIME:
        return "clock.now().time().replace(microsecond=0)"
    if field.type is FieldType.UUID:
        return "uuid4()"
    # A text that nobody writes is a reference: short, unguessable, never the same twice.
    return (
        f"uuid4().hex[:{min(view.max_length, 32)}].upper()" if view.max_length < 32 else "uuid4().hex.upper()"
    )


def _plain_zero(view: FieldView) -> int | str:
    nearest = min(max(Decimal(0), view.minimum), view.maximum)
    return f"{nearest:f}" if view.exact else int(nearest)
