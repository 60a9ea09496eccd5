"""Puts the document together: what every application has, then each entity."""

from __future__ import annotations

import copy
import json
from functools import lru_cache
from importlib.resources import files
from typing import Any

from qlf.blueprint.contract.account import add_account
from qlf.blueprint.contract.bodies import entity_schemas
from qlf.blueprint.contract.parts import Json
from qlf.blueprint.contract.routes import entity_paths
from qlf.blueprint.contract.subject import Subject
from qlf.blueprint.contract.verbs import verb_schemas
from qlf.core.spec import ADMIN, Spec

__all__ = ["openapi_document", "openapi_text"]


_NEW_PASSWORDS = (
    ("PasswordChange", "new_password"),
    ("PasswordReset", "password"),
    ("Registration", "password"),
    ("UserCreate", "password"),
)


def openapi_document(spec: Spec) -> Json:
    """The OpenAPI 3.1 document of the application that `spec` describes."""
    document: Json = copy.deepcopy(_platform())
    document["info"] = _info(spec)
    schemas: Json = document["components"]["schemas"]
    for name, field in _NEW_PASSWORDS:
        schemas[name]["properties"][field]["minLength"] = spec.auth.password_min_length
    schemas["Role"]["enum"] = _roles(spec)
    for account in (entity for entity in spec.entities if entity.account):
        add_account(schemas, spec, account)
    for subject in (Subject(spec, entity) for entity in spec.entities if not entity.account):
        schemas.update(entity_schemas(subject))
        schemas.update(verb_schemas(subject))
        document["paths"].update(entity_paths(subject))
    return document


def openapi_text(spec: Spec) -> str:
    """The document as it is committed: sorted keys, two spaces, a newline at the end."""
    return json.dumps(openapi_document(spec), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _roles(spec: Spec) -> list[str]:
    # The administrator is always one, and never the only one.
    names = [role.name for role in spec.roles]
    names = names if ADMIN in names else [ADMIN, *names]
    return names if len(names) > 1 else [*names, "user"]


def _info(spec: Spec) -> Json:
    summary = spec.app.summary or f"The API of {spec.app.title}."
    return {"title": spec.app.title, "version": "0.1.0", "summary": summary}


@lru_cache(maxsize=1)
def _platform() -> dict[str, Any]:
    text = (files("qlf.blueprint.contract") / "platform.json").read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded
