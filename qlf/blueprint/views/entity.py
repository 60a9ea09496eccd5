"""An entity as the generated code spells it: class, table, route, relations, permissions."""

from __future__ import annotations

from dataclasses import dataclass

from qlf.blueprint.views.field import FieldView
from qlf.core import words
from qlf.core.spec import Cardinality, Entity, Ownership, Relation, Spec, StateMachine

__all__ = ["EntityView", "RelationView"]


@dataclass(frozen=True, slots=True)
class RelationView:
    """A relation seen from the entity that holds it."""

    spec: Relation

    @property
    def name(self) -> str:
        """Attribute on the holding side."""
        return self.spec.name

    @property
    def column(self) -> str:
        """Column that holds the key."""
        return f"{self.spec.name}_id"

    @property
    def target(self) -> str:
        """Class of the other side."""
        return words.pascal(self.spec.to)

    @property
    def target_name(self) -> str:
        """Name of the other side in the spec."""
        return self.spec.to

    @property
    def required(self) -> bool:
        """Whether every row has one."""
        return self.spec.required

    @property
    def many(self) -> bool:
        """Whether it is many-to-many."""
        return self.spec.cardinality is Cardinality.MANY_TO_MANY


@dataclass(frozen=True, slots=True)
class EntityView:
    """One entity of the application."""

    app: Spec
    spec: Entity

    @property
    def name(self) -> str:
        """Singular snake_case name; module and parameter name."""
        return self.spec.name

    @property
    def plural(self) -> str:
        """Plural snake_case name; table name."""
        return self.spec.plural or words.plural(self.spec.name)

    @property
    def cls(self) -> str:
        """Class name."""
        return words.pascal(self.spec.name)

    @property
    def route(self) -> str:
        """Path segment: the plural with dashes."""
        return self.plural.replace("_", "-")

    @property
    def title(self) -> str:
        """Name for people."""
        return self.spec.title or words.title(self.spec.name)

    @property
    def fields(self) -> tuple[FieldView, ...]:
        """All fields in the order of the spec."""
        return tuple(FieldView(field, self.spec.name) for field in self.spec.fields)

    @property
    def relations(self) -> tuple[RelationView, ...]:
        """Relations that the rows hold."""
        return tuple(RelationView(relation) for relation in self.app.relations_from(self.spec.name))

    @property
    def machine(self) -> StateMachine | None:
        """The state machine of the rows."""
        return self.app.machine(self.spec.name)

    @property
    def owned(self) -> bool:
        """Whether rows belong to an account, directly or through another row."""
        return self.spec.ownership is not Ownership.NONE
