"""How the OpenAPI document describes responses that several routes share."""

from typing import Any

from fastapi import Request, Response

from app.core.errors import MEDIA_TYPE

_DESCRIPTIONS = {
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

# FastAPI writes some of these bounds as whole numbers and some not; this one is written as it is.
_SECONDS = {"required": True, "schema": {"type": "integer", "minimum": 1.0}}

_HEADERS = {
    401: {"WWW-Authenticate": {"required": True, "schema": {"type": "string"}}},
    429: {"Retry-After": _SECONDS},
    503: {"Retry-After": _SECONDS},
}

_LOCATION = {
    "description": "The path of the new record.",
    "required": True,
    "schema": {"type": "string"},
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe the errors a route can answer with; each asks the database, which can be busy."""
    return {status: _problem(status) for status in sorted({*statuses, 503})}


def created_at_location(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe the errors, and that success says where the new record is."""
    return {201: {"headers": {"Location": _LOCATION}}, **problems(*statuses)}


def set_location(request: Request, response: Response, route: str, **path: object) -> None:
    """Tell the client where the record it made can be read (RFC 9110 15.3.2)."""
    response.headers["Location"] = str(request.app.url_path_for(route, **path))


def _problem(status: int) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        "description": _DESCRIPTIONS[status],
        "content": {MEDIA_TYPE: {"schema": schema}},
        **({"headers": _HEADERS[status]} if status in _HEADERS else {}),
    }
