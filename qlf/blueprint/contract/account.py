"""What accounts of one application have beyond those of every application."""

from __future__ import annotations

from qlf.blueprint.contract.bodies import changes, enum_schema, given, relation_schema, shown_relation
from qlf.blueprint.contract.parts import Json
from qlf.blueprint.contract.schemas import output_schema, titled
from qlf.blueprint.contract.subject import Subject, enum_class
from qlf.blueprint.platform import ACCOUNT_FIELDS
from qlf.core.spec import Entity, FieldType, Spec

__all__ = ["add_account"]


def add_account(schemas: Json, spec: Spec, entity: Entity) -> None:
    """Put the further fields and relations of the account into the schemas of users, in place."""
    # Nobody has filled in a profile when the account is made, so nothing of it is required.
    fields = tuple(
        field.model_copy(update={"required": False})
        for field in entity.fields
        if field.name not in ACCOUNT_FIELDS
    )
    relations = tuple(
        relation.model_copy(update={"required": False}) for relation in spec.relations_from(entity.name)
    )
    subject = Subject(spec, entity)
    written = [field for field in fields if not field.read_only]
    links = {
        name: titled(schema, name)
        for schema, name in (relation_schema(relation) for relation in relations if not relation.read_only)
    }
    properties, _ = given(subject, written)
    schemas["UserCreate"]["properties"].update({**links, **properties})
    changed = changes(subject, written)
    schemas["UserUpdate"]["properties"].update({**links, **changed})
    schemas["ProfileUpdate"]["properties"].update(changed)
    shown = {
        name: titled(schema, name) for schema, name in (shown_relation(relation) for relation in relations)
    }
    shown |= {field.name: output_schema(subject, field) for field in fields}
    schemas["UserRead"]["properties"].update(shown)
    required = schemas["UserRead"]["required"]
    required[-2:-2] = list(shown)  # before created_at and updated_at
    for field in fields:
        if field.type is FieldType.ENUM:
            schemas[enum_class(subject, field)] = enum_schema(subject, field)
