"""The errors a request can end with, and their form on the wire: RFC 9457 problem details."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.routing import Match

from app.core.logging import request_id

MEDIA_TYPE = "application/problem+json"


class FieldProblem(BaseModel):
    """What is wrong with one field of the request."""

    field: str = Field(description="Dotted path, beginning with body, query, path or header.")
    code: str
    message: str


class Problem(BaseModel):
    """An error (RFC 9457). `code` is stable and meant for programs, `detail` for people."""

    model_config = ConfigDict(title="Problem")

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    code: str
    request_id: str
    errors: list[FieldProblem] = []


class AppError(Exception):
    """Ends the request with a problem; the subclasses fix the status and the code."""

    status = HTTPStatus.INTERNAL_SERVER_ERROR
    code = "internal_error"

    def __init__(
        self,
        detail: str,
        *,
        code: str | None = None,
        field: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code or type(self).code
        self.headers = dict(headers or {})
        self.errors = [FieldProblem(field=field, code=self.code, message=detail)] if field else []


class UnauthorizedError(AppError):
    """The caller is not known (RFC 9110 15.5.2, RFC 6750 3)."""

    status = HTTPStatus.UNAUTHORIZED
    code = "unauthorized"

    def __init__(self, detail: str, *, challenge: str = "Bearer") -> None:
        super().__init__(detail, headers={"WWW-Authenticate": challenge})


class ForbiddenError(AppError):
    """The caller is known and may not do this, whatever the row."""

    status = HTTPStatus.FORBIDDEN
    code = "forbidden"


class NotFoundError(AppError):
    """There is no such row, or none that the caller may know of."""

    status = HTTPStatus.NOT_FOUND
    code = "not_found"


class ConflictError(AppError):
    """The request is sound and contradicts what is stored."""

    status = HTTPStatus.CONFLICT
    code = "conflict"


class UnprocessableError(AppError):
    """A rule that a schema cannot express is broken."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "invalid"


class UnavailableError(AppError):
    """It cannot be done at this moment and may well be done in the next (RFC 9110 15.6.4)."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    code = "unavailable"

    def __init__(
        self, detail: str, *, code: str | None = None, retry_after_seconds: int = 1
    ) -> None:
        super().__init__(detail, code=code, headers={"Retry-After": str(retry_after_seconds)})


class TooManyRequestsError(AppError):
    """The caller has to wait (RFC 6585 4)."""

    status = HTTPStatus.TOO_MANY_REQUESTS
    code = "too_many_requests"

    def __init__(self, detail: str, *, retry_after_seconds: int) -> None:
        super().__init__(detail, headers={"Retry-After": str(max(1, retry_after_seconds))})


def problem_response(
    status: int,
    detail: str,
    code: str | None = None,
    errors: Sequence[FieldProblem] = (),
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """Build the response for a problem; `code` falls back to the name of the status."""
    known = HTTPStatus(status)
    problem = Problem(
        title=known.phrase,
        status=status,
        detail=detail,
        code=code or known.phrase.lower().replace(" ", "_"),
        request_id=request_id.get(),
        errors=list(errors),
    )
    return JSONResponse(
        problem.model_dump(), status, headers=dict(headers or {}), media_type=MEDIA_TYPE
    )


def install_error_handlers(app: FastAPI) -> None:
    """Make every error the framework or this application raises a problem."""
    app.add_exception_handler(AppError, _app_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _validation_error)


async def _app_error(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, AppError)  # noqa: S101 - narrows the type for the registration above
    return problem_response(error.status, error.detail, error.code, error.errors, error.headers)


async def _http_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - as above
    headers = dict(error.headers or {})
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(_allowed_methods(request))
    if error.status_code == HTTPStatus.BAD_REQUEST:
        return _malformed()
    return problem_response(error.status_code, str(error.detail), headers=headers)


def _malformed(errors: Sequence[FieldProblem] = ()) -> JSONResponse:
    return problem_response(400, "The body is not valid JSON.", "malformed", errors)


def _allowed_methods(request: Request) -> list[str]:
    """Return every method of this path; the router itself names only those of one route."""
    scope = {"type": "http", "path": request.url.path, "root_path": "", "headers": []}
    return [
        method
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE")
        if any(
            route.matches({**scope, "method": method})[0] is Match.FULL
            for route in request.app.routes
        )
    ]


async def _validation_error(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - as above
    # The input itself stays out of the answer: it may be a password.
    errors = [_field_problem(item) for item in error.errors()]
    if any(item.code == "json_invalid" for item in errors):
        return _malformed(errors)
    if isinstance(error.body, bytes):
        # The framework parses a body that says it is JSON, and hands on every other as it came.
        detail = "The body must be JSON and say so in Content-Type."
        headers = {"Accept": "application/json"}
        return problem_response(415, detail, "unsupported_media_type", headers=headers)
    detail = "The request does not have the required form; see errors."
    return problem_response(422, detail, "invalid", errors)


def _field_problem(item: Mapping[str, Any]) -> FieldProblem:
    message = str(item["msg"]).removeprefix("Value error, ")
    return FieldProblem(
        field=".".join(str(part) for part in item["loc"]), code=str(item["type"]), message=message
    )
