"""What the blueprint refuses, said before anything is rendered."""

from __future__ import annotations

from collections.abc import Iterator

from qlf.blueprint.views.access import verbs
from qlf.blueprint.views.app import AppView
from qlf.blueprint.views.entity import EntityView
from qlf.blueprint.views.field import FieldView
from qlf.blueprint.views.names import FORBIDDEN_FIELDS
from qlf.core.spec import Action, FieldType
from qlf.errors import InputError

__all__ = ["check"]

_IDENTIFIER = 63
"""Bytes of a name in PostgreSQL (NAMEDATALEN - 1); a longer one would be cut without a word."""
_STORED_ELSEWHERE = frozenset({FieldType.IMAGE, FieldType.FILE})


def check(app: AppView) -> None:
    """Make sure that the blueprint can build `app`.

    Raises:
        InputError: Saying what it cannot build, and what to change in the spec.
    """
    for entity in (app.account, *app.entities):
        for problem, hint in _problems(entity):
            raise InputError(problem, hint=hint)
    seen: dict[str, str] = {"users": app.account.spec.name}
    for entity in app.entities:
        if entity.table in seen:
            raise InputError(
                f"the entities {seen[entity.table]!r} and {entity.spec.name!r} have the same plural "
                f"{entity.table!r}",
                hint="give one of them another plural",
            )
        seen[entity.table] = entity.spec.name


def _problems(entity: EntityView) -> Iterator[tuple[str, str]]:
    where = entity.spec.name
    columns = [relation.column for relation in entity.keys]
    columns += ["owner_id"] if entity.owner_column else []
    for field in entity.fields:
        yield from _field_problems(where, field)
        if field.folded in {other.name for other in entity.fields}:
            yield (
                f"the column {field.folded!r} of {where!r} is needed for the field {field.name!r}",
                f"rename {where}.{field.folded}",
            )
        if field.name in columns:
            yield (
                f"the field {where}.{field.name} has the name of the column of a relation",
                "rename the field or the relation",
            )
    for link in entity.links:
        if entity.account:
            yield (
                f"the account {where!r} cannot hold the many-to-many relation {link.name!r}",
                f"turn it around: let {link.spec.to!r} hold it",
            )
    for relation in entity.keys:
        if relation.itself and relation.required:
            yield (
                f"{where}.{relation.name} leads to {where!r} itself and is required: no first row can exist",
                f"set required: false on {where}.{relation.name}",
            )
    basic = {action.value for action in Action}
    known = verbs(entity.app, where)
    for verb in known:
        if verb in basic or verb == "get" or known.count(verb) > 1:
            yield (
                f"{where!r} has two actions called {verb!r}",
                "rename the transition or operation; list, get, create, update and delete are there anyway",
            )
    for name in _constraint_names(entity):
        if len(name) > _IDENTIFIER:
            yield (
                f"the name {name!r} of a constraint has more than the {_IDENTIFIER} characters of PostgreSQL",
                f"shorten the name of {where!r} or of the field",
            )


def _field_problems(where: str, field: FieldView) -> Iterator[tuple[str, str]]:
    name = f"{where}.{field.name}"
    if field.spec.type in _STORED_ELSEWHERE:
        yield (
            f"{name} has the type {field.kind!r}, and there is no file storage yet",
            f"make {name} a url that leads to where the file is kept",
        )
    if field.name in FORBIDDEN_FIELDS:
        yield f"the name of {name} is taken by the libraries of the application", f"rename {name}"
    if field.textual and field.spec.pattern is not None:
        reason = _bad_pattern(field.spec.pattern)
        if reason:
            yield (
                f"the pattern of {name} cannot be used: {reason}",
                "write it without look-around and back references",
            )


def _bad_pattern(pattern: str) -> str | None:
    # The engine of the generated application (Rust regex) is asked itself; Python's would take more.
    from pydantic_core import SchemaError, SchemaValidator, core_schema

    try:
        SchemaValidator(core_schema.str_schema(pattern=pattern))
    except SchemaError as error:
        return " ".join(str(error).split())[:200]
    return None


def _constraint_names(entity: EntityView) -> Iterator[str]:
    for name, _ in entity.checks:
        yield f"ck_{entity.table}_{name}"
    for field in entity.fields:
        yield f"uq_{entity.table}_{field.folded or field.name}"
    for relation in entity.keys:
        yield f"fk_{entity.table}_{relation.column}"
    for link in entity.links:
        yield f"fk_{link.link_table}_{link.far_column}"
    for name, _, _ in entity.uniques:
        yield name
