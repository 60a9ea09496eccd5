"""Holds answers to the JSON Schema that was asked for.

Providers promise to follow a schema in some modes, for some models, for whole answers. Here it is checked.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any

import orjson

from qlf.llm.adapters.failures import failed
from qlf.llm.deployment import Deployment
from qlf.llm.failure import FailureKind
from qlf.llm.reply import Reply, StopReason
from qlf.llm.request import Schema

__all__ = ["checked", "ensure_schema", "is_strict"]

_LARGEST = 4 * 1024 * 1024
_DEEPEST = 64
_WHOLE = frozenset({StopReason.END, StopReason.STOP_SEQUENCE})
_STRICT_TYPES = frozenset({"string", "number", "boolean", "integer", "object", "array", "null"})
_STRICT_KEYWORDS = frozenset(
    {"$defs", "$ref", "$schema", "additionalProperties", "anyOf", "const", "definitions"}
    | {"description", "enum", "exclusiveMaximum", "exclusiveMinimum", "format", "items", "maxItems"}
    | {"maximum", "minItems", "minimum", "multipleOf", "pattern", "properties", "required", "title", "type"}
)
_STRICT_ONE_OF = frozenset({"$ref", "anyOf", "const", "enum", "type"})


@functools.lru_cache(maxsize=64)
def _validator(document: bytes) -> Any:
    """The validator for a schema, or the word for what is wrong with the schema."""
    import importlib

    jsonschema: Any = importlib.import_module("jsonschema")
    referencing: Any = importlib.import_module("referencing")
    schema = orjson.loads(document)
    kind = jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator)
    try:
        kind.check_schema(schema)
    except (jsonschema.SchemaError, RecursionError):
        return "is not a JSON Schema"
    # An empty registry: a reference to an address elsewhere is never fetched.
    return kind(schema, registry=referencing.Registry())


def _document(schema: Schema) -> bytes:
    return orjson.dumps(dict(schema.document))


def ensure_schema(schema: Schema, deployment: Deployment) -> None:
    """Refuse a schema that nothing could be held to, before it is paid for.

    Raises:
        Failure: Of kind `BAD_REQUEST`.
    """
    try:
        validator = _validator(_document(schema))
    except (TypeError, ValueError, RecursionError):
        validator = "is not JSON"
    if isinstance(validator, str):
        raise failed(
            FailureKind.BAD_REQUEST,
            deployment,
            f"was not asked: the schema {schema.name!r} {validator}",
            hint="this is a defect of the agent that asks",
            sent=False,
        )


def _too_deep(value: Any) -> bool:
    level = [value]
    for _ in range(_DEEPEST):
        level = [
            child
            for item in level
            if isinstance(item, dict | list)
            for child in (item.values() if isinstance(item, dict) else item)
        ]
        if not level:
            return False
    return True


def _names(document: Any) -> frozenset[str]:
    """Every property name that the schema itself writes down; others in an answer are content."""
    found: set[str] = set()
    todo = [document]
    while todo:
        item = todo.pop()
        if isinstance(item, Mapping):
            properties = item.get("properties")
            if isinstance(properties, Mapping):
                found.update(properties)
            todo.extend(item.values())
        elif isinstance(item, list | tuple):
            todo.extend(item)
    return frozenset(found)


def _problem(text: str, schema: Schema) -> tuple[Any, str]:
    """The data and nothing, or what is wrong with it in words without content."""
    if len(text) > _LARGEST:
        return None, "is larger than 4 MiB"
    try:
        data = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        return None, f"is not JSON (character {error.pos})"
    if _too_deep(data):
        return None, f"is nested deeper than {_DEEPEST} levels"
    import importlib

    best_match: Any = importlib.import_module("jsonschema.exceptions").best_match
    try:
        worst: Any = best_match(_validator(_document(schema)).iter_errors(data))
    except Exception:  # noqa: BLE001 - a reference that leads nowhere raises types of a third package
        return None, "could not be checked against it: a reference in the schema leads nowhere"
    if worst is None:
        return data, ""
    known = _names(schema.document)
    path = "".join(
        f"[{step}]" if isinstance(step, int) else f".{step}" if step in known else ".*"
        for step in worst.absolute_path
    )
    return None, f"does not meet it at ${path} (rule {str(worst.validator)!r})"


def checked(reply: Reply, schema: Schema | None, deployment: Deployment) -> Reply:
    """The reply with its data, when a schema was asked for and the answer is whole.

    An answer that stopped early is handed back as it is: its stop reason says so.

    Raises:
        Failure: Of kind `SCHEMA`, with the place in the answer and the usage, without the answer.
    """
    if schema is None or reply.stop not in _WHOLE:
        return reply
    data, problem = _problem(reply.text, schema)
    if problem:
        raise failed(
            FailureKind.SCHEMA,
            deployment,
            f"was asked for the schema {schema.name!r}, and its answer {problem}",
            request_id=reply.request_id,
            rates=reply.rates,
            usage=reply.usage if reply.usage_reported else None,
            answered_model=reply.model,
        )
    return dataclasses.replace(reply, data=data)


def is_strict(document: Mapping[str, Any]) -> bool:
    """Whether OpenAI's strict mode takes this schema as it stands.

    Strict mode wants an object at the root, every property required, no others allowed, and a subset of the
    keywords. A schema that differs is sent without strict mode; changing it would change what is asked.
    """
    if document.get("type") != "object" or "anyOf" in document:
        return False
    todo: list[Any] = [document]
    while todo:
        node = todo.pop()
        if not isinstance(node, Mapping) or not _STRICT_KEYWORDS.issuperset(node):
            return False
        if _STRICT_ONE_OF.isdisjoint(node) or ("$ref" in node and len(node) > 1):
            return False
        kinds = node.get("type", [])
        kinds = [kinds] if isinstance(kinds, str) else kinds
        if not isinstance(kinds, list) or not _STRICT_TYPES.issuperset(kinds):
            return False
        properties = node.get("properties", {})
        if "object" in kinds or properties:
            required = node.get("required", [])
            if node.get("additionalProperties") is not False or set(required) != set(properties):
                return False
        if "array" in kinds and "items" not in node:
            return False
        todo.extend(properties.values())
        todo.extend(node.get("anyOf", ()))
        todo.extend(node[name] for name in ("items",) if name in node)
        for name in ("$defs", "definitions"):
            todo.extend(node.get(name, {}).values())
    return True
