"""What an error of a server of the chat-completions format means.

The texts that servers send are searched for known words, and never repeated.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from qlf.llm.adapters.failures import Meaning
from qlf.llm.failure import FailureKind

__all__ = ["error_in", "meaning"]


_FILTERED = frozenset({"content_filter", "responsibleaipolicyviolation", "content_policy_violation"})
_TOO_LONG = frozenset({"context_length_exceeded", "exceed_context_size_error", "string_above_max_length"})
_NO_QUOTA = frozenset({"insufficient_quota", "billing_hard_limit_reached", "billing_not_active"})
_NOT_FOUND = frozenset({"model_not_found", "deploymentnotfound", "modelnotfound", "not_found_error"})
_AUTH = frozenset({"invalid_api_key", "authentication_error", "permissiondenied", "account_deactivated"})
_THROTTLED = frozenset({"rate_limit_exceeded", "rate_limit_error", "toomanyrequests", "requests", "tokens"})
_BAD = frozenset({"invalid_request_error", "badrequesterror", "unsupported_parameter", "unsupported_value"})
_LONG_WORDS = ("maximum context length", "context window", "context size", "context length")

_BY_STATUS = {
    401: Meaning(FailureKind.AUTH, "did not accept the credential (401)"),
    403: Meaning(FailureKind.AUTH, "does not allow this credential to use it (403)"),
    404: Meaning(FailureKind.NOT_FOUND, "is not known to the provider (404)"),
    405: Meaning(FailureKind.NOT_FOUND, "is not at this address (405)"),
    408: Meaning(FailureKind.TIMEOUT, "gave up waiting (408)"),
    409: Meaning(FailureKind.UNAVAILABLE, "is busy with a conflicting request (409)"),
    413: Meaning(FailureKind.TOO_LONG, "refused the request as too large (413)"),
    425: Meaning(FailureKind.UNAVAILABLE, "is not ready (425)"),
    429: Meaning(FailureKind.THROTTLED, "has no room now (429)"),
}


def error_in(body: bytes) -> dict[str, Any]:
    """The error object in a body, in whichever of the usual shapes; empty if there is none."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    if type(value) is not dict:
        return {}
    error = value.get("error", value)
    if type(error) is dict:
        return error
    return {"message": error} if type(error) is str else {}


def _words(error: Mapping[str, Any]) -> frozenset[str]:
    """The codes in an error object, in lower case."""
    inner = error.get("innererror")
    found = [error.get("code"), error.get("type"), inner.get("code") if type(inner) is dict else None]
    return frozenset(word.lower() for word in found if type(word) is str)


def _status(status: int | None, error: Mapping[str, Any]) -> int | None:
    """The HTTP status, or the one that a frame in a stream names as its code."""
    if status is not None:
        return status
    code = error.get("code")
    if type(code) is str and code.isascii() and code.isdigit() and len(code) == 3:
        code = int(code)
    return code if type(code) is int and 400 <= code <= 599 else None


def _by_words(words: frozenset[str], message: str, *, client_fault: bool) -> Meaning | None:
    if words & _FILTERED:
        return Meaning(FailureKind.FILTERED, "refused the request: its content filter found something")
    if words & _TOO_LONG or (client_fault and any(word in message for word in _LONG_WORDS)):
        return Meaning(FailureKind.TOO_LONG, "cannot take a request this long")
    if words & _NO_QUOTA:
        return Meaning(
            FailureKind.AUTH,
            "has no credit left at the provider",
            "add credit or raise the spending limit in the provider's console",
        )
    if words & _NOT_FOUND:
        return Meaning(FailureKind.NOT_FOUND, "is not known to the provider")
    if words & _AUTH:
        return Meaning(FailureKind.AUTH, "did not accept the credential")
    return None


def meaning(status: int | None, error: Mapping[str, Any]) -> Meaning:
    """What happened.

    Args:
        status: The HTTP status; `None` for an error inside an answer that began with 200.
        error: The error object, foreign and of any shape.
    """
    words = _words(error)
    text = error.get("message")
    message = text[:4096].lower() if type(text) is str else ""
    status = _status(status, error)
    # A server error is one whatever its text says: only a client error can be about the request.
    if status is None or 400 <= status < 500:
        known = _by_words(words, message, client_fault=status in {None, 400, 413, 422})
        if known is not None:
            return known
    if status is None:
        if words & _THROTTLED:
            return Meaning(FailureKind.THROTTLED, "ran out of room in the middle of its answer")
        if words & _BAD:
            return Meaning(FailureKind.BAD_REQUEST, "does not accept the request")
        return Meaning(FailureKind.UNAVAILABLE, "reported an error in the middle of its answer")
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if 300 <= status < 400:
        return Meaning(
            FailureKind.NOT_FOUND,
            f"answered with a redirect ({status}), which is not followed",
            "set the endpoint to the address that the provider documents",
        )
    if status >= 500:
        return Meaning(FailureKind.UNAVAILABLE, f"failed on the provider's side ({status})")
    return Meaning(FailureKind.BAD_REQUEST, f"does not accept the request ({status})")
