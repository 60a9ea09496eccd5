"""What the documents of an application show: paths, rights, tables, assumptions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from qlf.blueprint.contract.routes import entity_paths
from qlf.blueprint.contract.subject import Subject
from qlf.blueprint.gaps import Gap, gaps
from qlf.blueprint.views.access import BASIC, policy, role_names
from qlf.blueprint.views.app import AppView, app_view
from qlf.blueprint.views.entity import EntityView
from qlf.blueprint.views.field import FieldView
from qlf.core.spec import FieldType, OnDelete, Question, Spec

__all__ = ["Column", "Edge", "Pages", "PathRow", "RightRow", "pages"]

_METHODS = ("get", "post", "put", "patch", "delete")
_KINDS = {
    FieldType.INTEGER: "int",
    FieldType.DECIMAL: "decimal",
    FieldType.MONEY: "decimal",
    FieldType.BOOLEAN: "boolean",
    FieldType.DATE: "date",
    FieldType.DATETIME: "datetime",
    FieldType.TIME: "time",
    FieldType.DURATION: "int",
    FieldType.UUID: "uuid",
    FieldType.TEXT: "text",
}


@dataclass(frozen=True, slots=True)
class PathRow:
    """One path of the domain."""

    path: str
    methods: str
    text: str


@dataclass(frozen=True, slots=True)
class RightRow:
    """One action on one kind of row, with the scope of each role."""

    resource: str
    action: str
    scopes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table in the diagram."""

    kind: str
    name: str
    key: str
    note: str


@dataclass(frozen=True, slots=True)
class Edge:
    """One line between two tables in the diagram."""

    parent: str
    mark: str
    child: str
    label: str


@dataclass(frozen=True, slots=True)
class Pages:
    """The tables and lists of the documents."""

    app: AppView

    @property
    def paths(self) -> tuple[PathRow, ...]:
        """The paths of the domain in the order of the spec."""
        rows = []
        for entity in self.app.spec.entities:
            if entity.account:
                continue
            subject = Subject(self.app.spec, entity)
            for path, item in entity_paths(subject).items():
                methods = [method for method in _METHODS if method in item]
                text = item[methods[-1]]["description"].rstrip(".")
                if path.endswith(subject.route):
                    text = subject.plural.replace("_", " ")
                elif path.endswith("}"):
                    text = f"one {subject.name.replace('_', ' ')}"
                else:
                    text = text[:1].lower() + text[1:]
                rows.append(PathRow(path, ", ".join(methods).upper(), text))
        return tuple(rows)

    @property
    def rights(self) -> tuple[RightRow, ...]:
        """The permission matrix, a row for each resource and action that somebody may do."""
        roles = role_names(self.app.spec)
        rows = []
        for resource in policy(self.app.spec):
            held = [resource.by_role.get(role, {}) for role in roles]
            named = {action for rights in held for action in rights}
            more = [action for rights in held for action in rights if action not in BASIC]
            for action in [*(a for a in BASIC if a in named), *dict.fromkeys(more)]:
                scopes = tuple(str(rights.get(action, "-")) for rights in held)
                rows.append(RightRow(resource.name.replace("_", " "), action, scopes))
        return tuple(rows)

    @property
    def tables(self) -> tuple[tuple[str, tuple[Column, ...]], ...]:
        """The tables of the domain with their columns, those that others refer to first."""
        return tuple((entity.table, tuple(_columns(entity))) for entity in self.app.tables)

    @property
    def edges(self) -> tuple[Edge, ...]:
        """The foreign keys of the domain."""
        found = []
        for entity in self.app.tables:
            if entity.owner_column:
                found.append(Edge("users", "||--o{", entity.table, "owns"))
            for relation in entity.keys:
                mark = ("||" if relation.required else "|o") + ("--o|" if relation.unique else "--o{")
                found.append(Edge(relation.to.table, mark, entity.table, relation.name.replace("_", " ")))
            found += [
                Edge(entity.table, "}o--o{", relation.to.table, relation.name.replace("_", " "))
                for relation in entity.links
            ]
        return tuple(found)

    @property
    def account_columns(self) -> tuple[Column, ...]:
        """Columns that accounts have beyond those of every application."""
        return tuple(column for field in self.app.account.fields for column in _field(field))

    @property
    def cascades(self) -> tuple[str, ...]:
        """Sentences about what goes together with what."""
        said = [
            f"While a user has {entity.many}, the account is not deleted (409 `has_records`): deactivate it."
            if entity.kept
            else f"Deleting a user deletes the {entity.many} that the user owns."
            for entity in self.app.tables
            if entity.owner_column
        ]
        said += [
            f"Deleting one of the {relation.to.many} deletes its {entity.many}."
            for entity in self.app.tables
            for relation in entity.keys
            if relation.spec.on_delete is OnDelete.CASCADE
        ]
        return tuple(dict.fromkeys(said))

    @property
    def questions(self) -> tuple[Question, ...]:
        """What the brief left open."""
        return self.app.spec.questions

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """What was asked for and is not built."""
        return gaps(self.app.spec)


def pages(spec: Spec) -> Pages:
    """The documents' view of `spec`."""
    return Pages(app_view(spec))


def _columns(entity: EntityView) -> list[Column]:
    columns = [Column("uuid", "id", "PK", "")]
    if entity.owner_column:
        columns.append(Column("uuid", "owner_id", "FK", ""))
    columns += [
        Column("uuid", relation.column, "FK", "" if relation.required else "may be empty")
        for relation in entity.keys
    ]
    columns += [column for field in entity.fields for column in _field(field)]
    return [*columns, Column("datetime", "created_at", "", ""), Column("datetime", "updated_at", "", "")]


def _field(field: FieldView) -> Iterator[Column]:
    kind = _KINDS.get(field.spec.type, "string")
    empty = "" if field.required else "may be empty"
    choices = ", ".join(field.spec.choices) if field.is_enum else ""
    note = "; ".join(part for part in (choices, empty) if part)
    yield Column(kind, field.name, "UK" if field.unique_column == field.name else "", note)
    if field.folded:
        key = "UK" if field.spec.unique else ""
        yield Column("string", field.folded, key, f"{field.name} to compare by, whatever its case")
