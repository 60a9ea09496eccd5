"""Error answers of each provider: status, headers and body."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from qlf.llm.fake.fault import Wire

__all__ = ["Problem", "problem_body", "problem_headers"]


@dataclass(frozen=True, slots=True)
class Problem:
    """An error before it is put into a wire format."""

    status: int
    kind: str
    """One of the keys of the tables below, or `other`."""
    message: str = ""
    """Instead of the provider's usual words."""
    code: str | None = None
    param: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    values: tuple[tuple[str, str], ...] = ()
    """What the usual words name."""


_OPENAI: Mapping[str, tuple[str, str, str | None]] = {
    "missing_key": ("You didn't provide an API key.", "invalid_request_error", None),
    "bad_key": ("Incorrect API key provided: {key}.", "invalid_request_error", "invalid_api_key"),
    "expired_key": ("Incorrect API key provided: {key}.", "invalid_request_error", "invalid_api_key"),
    "not_found": (
        "The model `{name}` does not exist or you do not have access to it.",
        "invalid_request_error",
        "model_not_found",
    ),
    "no_route": ("Invalid URL ({method} {path})", "invalid_request_error", None),
    "requests": (
        "Rate limit reached for {name} on requests per min (RPM): Limit {limit}. Please try again in {wait}.",
        "requests",
        "rate_limit_exceeded",
    ),
    "tokens": (
        "Rate limit reached for {name} on tokens per min (TPM): Limit {limit}. Please try again in {wait}.",
        "tokens",
        "rate_limit_exceeded",
    ),
    "quota": (
        "You exceeded your current quota, please check your plan and billing details.",
        "insufficient_quota",
        "insufficient_quota",
    ),
    "too_long": (
        (
            "This model's maximum context length is {limit} tokens. However, your messages resulted in "
            "{size} tokens. Please reduce the length of the messages."
        ),
        "invalid_request_error",
        "context_length_exceeded",
    ),
    "content_filter": (
        "Your request was rejected as a result of our safety system.",
        "invalid_request_error",
        "content_policy_violation",
    ),
    "invalid": ("Invalid request.", "invalid_request_error", None),
}
_AZURE: Mapping[str, tuple[str, str]] = {
    "missing_key": (
        "401",
        (
            "Access denied due to missing subscription key. Make sure to include subscription key when "
            "making requests to an API."
        ),
    ),
    "bad_key": (
        "401",
        (
            "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a "
            "valid key for an active subscription and use a correct regional API endpoint for your resource."
        ),
    ),
    "not_found": (
        "DeploymentNotFound",
        (
            "The API deployment for this resource does not exist. If you created the deployment within the "
            "last 5 minutes, please wait a moment and try again."
        ),
    ),
    "no_route": ("404", "Resource not found"),
    "requests": (
        "429",
        (
            "Requests to the ChatCompletions_Create Operation under Azure OpenAI API version {version} have "
            "exceeded call rate limit of your current OpenAI S0 pricing tier. "
            "Please retry after {seconds} seconds."
        ),
    ),
    "tokens": (
        "429",
        (
            "Requests to the ChatCompletions_Create Operation under Azure OpenAI API version {version} have "
            "exceeded token rate limit of your current OpenAI S0 pricing tier. "
            "Please retry after {seconds} seconds."
        ),
    ),
    "quota": (
        "insufficient_quota",
        "You exceeded your current quota, please check your plan and billing details.",
    ),
}
_BEDROCK: Mapping[str, tuple[str, str]] = {
    "missing_key": ("MissingAuthenticationTokenException", "Missing Authentication Token"),
    "bad_key": ("UnrecognizedClientException", "The security token included in the request is invalid."),
    "expired_key": ("ExpiredTokenException", "The security token included in the request is expired"),
    "not_found": ("ValidationException", "The provided model identifier is invalid."),
    "no_route": ("UnknownOperationException", ""),
    "requests": ("ThrottlingException", "Too many requests, please wait before trying again."),
    "tokens": ("ThrottlingException", "Too many tokens, please wait before trying again."),
    "too_long": ("ValidationException", "Input is too long for requested model."),
    "invalid": ("ValidationException", "The request is not valid."),
}
_BEDROCK_STATUS = {
    400: ("ValidationException", "The request is not valid."),
    403: ("AccessDeniedException", "You don't have access to the model with the specified model ID."),
    404: ("ResourceNotFoundException", "Model is not found."),
    408: ("ModelTimeoutException", "The model took too long to process the request."),
    424: ("ModelErrorException", "The model returned an error while it processed the request."),
    429: ("ThrottlingException", "Too many requests, please wait before trying again."),
    500: (
        "InternalServerException",
        "The system encountered an unexpected error during processing. Try again.",
    ),
    503: ("ServiceUnavailableException", "Bedrock is unable to process your request."),
}
_OPENAI_STATUS = {
    500: "The server had an error while processing your request. Sorry about that!",
    502: "Bad gateway.",
    503: "The engine is currently overloaded, please try again later.",
    504: "The gateway timed out.",
    529: "Overloaded.",
}
_FILTERED = {
    "hate": {"filtered": False, "severity": "safe"},
    "jailbreak": {"filtered": False, "detected": False},
    "self_harm": {"filtered": False, "severity": "safe"},
    "sexual": {"filtered": False, "severity": "safe"},
    "violence": {"filtered": True, "severity": "medium"},
}


class _Names(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return "?"


def problem_headers(wire: Wire, problem: Problem, request_id: str) -> list[tuple[str, str]]:
    """The headers of an error answer."""
    made = [("content-type", "application/json"), *problem.headers]
    if wire is Wire.BEDROCK:
        made.append(("x-amzn-requestid", request_id))
        name = _bedrock(problem)[0]
        if name:
            # The real service appends where the shape is defined; SDKs cut it off at the colon.
            made.append(("x-amzn-errortype", f"{name}:http://internal.amazon.com/coral/com.amazon.bedrock/"))
    elif wire is Wire.AZURE:
        made += [("apim-request-id", request_id), ("x-ms-region", "Fake Central")]
    else:
        made.append(("x-request-id", request_id))
    return made


def problem_body(wire: Wire, problem: Problem) -> bytes:
    """The body of an error answer."""
    if wire is Wire.BEDROCK:
        return orjson.dumps({"message": _bedrock(problem)[1]})
    if wire is Wire.AZURE:
        return orjson.dumps({"error": _azure(problem)})
    return orjson.dumps({"error": _openai(problem)})


def _openai(problem: Problem) -> dict[str, Any]:
    found = _OPENAI.get(problem.kind)
    if found is None:
        text = _OPENAI_STATUS.get(problem.status, "The request failed.")
        kind = "server_error" if problem.status >= 500 else "invalid_request_error"
        found = (text, kind, None)
    text, kind, code = found
    return {
        "message": problem.message or text.format_map(_Names(problem.values)),
        "type": kind,
        "param": problem.param or ("messages" if problem.kind == "too_long" else None),
        "code": problem.code or code,
    }


def _azure(problem: Problem) -> dict[str, Any]:
    if problem.kind == "content_filter":
        return {
            "message": (
                "The response was filtered due to the prompt triggering Azure OpenAI's content management "
                "policy. Please modify your prompt and retry."
            ),
            "type": None,
            "param": "prompt",
            "code": "content_filter",
            "status": 400,
            "innererror": {"code": "ResponsibleAIPolicyViolation", "content_filter_result": _FILTERED},
        }
    found = _AZURE.get("bad_key" if problem.kind == "expired_key" else problem.kind)
    if found is not None:
        code, text = found
        return {
            "code": problem.code or code,
            "message": problem.message or text.format_map(_Names(problem.values)),
        }
    if problem.status >= 500:
        text = problem.message or _OPENAI_STATUS.get(problem.status, "The request failed.")
        return {"code": problem.code or "InternalServerError", "message": text}
    return _openai(problem)


def _bedrock(problem: Problem) -> tuple[str, str]:
    found = _BEDROCK.get(problem.kind) or _BEDROCK_STATUS.get(problem.status)
    name, text = found or ("", "The request failed.")
    if problem.kind in ("requests", "tokens") and problem.code == "ModelNotReadyException":
        text = "The model is not ready for inference. Wait and try again."
    return problem.code or name, problem.message or text
