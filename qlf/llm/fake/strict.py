"""What OpenAI demands of a schema in strict mode: objects closed, all their properties required."""

from __future__ import annotations

from typing import Any

__all__ = ["strict_problem"]

_NESTED = ("properties", "$defs", "definitions")


def strict_problem(schema: Any, context: tuple[str, ...] = (), depth: int = 0) -> str | None:
    """What is wrong with a schema, in OpenAI's words, or nothing."""
    if depth > 64:
        return f"In context={context!r}, schema nested too deeply."
    if not isinstance(schema, dict):
        return f"In context={context!r}, schema must be an object."
    if not context and schema.get("type") != "object":
        return f"schema must be a JSON Schema of 'type: \"object\"', got 'type: \"{schema.get('type')}\"'."
    kind = schema.get("type")
    if kind == "object" or (isinstance(kind, list) and "object" in kind):
        if schema.get("additionalProperties") is not False:
            return (
                f"In context={context!r}, 'additionalProperties' is required to be supplied and to be false."
            )
        properties = schema.get("properties") or {}
        required = schema.get("required") or []
        for name in properties:
            if name not in required:
                return (
                    f"In context={context!r}, 'required' is required to be supplied and to be an array "
                    f"including every key in properties. Missing '{name}'."
                )
    for name, inner in _inside(schema):
        problem = strict_problem(inner, (*context, *name), depth + 1)
        if problem:
            return problem
    return None


def _inside(schema: dict[str, Any]) -> list[tuple[tuple[str, ...], Any]]:
    found: list[tuple[tuple[str, ...], Any]] = []
    for group in _NESTED:
        if isinstance(schema.get(group), dict):
            found += [((group, str(name)), inner) for name, inner in schema[group].items()]
    if isinstance(schema.get("items"), dict):
        found.append((("items",), schema["items"]))
    if isinstance(schema.get("anyOf"), list):
        found += [(("anyOf", str(number)), inner) for number, inner in enumerate(schema["anyOf"])]
    return found
