"""What the contract needs to know of the spec, read without the views that the templates use.

Only the choice of names is shared with them: what an entity is called when its own name is taken.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from qlf.blueprint.views.names import entity_classes, entity_names, table_name
from qlf.core import words
from qlf.core.spec import Cardinality, Entity, Field, FieldType, Ownership, Relation, Spec

__all__ = ["DATED", "EXACT", "Subject", "enum_class", "links_many", "number_bounds", "text_lengths"]

DATED = frozenset({FieldType.DATE, FieldType.DATETIME})
EXACT = frozenset({FieldType.MONEY, FieldType.DECIMAL})

_LENGTHS = {
    FieldType.STRING: 200,
    FieldType.TEXT: 5_000,
}
_INTEGER_LIMIT = Decimal(2_147_483_647)
_EXACT_LIMIT = Decimal("9999999999.99")


@dataclass(frozen=True, slots=True)
class Subject:
    """One entity of a spec and the names that its routes and schemas have."""

    app: Spec
    spec: Entity

    @property
    def name(self) -> str:
        """Singular snake_case, as it stands in paths and operation ids."""
        return entity_names(self.app)[self.spec.name]

    @property
    def plural(self) -> str:
        """Plural snake_case."""
        return table_name(self.name, self.spec.plural)

    @property
    def cls(self) -> str:
        """Prefix of the schema names."""
        return entity_classes(self.app)[self.spec.name]

    @property
    def route(self) -> str:
        """Segment of the path."""
        return self.plural.replace("_", "-")

    @property
    def fields(self) -> tuple[Field, ...]:
        """Fields in the order of the spec."""
        return self.spec.fields

    @property
    def relations(self) -> tuple[Relation, ...]:
        """Relations that a row holds, in the order of the spec."""
        return self.app.relations_from(self.spec.name)

    @property
    def created_by_owner(self) -> bool:
        """Whether a row shows the account that it belongs to."""
        return self.spec.ownership is Ownership.USER

    def fixed(self, relation: Relation) -> bool:
        """Whether the relation is given at creation and never changed: a part stays with its whole."""
        summed = any(
            rule.kind == "total" and rule.lines == self.spec.name and rule.entity == relation.to
            for rule in self.app.rules
        )
        return relation.part_of or relation.name == self.spec.owner_via or summed


def enum_class(subject: Subject, field: Field) -> str:
    """Name of the schema of an enumeration."""
    return words.pascal(f"{subject.name}_{field.name}")


def links_many(relation: Relation) -> bool:
    """Whether a row is linked to many others."""
    return relation.cardinality is Cardinality.MANY_TO_MANY


def text_lengths(field: Field) -> tuple[int, int]:
    """Fewest and most characters. A text that must be there is not empty, and neither is one line."""
    least = 1 if field.required or field.type is not FieldType.TEXT else 0
    return (field.min_length if field.min_length is not None else least), (
        field.max_length or _LENGTHS.get(field.type, 200)
    )


def number_bounds(field: Field) -> tuple[Decimal, Decimal]:
    """Smallest and largest number."""
    limit = _EXACT_LIMIT if field.type in EXACT else _INTEGER_LIMIT
    least = Decimal(0) if field.type is FieldType.DURATION else -limit
    return (
        field.minimum if field.minimum is not None else least,
        field.maximum if field.maximum is not None else limit,
    )
