"""The paths of one entity: the collection, the row, and what can be done to it."""

from __future__ import annotations

from qlf.blueprint.contract.bodies import updatable
from qlf.blueprint.contract.parts import (
    Json,
    body,
    created,
    no_content,
    ok,
    operation,
    path_id,
    query,
    reference,
    refusals,
    spoken,
)
from qlf.blueprint.contract.rights import granted, verbs
from qlf.blueprint.contract.schemas import KEY, LINE, filter_schema, input_schema, plain_schema, titled
from qlf.blueprint.contract.subject import DATED, Subject
from qlf.blueprint.contract.verbs import verb_operation
from qlf.core.spec import Field, FieldType

__all__ = ["entity_paths"]

_PREFIX = "/api/v1"
_TAKEN = frozenset({"limit", "offset", "q", "sort"})


def entity_paths(subject: Subject) -> Json:
    """Path items by path."""
    somebody, anybody = granted(subject.app, subject.spec)
    if not updatable(subject):
        somebody -= {"update"}
    rows = {
        method: make(subject, public=action in anybody)
        for action, method, make in (("list", "get", _list), ("create", "post", _create))
        if action in somebody
    }
    row = {
        method: make(subject, public=action in anybody)
        for action, method, make in (
            ("read", "get", _get),
            ("update", "patch", _patch),
            ("delete", "delete", _delete),
        )
        if action in somebody
    }
    collection = f"{_PREFIX}/{subject.route}"
    one = f"{collection}/{{{subject.name}_id}}"
    paths: Json = {path: item for path, item in ((collection, rows), (one, row)) if item}
    for verb in verbs(subject.app, subject.spec):
        if verb in somebody:
            paths[f"{one}/{verb.replace('_', '-')}"] = {"post": verb_operation(subject, verb)}
    return paths


def _list(subject: Subject, *, public: bool) -> Json:
    limit = {"type": "integer", "default": 20, "minimum": 1, "maximum": 100}
    offset = {"type": "integer", "default": 0, "minimum": 0, "maximum": 1_000_000}
    parameters = [query("limit", limit), query("offset", offset)]
    names = [f"{relation.name}_id" for relation in subject.relations]
    parameters += [query(name, filter_schema(dict(KEY), name)) for name in names]
    for field in subject.fields:
        parameters += _filters(subject, field)
    if any(field.searchable for field in subject.fields):
        term = {"type": "string", "maxLength": 100, "pattern": LINE}
        parameters.append(query("q", filter_schema(term, "q")))
    keys = ["created_at", *(field.name for field in subject.fields if _sorts(field))]
    order = [f"{sign}{key}" for key in keys for sign in ("", "-")]
    parameters.append(query("sort", {"type": "string", "default": "created_at", "enum": order}))
    return operation(
        f"list_{subject.plural}",
        f"List {spoken(subject.plural)}.",
        spoken(subject.plural),
        secured=not public,
        answers={**ok(f"{subject.cls}Page"), **refusals(422, public=public)},
        parameters=parameters,
    )


def _filters(subject: Subject, field: Field) -> list[Json]:
    if field.type in (FieldType.ENUM, FieldType.BOOLEAN):
        name = f"{field.name}_is" if field.name in _TAKEN else field.name
        return [query(name, filter_schema(input_schema(subject, field), name))]
    if field.filterable and field.type in DATED:
        names = (f"{field.name}_from", f"{field.name}_to")
        return [query(name, filter_schema(plain_schema(field), name)) for name in names]
    return []


def _sorts(field: Field) -> bool:
    return field.sortable and field.type is not FieldType.TEXT


def _create(subject: Subject, *, public: bool) -> Json:
    return operation(
        f"create_{subject.name}",
        f"Create one {spoken(subject.name)}.",
        spoken(subject.plural),
        secured=not public,
        answers={**created(f"{subject.cls}Read"), **refusals(400, 409, 413, 415, 422, public=public)},
        requestBody=body(reference(f"{subject.cls}Create")),
    )


def _get(subject: Subject, *, public: bool) -> Json:
    answers = {**ok(f"{subject.cls}Read"), **refusals(404, 422, public=public)}
    return _on_row(subject, "get", f"Read one {spoken(subject.name)}.", answers, public=public)


def _patch(subject: Subject, *, public: bool) -> Json:
    answers = {**ok(f"{subject.cls}Read"), **refusals(400, 404, 409, 413, 415, 422, public=public)}
    content = body(titled(reference(f"{subject.cls}Update"), "changes"))
    text = f"Change the given fields of one {spoken(subject.name)}."
    return _on_row(subject, "update", text, answers, public=public, requestBody=content)


def _delete(subject: Subject, *, public: bool) -> Json:
    answers = {**no_content(), **refusals(404, 409, 422, public=public)}
    return _on_row(subject, "delete", f"Delete one {spoken(subject.name)}.", answers, public=public)


def _on_row(subject: Subject, verb: str, text: str, answers: Json, *, public: bool, **parts: Json) -> Json:
    return operation(
        f"{verb}_{subject.name}",
        text,
        spoken(subject.plural),
        secured=not public,
        answers=answers,
        parameters=[path_id(f"{subject.name}_id")],
        **parts,
    )
