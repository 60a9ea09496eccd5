"""What the tests of an entity need to know: valid values, wrong values, who may do what."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import time
from decimal import Decimal
from functools import cached_property

from qlf.blueprint.views.app import AppView
from qlf.blueprint.views.coding import owner_expression
from qlf.blueprint.views.entity import EntityView
from qlf.blueprint.views.field import FieldView
from qlf.blueprint.views.initial import assigned
from qlf.blueprint.views.literals import literal
from qlf.blueprint.views.relation import RelationView
from qlf.blueprint.views.samples import sample_columns
from qlf.blueprint.views.trials import Trials
from qlf.blueprint.views.values import matching
from qlf.core.spec import FieldType, NoOverlap, Ordered, Product

__all__ = [
    "Needed",
    "TestView",
    "WrongValue",
    "testing",
    "testings",
]

_NUMBERS = (FieldType.INTEGER, FieldType.DURATION)


@dataclass(frozen=True, slots=True)
class Needed:
    """A row that has to be there first."""

    column: str
    call: str
    """Expression of its key."""
    itself: bool


@dataclass(frozen=True, slots=True)
class WrongValue:
    """A value that a request is refused for."""

    field: str
    value: str


class TestView(Trials):
    """What the tests of one entity need."""

    # Valid values

    @cached_property
    def values(self) -> tuple[tuple[str, str], ...]:
        """Field and expression over `number`, for every field."""
        columns = {relation.column for relation in self.entity.relations} | {"owner_id"}
        found = []
        for name, expression in sample_columns(self.app, self.entity):
            if name in columns:
                continue
            found.append((name, self._value(name, expression)))
        return tuple(found)

    def _value(self, name: str, expression: str) -> str:
        field = self.entity.field(name)
        rules = self.entity.app.rules
        if any(r.kind == "total" and (r.entity, r.field) == (self.entity.spec.name, name) for r in rules):
            return assigned(self.entity.app, self.entity.spec.name, name).zero
        if field.spec.pattern is not None and field.textual:
            return matching(field)
        return expression

    @property
    def uses_number(self) -> bool:
        """Whether some value depends on the number."""
        return any(self.varies(name) for name, _ in self.values)

    def varies(self, name: str) -> bool:
        """Whether two rows have different values in this field."""
        return "number" in dict(self.values).get(name, "")

    def expression(self, name: str, number: str = "number") -> str:
        """The value of a field for another number."""
        return re.sub(r"\bnumber\b", number, dict(self.values)[name])

    @cached_property
    def needed(self) -> tuple[Needed, ...]:
        """The rows that a row cannot be without."""
        return tuple(
            Needed(relation.column, self.adding(relation), relation.itself)
            for relation in self.entity.keys
            if relation.required or relation.name == self.entity.spec.owner_via
        )

    def adding(self, relation: RelationView) -> str:
        """Expression that stores a row for a relation and gives its key."""
        target = self.entity.app.entity(relation.spec.to)
        if target.account:
            return "owner_id" if relation.name == self.entity.spec.owner_via else "add_owner(session)"
        owner = ", owner_id=owner_id" if self.owned and owner_expression(self.entity.app, target) else ""
        return f"add_{relation.target_name}(session{owner}).id"

    @property
    def owned(self) -> bool:
        """Whether rows belong to an account."""
        return self.does.owned

    @property
    def exact(self) -> tuple[str, ...]:
        """Sortable names whose JSON is decimal text."""
        return tuple(f.name for f in self.entity.fields if f.exact and f.name in self.entity.sortable)

    @property
    def passes_owner(self) -> bool:
        """Whether a row that it needs has the same owner."""
        return any("owner_id" in need.call for need in self.needed)

    @property
    def given(self) -> tuple[str, ...]:
        """Names in the form of a new row."""
        relations = (relation.column for relation in self.entity.given_relations)
        return (*relations, *(field.name for field in self.entity.given_fields))

    @property
    def links(self) -> tuple[RelationView, ...]:
        """Many-to-many relations that requests give."""
        return tuple(relation for relation in self.entity.given_relations if relation.many)

    # Forms under test

    @property
    def demanded(self) -> tuple[str, ...]:
        """Names without which a new row is refused."""
        relations = [r.column for r in self.entity.given_relations if r.required and not r.many]
        fields = [f.name for f in self.entity.given_fields if f.required and f.spec.default is None]
        return (*relations, *fields)

    @property
    def defaults(self) -> tuple[tuple[str, str], ...]:
        """Optional names and the JSON value that they get."""
        optional = (r for r in self.entity.given_relations if not r.required and not r.many)
        found = [(relation.column, "None") for relation in optional]
        for field in self.entity.given_fields:
            default = field.spec.default
            if field.spec.type is FieldType.DATETIME or (
                default == "today" and field.spec.type is FieldType.DATE
            ):
                continue
            if default is None and not field.required:
                found.append((field.name, "None"))
            elif default is not None:
                found.append((field.name, _json_default(field)))
        return tuple(found)

    @property
    def unknown(self) -> tuple[str, ...]:
        """Names that a new row is refused for."""
        hidden = [field.name for field in self.entity.fields if field.read_only]
        hidden += [relation.column for relation in self.entity.relations if relation.read_only]
        owner = ["owner_id"] if self.entity.owner_column else []
        return ("id", "created_at", *owner, *hidden, "no_such_field")

    @property
    def wrong(self) -> tuple[WrongValue, ...]:
        """Values out of bounds."""
        return tuple(
            WrongValue(field.name, value) for field in self.entity.given_fields for value in _wrong(field)
        )

    @property
    def wrong_updates(self) -> tuple[WrongValue, ...]:
        """Changes that are refused: nothing where something must be, what is not for requests."""
        found = [WrongValue(f.name, "None") for f in self.entity.given_fields if f.required]
        found += [
            WrongValue(field.name, _wrong(field)[0]) for field in self.entity.given_fields if _wrong(field)
        ]
        changeable = {relation.column for relation in self.entity.updatable_relations}
        fixed = [r.column for r in self.entity.relations if r.column not in changeable]
        found += [WrongValue(column, '"6f1e0c52-6f4a-4f0e-9b6f-2f1d6b0c9a10"') for column in fixed]
        found += [WrongValue(name, '"x"') for name in self.unknown if name not in fixed]
        return tuple(found)

    @property
    def changed(self) -> str | None:
        """A field to change that no rule speaks of, or the best there is."""
        given = [field.name for field in self.entity.given_fields if self.varies(field.name)]
        free = [name for name in given if name not in self.ruled]
        return (free or [None])[0]  # type: ignore[list-item]

    @property
    def ruled(self) -> frozenset[str]:
        """Fields that a rule speaks of."""
        found: set[str] = set()
        for rule in self.entity.app.rules:
            if rule.entity != self.entity.spec.name:
                continue
            for key in ("first", "last", "start", "end", "field", "amount"):
                if isinstance(getattr(rule, key, None), str):
                    found.add(getattr(rule, key))
            found.update(getattr(rule, "factors", ()))
            found.update(getattr(rule, "of", ()))
        for rule in self.entity.app.rules:
            if isinstance(rule, Product | Ordered | NoOverlap):
                continue
            if rule.kind == "total" and rule.lines == self.entity.spec.name:
                found.add(rule.line_field)
        return frozenset(found)

    @property
    def uniques(self) -> tuple[str, ...]:
        """Unique fields that requests give and whose values differ."""
        return tuple(
            field.name for field in self.entity.given_fields if field.spec.unique and self.varies(field.name)
        )

    @property
    def any_case(self) -> tuple[str, ...]:
        """Those of them that are the same in any case, and take any."""
        fields = (self.entity.field(name) for name in self.uniques)
        return tuple(field.name for field in fields if field.folded and field.spec.pattern is None)

    @property
    def emptied(self) -> tuple[str, ...]:
        """Fields by which a list is sorted and that may have no value."""
        return tuple(f.name for f in self.entity.fields if f.sortable and not f.required)

    @property
    def together(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """Rules about names that no two rows share, as columns; only those that requests can break."""
        given = set(self.given)
        found = []
        for rule in self.entity.app.rules:
            if rule.kind == "unique_together" and rule.entity == self.entity.spec.name:
                columns = tuple(self.entity.column(name) for name in rule.of)
                if set(columns) <= given:
                    found.append((rule.name, columns))
        return tuple(found)

    @property
    def sorted(self) -> tuple[str, ...]:
        """Fields by which lists are sorted under test."""
        return tuple(name for name in self.entity.sortable if name != "created_at")

    @property
    def filtered(self) -> tuple[tuple[str, str, str, str], ...]:
        """Query parameter, changes of a row that matches and of one that does not, value of the parameter."""
        return tuple(self._filtered())

    def _filtered(self) -> Iterator[tuple[str, str, str, str]]:
        for relation in self.entity.keys:
            name, column = relation.filter.name, relation.column
            if not self.entity.app.entity(relation.spec.to).account:
                owner = ", owner_id=actor.id" if self.owned and self.target_owned(relation) else ""
                key = f"add_{relation.target_name}(session{owner}).id"
                yield name, f"{column}={key}", "", f"wanted.{column}"
            elif relation.name == self.entity.spec.owner_via:
                yield name, f"{column}=actor.id", f"{column}=add_owner(session)", f"wanted.{column}"
            else:
                yield name, f"{column}=add_owner(session)", "", f"wanted.{column}"
        for field in self.entity.fields:
            names = [item.name for item in field.filters]
            if field.is_enum and len(field.choices) > 1 and not field.spec.unique:
                first, second = (
                    f"{field.name}={field.enum_class}.{choice}" for choice, _ in field.choices[:2]
                )
                yield names[0], first, second, f'"{field.choices[0][1]}"'
            elif field.spec.type is FieldType.BOOLEAN:
                yield names[0], f"{field.name}=True", f"{field.name}=False", '"true"'

    @property
    def ranges(self) -> tuple[tuple[str, str], ...]:
        """Field and query parameter of filters from a value on; later rows have larger values."""
        return tuple(
            (field.name, item.name)
            for field in self.entity.fields
            for item in field.filters
            if item.name.endswith("_from") and self.varies(field.name)
        )

    @property
    def search_field(self) -> str | None:
        """A field in which the search finds one row and not the other."""
        names = [field.name for field in self.entity.searchable if self.varies(field.name)]
        return names[0] if names else None

    def fixed_optional(self, columns: tuple[str, ...]) -> str:
        """Arguments for relations that a payload leaves out and a test needs."""
        found = ""
        for relation in self.entity.given_relations:
            if relation.column in columns and not relation.required and not relation.many:
                found += self.per_argument(relation)
        return found

    # Relations

    @property
    def dependents(self) -> tuple[tuple[EntityView, RelationView], ...]:
        """Entities that refer to this one, with the relation."""
        return tuple(
            (other, relation)
            for other in self.app.entities
            for relation in other.keys
            if relation.spec.to == self.entity.spec.name and not relation.itself
        )

    def refers_twice(self, other: EntityView) -> bool:
        """Whether more than one relation of the other entity leads here."""
        return sum(found.name == other.name for found, _ in self.dependents) > 1

    # Who

    def role(self, action: str) -> str:
        """Member of `Role` that does it under test."""
        rights = self.entity.rights
        return f"Role.{(rights.anyone(action) or 'admin').upper()}"

    def owner_role(self, action: str) -> str | None:
        """Member of `Role` that may do it on its own rows only."""
        found = self.entity.rights.owner_role(action)
        return None if found is None else f"Role.{found.upper()}"

    def same_role(self, *actions: str) -> str | None:
        """A role that may do all of it; one with all rows if there is one."""
        held = self.entity.rights.by_role
        full = [role for role, rights in held.items() if all(rights.get(a) == "all" for a in actions)]
        some = [role for role, rights in held.items() if all(a in rights for a in actions)]
        return next((f"Role.{role.upper()}" for role in (*full, *some)), None)

    @property
    def matrix(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """Each role and what it may do, written out."""
        rights = self.entity.rights
        return tuple(
            (f"Role.{role.upper()}", tuple(a for a in rights.actions if a in held or a in rights.public))
            for role, held in rights.by_role.items()
        )


def testing(app: AppView, entity: EntityView) -> TestView:
    """The test view of `entity`."""
    return TestView(app, entity)


def testings(app: AppView) -> tuple[TestView, ...]:
    """The test views of all entities."""
    return tuple(testing(app, entity) for entity in app.entities)


def _json_default(field: FieldView) -> str:
    default = field.spec.default
    if field.exact:
        return f'"{Decimal(str(default)):.{field.scale}f}"'
    if field.textual or field.is_enum:
        return literal(field, default) if field.textual else f'"{default}"'
    if field.spec.type in _NUMBERS:
        return str(int(str(default)))
    if field.spec.type is FieldType.TIME:
        return f'"{time.fromisoformat(str(default)).isoformat()}"'
    return repr(default) if isinstance(default, bool) else f'"{default}"'


def _wrong(field: FieldView) -> list[str]:
    kind = field.spec.type
    if field.is_enum:
        return ['"no_such_choice"']
    if field.exact:
        finer = Decimal(1).scaleb(-field.scale - 1)
        found = [f'"{field.minimum - Decimal(1).scaleb(-field.scale):f}"', f'"{field.maximum + 1:f}"']
        return [*found, f'"{field.minimum + finer:f}"', "1.5", '"much"']
    if kind in _NUMBERS:
        return [str(int(field.minimum) - 1), str(int(field.maximum) + 1), "1.5", '"many"']
    simple = {
        FieldType.BOOLEAN: ['"perhaps"', "1"],
        FieldType.DATE: ['"07.01.2030"', '"2030-02-30"', "20300107"],
        FieldType.DATETIME: ['"yesterday"', '"2030-01-07T09:00:00"'],
        FieldType.TIME: ['"25:00"'],
        FieldType.UUID: ['"1"'],
        FieldType.EMAIL: ['"not an address"', f'"{"a" * 250}@example.com"'],
        FieldType.PHONE: ['"call me"'],
        FieldType.URL: ['"not an address"', '"javascript:alert(1)"'],
    }
    if field.spec.past_only:
        return [*simple[FieldType.DATE], '"2990-01-07"']
    if kind in simple:
        return simple[kind]
    found = [f'"x" * {field.max_length + 1}']
    if field.min_length:
        found.append('""' if field.min_length == 1 else f'"x" * {field.min_length - 1}')
    if kind is FieldType.TEXT and field.spec.pattern is None:
        found.append('"with a \\0 inside"' if field.max_length >= 15 else '"\\0"')
    elif field.spec.pattern is None and field.max_length >= 10:
        found += ['" padded "', '"two\\r\\nlines"']
    return found
