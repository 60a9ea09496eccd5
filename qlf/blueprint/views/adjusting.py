"""Changes of a number on another row, as the services and tests spell them."""

from __future__ import annotations

from dataclasses import dataclass

from qlf.blueprint.views.coding import Coded, coded
from qlf.blueprint.views.field import FieldView
from qlf.blueprint.views.initial import field_view
from qlf.core.spec import Adjust, Cardinality, Classification, Entity, FieldType, Relation, Spec
from qlf.errors import InputError

__all__ = ["AdjustView", "adjust_view", "literal_number"]

_SHOWN = frozenset({Classification.PUBLIC, Classification.INTERNAL})
"""What a message may repeat."""


@dataclass(frozen=True, slots=True)
class AdjustView:
    """A number of another row that changes."""

    target: Coded
    column: str
    """Column that leads to the row."""
    optional: bool
    field: str
    by: str
    """Attribute with the amount."""
    by_optional: bool
    sign: str
    floor: str
    line: Coded | None
    """Entity of the lines over which it is done; `None` for the row itself."""
    line_column: str
    label: str
    """Field that names the other row to a person; empty where none may be shown."""


def literal_number(view: FieldView, value: object) -> str:
    """A threshold as code; it may lie outside the bounds of the field."""
    return f'Decimal("{value}")' if view.exact else str(value)


def adjust_view(spec: Spec, entity: str, effect: Adjust) -> AdjustView:
    """The view of a change of a number on another row.

    Raises:
        InputError: If the spec names something that is not there.
    """
    line: Coded | None = None
    line_column = ""
    holder = entity
    if effect.lines is not None:
        relation = _inverse(spec, entity, effect.lines)
        line, line_column, holder = coded(spec, relation.from_), f"{relation.name}_id", relation.from_
    through = next((r for r in spec.relations_from(holder) if r.name == effect.through), None)
    if through is None or through.cardinality is Cardinality.MANY_TO_MANY:
        raise InputError(
            f"an adjust effect of {entity!r} goes through {holder}.{effect.through}, which is no relation"
        )
    amount = next((f for f in spec.entity(holder).fields if f.name == effect.by), None)
    if amount is None:
        raise InputError(
            f"an adjust effect of {entity!r} names the amount {holder}.{effect.by}, which is no field"
        )
    number = field_view(spec, through.to, effect.field)
    return AdjustView(
        coded(spec, through.to),
        f"{through.name}_id",
        not through.required,
        effect.field,
        effect.by,
        not amount.required,
        "-" if effect.sign < 0 else "",
        literal_number(number, effect.floor) if number.exact else str(int(effect.floor)),
        line,
        line_column,
        _label(spec.entity(through.to)),
    )


def _label(entity: Entity) -> str:
    named = [field for field in entity.fields if field.name == entity.label]
    texts = [field for field in entity.fields if field.type is FieldType.STRING and field.required]
    shown = [field for field in (*named, *texts) if field.classification in _SHOWN]
    return shown[0].name if shown else ""


def _inverse(spec: Spec, entity: str, name: str) -> Relation:
    for relation in spec.relations_to(entity):
        if name in (relation.inverse, relation.from_):
            return relation
    raise InputError(
        f"an adjust effect of {entity!r} goes over the lines {name!r}, which are not related to it"
    )
