"""The pieces that operations are made of: parameters, bodies, answers and problems."""

from __future__ import annotations

from typing import Any

__all__ = [
    "Json",
    "body",
    "created",
    "no_content",
    "nullable",
    "ok",
    "operation",
    "path_id",
    "problems",
    "query",
    "reference",
    "refusals",
    "spelled",
    "spoken",
]

Json = dict[str, Any]

_PROBLEMS = {
    400: "The request cannot be read.",
    401: "No valid access token was sent.",
    403: "The caller's role does not allow this.",
    404: "There is no such record, or none the caller may see.",
    409: "It contradicts what is stored.",
    413: "The body is too large.",
    415: "The body is not JSON, or does not say so.",
    422: "The request does not have the required form.",
    429: "Too many attempts.",
    503: "It cannot be done at this moment; try again a little later.",
}


def spelled(name: str) -> str:
    """A name as pydantic titles it: each word with a capital."""
    return name.replace("_", " ").title()


def reference(schema: str) -> Json:
    """A reference to a named schema."""
    return {"$ref": f"#/components/schemas/{schema}"}


def nullable(schema: Json) -> Json:
    """The schema, or null; a title moves outside."""
    inner = {key: value for key, value in schema.items() if key not in ("title", "default")}
    outer = {key: value for key, value in schema.items() if key in ("title", "default")}
    return {"anyOf": [inner, {"type": "null"}], **outer}


def query(name: str, schema: Json) -> Json:
    """An optional parameter of the query."""
    return {"in": "query", "name": name, "required": False, "schema": {**schema, "title": spelled(name)}}


def path_id(name: str) -> Json:
    """The key of a row in the path."""
    schema = {"type": "string", "format": "uuid", "title": spelled(name)}
    return {"in": "path", "name": name, "required": True, "schema": schema}


def body(schema: Json) -> Json:
    """A required JSON body."""
    return {"content": {"application/json": {"schema": schema}}, "required": True}


def ok(schema: str) -> Json:
    """The answer 200 with a named schema."""
    return {"200": {"content": {"application/json": {"schema": reference(schema)}}, "description": _SUCCESS}}


def created(schema: str) -> Json:
    """The answer 201 with its `Location` (RFC 9110 15.3.2)."""
    location = {"description": "The path of the new record.", "required": True, "schema": {"type": "string"}}
    answer = ok(schema)["200"]
    return {"201": {**answer, "headers": {"Location": location}}}


def no_content() -> Json:
    """The answer 204."""
    return {"204": {"description": _SUCCESS}}


def problems(*statuses: int) -> Json:
    """Answers that are problem details (RFC 9457); 503 is one everywhere, because any lock can last."""
    return {str(status): _problem(status) for status in (*statuses, 503)}


def refusals(*statuses: int, public: bool) -> Json:
    """Problems of a route; one that asks for an account can also answer 401 and 403."""
    return problems(*statuses) if public else problems(401, 403, *statuses)


def spoken(name: str) -> str:
    """A snake_case name as words."""
    return name.replace("_", " ")


def operation(name: str, text: str, tag: str, *, secured: bool, answers: Json, **parts: Any) -> Json:
    """One operation; `parts` are `parameters` and `requestBody` where it has them."""
    made: Json = {
        "description": text,
        "operationId": name,
        "responses": answers,
        "summary": spelled(name),
        "tags": [tag],
        **parts,
    }
    if secured:
        made["security"] = [{"accessToken": []}]
    return made


def _problem(status: int) -> Json:
    content = {"application/problem+json": {"schema": reference("Problem")}}
    made: Json = {"content": content, "description": _PROBLEMS[status]}
    if status == 401:
        made["headers"] = {"WWW-Authenticate": {"required": True, "schema": {"type": "string"}}}
    if status in (429, 503):
        made["headers"] = {"Retry-After": {"required": True, "schema": {"type": "integer", "minimum": 1.0}}}
    return made


_SUCCESS = "Successful Response"
