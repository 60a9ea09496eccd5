"""The schemas of one entity: the row, the page, and the bodies of what may be written."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import time
from decimal import Decimal

from qlf.blueprint.contract.parts import Json, nullable, reference, spoken
from qlf.blueprint.contract.rights import granted
from qlf.blueprint.contract.schemas import KEY, MOMENT, input_schema, output_schema, titled
from qlf.blueprint.contract.subject import DATED, EXACT, Subject, enum_class, links_many
from qlf.core.spec import Field, FieldType, Relation

__all__ = [
    "changes",
    "entity_schemas",
    "enum_schema",
    "given",
    "relation_schema",
    "shown_relation",
    "strict_object",
    "updatable",
]


def entity_schemas(subject: Subject) -> Json:
    """Schemas by name."""
    somebody, _ = granted(subject.app, subject.spec)
    if not somebody:
        return {}
    made = {f"{subject.cls}Read": _read(subject)}
    if "list" in somebody:
        made[f"{subject.cls}Page"] = _page(subject)
    if "create" in somebody:
        made[f"{subject.cls}Create"] = _create(subject)
    if "update" in somebody and updatable(subject):
        made[f"{subject.cls}Update"] = _update(subject)
    for field in subject.fields:
        if field.type is FieldType.ENUM:
            made[enum_class(subject, field)] = enum_schema(subject, field)
    return made


def enum_schema(subject: Subject, field: Field) -> Json:
    """The named schema of an enumeration."""
    return {
        "description": f"What `{field.name}` can be.",
        "enum": list(field.choices),
        "title": enum_class(subject, field),
        "type": "string",
    }


def updatable(subject: Subject) -> bool:
    """Whether a request could change anything."""
    return bool(_changeable(subject)) or any(not field.read_only for field in subject.fields)


def strict_object(title: str, text: str, properties: Json, required: Iterable[str] = ()) -> Json:
    """An object that refuses what it does not name."""
    made: Json = {
        "additionalProperties": False,
        "description": text,
        "properties": properties,
        "title": title,
        "type": "object",
    }
    needed = list(required)
    return {**made, "required": needed} if needed else made


def given(subject: Subject, fields: Iterable[Field]) -> tuple[Json, list[str]]:
    """Properties for fields that a request gives, and which of them it must give."""
    properties: Json = {}
    required: list[str] = []
    for field in fields:
        schema = input_schema(subject, field)
        default = _default(field)
        if default is not None:
            schema = {**schema, "default": default}
        if not field.required:
            schema = nullable(schema)
        elif field.default is None:
            required.append(field.name)
        properties[field.name] = titled(schema, field.name)
    return properties, required


def changes(subject: Subject, fields: Iterable[Field]) -> Json:
    """Properties for fields that a request may change."""
    made: Json = {}
    for field in fields:
        schema = input_schema(subject, field)
        made[field.name] = titled(schema if field.required else nullable(schema), field.name)
    return made


def relation_schema(relation: Relation) -> tuple[Json, str]:
    """The schema of the key, or of the keys, that a relation holds, and its name."""
    if links_many(relation):
        keys = {"type": "array", "items": dict(KEY), "maxItems": 100, "uniqueItems": True}
        return keys, f"{relation.name}_ids"
    return (dict(KEY) if relation.required else nullable(dict(KEY))), f"{relation.name}_id"


def shown_relation(relation: Relation) -> tuple[Json, str]:
    """As `relation_schema`, without the limits of what a request may send."""
    schema, name = relation_schema(relation)
    return {key: value for key, value in schema.items() if key not in ("maxItems", "uniqueItems")}, name


def _read(subject: Subject) -> Json:
    properties: Json = {"id": titled(KEY, "id")}
    if subject.created_by_owner:
        properties["owner_id"] = titled(KEY, "owner_id")
    for relation in subject.relations:
        schema, name = shown_relation(relation)
        properties[name] = titled(schema, name)
    for field in subject.fields:
        properties[field.name] = output_schema(subject, field)
    properties["created_at"] = titled(MOMENT, "created_at")
    properties["updated_at"] = titled(MOMENT, "updated_at")
    return {
        "description": f"One {spoken(subject.name)}.",
        "properties": properties,
        "required": list(properties),
        "title": f"{subject.cls}Read",
        "type": "object",
    }


def _page(subject: Subject) -> Json:
    row = reference(f"{subject.cls}Read")
    number: Json = {"type": "integer"}
    total = {"description": "How many there are in all, on every page together.", **number}
    properties: Json = {
        "items": {"items": row, "title": "Items", "type": "array"},
        "total": titled(total, "total"),
        "limit": titled(number, "limit"),
        "offset": titled(number, "offset"),
    }
    return {
        "description": f"A part of the {spoken(subject.plural)}.",
        "properties": properties,
        "required": list(properties),
        "title": f"{subject.cls}Page",
        "type": "object",
    }


def _create(subject: Subject) -> Json:
    properties: Json = {}
    required: list[str] = []
    for relation in subject.relations:
        if relation.read_only:
            continue
        schema, name = relation_schema(relation)
        properties[name] = titled(schema, name)
        if relation.required and not links_many(relation):
            required.append(name)
    more, needed = given(subject, (field for field in subject.fields if not field.read_only))
    text = f"A new {spoken(subject.name)}."
    return strict_object(f"{subject.cls}Create", text, {**properties, **more}, [*required, *needed])


def _update(subject: Subject) -> Json:
    properties: Json = {}
    for relation in _changeable(subject):
        schema, name = relation_schema(relation)
        properties[name] = titled(schema, name)
    properties |= changes(subject, (field for field in subject.fields if not field.read_only))
    text = "The fields to change; those left out keep their value."
    return strict_object(f"{subject.cls}Update", text, properties)


def _changeable(subject: Subject) -> list[Relation]:
    return [item for item in subject.relations if not item.read_only and not subject.fixed(item)]


def _default(field: Field) -> bool | int | str | None:
    default = field.default
    if default in ("now", "today") and field.type in DATED:
        return None  # decided at the moment of the request, so no schema can show it
    if default is not None and field.type in EXACT:
        return str(Decimal(str(default)).quantize(Decimal(1).scaleb(-field.scale)))
    if field.type is FieldType.TIME:
        return time.fromisoformat(str(default)).isoformat() if default is not None else None
    return default
