"""An entity as the generated code spells it: class, table, route, relations, permissions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from qlf.blueprint.platform import ACCOUNT_FIELDS
from qlf.blueprint.views.access import RightsView, is_fixed, rights
from qlf.blueprint.views.coding import owner_chain
from qlf.blueprint.views.field import FieldView, FilterView, column_sql
from qlf.blueprint.views.names import alias_name, entity_classes, entity_names, table_name
from qlf.blueprint.views.relation import EntityRef, RelationView
from qlf.core import words
from qlf.core.spec import (
    Cardinality,
    Entity,
    FieldType,
    Ordered,
    Ownership,
    Spec,
    StateMachine,
    UniqueTogether,
)
from qlf.errors import InputError

__all__ = ["EntityView"]


@dataclass(frozen=True)
class EntityView:
    """One entity of the application."""

    app: Spec
    spec: Entity

    # Names

    @property
    def account(self) -> bool:
        """Whether it is the entity that signs in."""
        return self.spec.account

    @cached_property
    def name(self) -> str:
        """Name in the code: module, path parameter, part of function names."""
        return entity_names(self.app)[self.spec.name]

    @property
    def module(self) -> str:
        """Name of its modules."""
        return self.name

    @cached_property
    def cls(self) -> str:
        """Class name."""
        return entity_classes(self.app)[self.spec.name]

    @cached_property
    def plural(self) -> str:
        """Plural snake_case name, also of the table."""
        return table_name(self.name, self.spec.plural)

    @property
    def table(self) -> str:
        """Name of the table."""
        return self.plural

    @property
    def constant(self) -> str:
        """Member of the policy's resources."""
        return self.plural.upper()

    @property
    def route(self) -> str:
        """Path segment: the plural with dashes."""
        return self.plural.replace("_", "-")

    @property
    def one(self) -> str:
        """Name in a sentence: `damage report`."""
        return self.name.replace("_", " ")

    @property
    def many(self) -> str:
        """Plural in a sentence: `damage reports`."""
        return self.plural.replace("_", " ")

    @property
    def title(self) -> str:
        """Name for people."""
        return self.spec.title or words.title(self.spec.name)

    # Columns

    @cached_property
    def fields(self) -> tuple[FieldView, ...]:
        """All fields in the order of the spec; for the account, those that it has beyond the platform's."""
        own = [field for field in self.spec.fields if not self.account or field.name not in ACCOUNT_FIELDS]
        taken: set[str] = set()
        views = []
        shared = {
            name
            for rule in self.app.rules
            if isinstance(rule, UniqueTogether) and rule.entity == self.spec.name
            for name in rule.of
        }
        for field in own:
            if self.account and field.required:
                # An account exists before anybody has filled in its profile.
                field = field.model_copy(update={"required": False})  # noqa: PLW2901
            view = FieldView(
                field, self.name, self.cls, together=field.name in shared, qualified=self.qualified
            )
            alias = alias_name(field.name, self.cls, taken) if view.needs_alias else None
            views.append(replace(view, alias=alias))
        return tuple(views)

    @property
    def qualified(self) -> bool:
        """Whether `date`, `datetime` and `time` need their module: a field has such a name."""
        return any(field.name in ("date", "datetime", "time") for field in self.spec.fields)

    @property
    def datetime(self) -> str:
        """The type of a moment."""
        return "dt.datetime" if self.qualified else "datetime"

    def field(self, name: str) -> FieldView:
        """The field of that name.

        Raises:
            KeyError: If there is none.
        """
        for field in self.fields:
            if field.name == name:
                return field
        raise KeyError(name)

    @cached_property
    def relations(self) -> tuple[RelationView, ...]:
        """Relations that the rows hold."""
        refs = {entity.name: self._ref(entity) for entity in self.app.entities}
        order = [entity.spec.name for entity in table_order(self.app)]
        views = []
        for relation in self.app.relations_from(self.spec.name):
            late = order.index(relation.to) > order.index(self.spec.name)
            if self.account and relation.required:
                relation = relation.model_copy(update={"required": False})  # noqa: PLW2901
            views.append(RelationView(relation, refs[self.spec.name], refs[relation.to], late))
        return tuple(views)

    def relation(self, name: str) -> RelationView:
        """The relation of that name.

        Raises:
            KeyError: If there is none.
        """
        for relation in self.relations:
            if relation.name == name:
                return relation
        raise KeyError(name)

    def _ref(self, entity: Entity) -> EntityRef:
        view = EntityView(self.app, entity)
        return EntityRef(view.name, view.cls, view.table)

    @cached_property
    def keys(self) -> tuple[RelationView, ...]:
        """Relations that are a column of the table."""
        return tuple(relation for relation in self.relations if not relation.many)

    @cached_property
    def links(self) -> tuple[RelationView, ...]:
        """Relations through a table of their own."""
        return tuple(relation for relation in self.relations if relation.many)

    @property
    def owner_column(self) -> bool:
        """Whether the row itself says whose it is."""
        return self.spec.ownership is Ownership.USER and not self.account

    @property
    def kept(self) -> bool:
        """Whether the account of the owner cannot be deleted while there is a row."""
        if not self.owner_column:
            return False
        if self.spec.kept is not None:
            return self.spec.kept
        needed = any(item.entity == self.spec.name for item in self.app.retention)
        money = any(field.type is FieldType.MONEY for field in self.spec.fields)
        return needed or money or self.spec.append_only or self.machine is not None

    @property
    def owner_delete(self) -> str:
        """What the database does when the account of the owner goes."""
        return "RESTRICT" if self.kept else "CASCADE"

    @property
    def owned(self) -> bool:
        """Whether rows belong to an account, directly or through another row."""
        return not self.account and owner_chain(self.app, self.spec) is not None

    @property
    def folds(self) -> tuple[FieldView, ...]:
        """The texts whose folded form decides whether they are unique."""
        return tuple(field for field in self.fields if field.folded)

    @property
    def enums(self) -> tuple[FieldView, ...]:
        """The fields with an enumeration of their own."""
        return tuple(field for field in self.fields if field.is_enum)

    # Constraints

    @cached_property
    def checks(self) -> tuple[tuple[str, str], ...]:
        """CHECK constraints that the model declares: name and SQL."""
        return tuple(self._checks())

    def _checks(self) -> Iterator[tuple[str, str]]:
        for field in self.fields:
            yield from field.checks
        for rule in self.app.rules:
            if isinstance(rule, Ordered) and rule.entity == self.spec.name:
                sign = "<" if rule.strict else "<="
                yield rule.name, f"{column_sql(rule.first)} {sign} {column_sql(rule.last)}"

    @cached_property
    def uniques(self) -> tuple[tuple[str, tuple[str, ...], bool], ...]:
        """UNIQUE constraints over several columns: name, columns, whether the name must be said."""
        found = []
        taken = {f"uq_{self.table}_{field.unique_column}" for field in self.fields if field.unique_column}
        taken |= {f"uq_{self.table}_{relation.column}" for relation in self.keys if relation.unique}
        folded = {field.name: field.folded for field in self.fields}
        for rule in self.app.rules:
            if isinstance(rule, UniqueTogether) and rule.entity == self.spec.name:
                columns = tuple(folded.get(name) or self.column(name) for name in rule.of)
                usual = f"uq_{self.table}_{columns[0]}"
                name = usual if usual not in taken else f"uq_{self.table}_{'_'.join(columns)}"
                taken.add(name)
                found.append((name, columns, name != usual))
        return tuple(found)

    def column(self, name: str) -> str:
        """The column of the field or relation called `name`."""
        return f"{name}_id" if name in {relation.name for relation in self.relations} else name

    @property
    def machine(self) -> StateMachine | None:
        """The state machine of the rows."""
        return self.app.machine(self.spec.name)

    # Forms

    @cached_property
    def rights(self) -> RightsView:
        """The permissions on it."""
        return rights(self.app, self.spec)

    @property
    def actions(self) -> tuple[str, ...]:
        """What somebody may do with it; only that has routes."""
        return self.rights.actions

    @cached_property
    def given_fields(self) -> tuple[FieldView, ...]:
        """Fields that requests set."""
        return tuple(field for field in self.fields if not field.read_only)

    @cached_property
    def given_relations(self) -> tuple[RelationView, ...]:
        """Relations that requests set."""
        return tuple(relation for relation in self.relations if not relation.read_only)

    @cached_property
    def updatable_relations(self) -> tuple[RelationView, ...]:
        """Relations that requests may change later."""
        return tuple(
            relation for relation in self.given_relations if not is_fixed(self.app, self.spec, relation.name)
        )

    @property
    def aliases(self) -> tuple[FieldView, ...]:
        """The fields whose type has a name of its own in the schemas."""
        writing = self.account or "create" in self.actions or "update" in self.actions
        return tuple(
            field
            for field in self.fields
            if field.alias and (field.exact or (writing and not field.read_only))
        )

    @property
    def sortable(self) -> tuple[str, ...]:
        """What a list can be sorted by."""
        return ("created_at", *(field.name for field in self.fields if field.sortable))

    @property
    def searchable(self) -> tuple[FieldView, ...]:
        """Where the search term is looked for."""
        return tuple(field for field in self.fields if field.searchable)

    @property
    def filters(self) -> tuple[FilterView, ...]:
        """The query parameters of the list, apart from search, order and page."""
        of_fields = (item for field in self.fields for item in field.filters)
        return (*(relation.filter for relation in self.relations), *of_fields)


def table_order(app: Spec) -> list[EntityView]:
    """All entities, the account first, then those that others refer to before the others.

    Circles are cut at a relation that may be empty.
    """
    waiting = [entity for entity in app.entities if not entity.account]
    ordered = [entity for entity in app.entities if entity.account]
    placed = {entity.name for entity in ordered}
    while waiting:
        free = _first_free(app, waiting, placed)
        ordered.append(free)
        placed.add(free.name)
        waiting.remove(free)
    return [EntityView(app, entity) for entity in ordered]


def _first_free(app: Spec, waiting: list[Entity], placed: set[str]) -> Entity:
    def needs(entity: Entity, *, required_only: bool) -> set[str]:
        return {
            relation.to
            for relation in app.relations_from(entity.name)
            if relation.cardinality is not Cardinality.MANY_TO_MANY
            and relation.to != entity.name
            and (relation.required or not required_only)
        }

    for required_only in (False, True):
        for entity in waiting:
            if needs(entity, required_only=required_only) <= placed:
                return entity
    circle = ", ".join(repr(entity.name) for entity in waiting)
    raise InputError(
        f"the entities {circle} need each other in a circle, so that no first row can exist",
        hint="set required: false on one of the relations between them",
    )
