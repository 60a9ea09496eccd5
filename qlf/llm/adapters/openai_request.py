"""A request as the chat-completions format wants it."""

from __future__ import annotations

from typing import Any

import orjson

from qlf.llm.adapters.failures import failed
from qlf.llm.adapters.schema import ensure_schema, is_strict
from qlf.llm.deployment import Deployment
from qlf.llm.failure import FailureKind
from qlf.llm.request import ModelRequest, Schema

__all__ = ["request_body"]


def _response_format(schema: Schema) -> dict[str, Any]:
    form = {"name": schema.name, "schema": dict(schema.document), "strict": is_strict(schema.document)}
    return {"type": "json_schema", "json_schema": form}


def request_body(deployment: Deployment, request: ModelRequest, *, stream: bool) -> bytes:
    """The body, as JSON. What the request leaves open is left out, so that the provider's default holds.

    Raises:
        Failure: Of kind `BAD_REQUEST`, if the request cannot be written as JSON or its schema is none.
    """
    features = deployment.features
    messages: list[dict[str, str]] = []
    if request.system:
        messages.append({"role": "system", "content": request.system})
    messages.extend({"role": message.role, "content": message.text} for message in request.messages)
    limit = "max_completion_tokens" if features.max_completion_tokens else "max_tokens"
    body: dict[str, Any] = {
        "model": deployment.remote,
        "messages": messages,
        limit: request.max_output_tokens,
    }
    if features.sampling and request.temperature is not None:
        body["temperature"] = request.temperature
    if features.sampling and request.top_p is not None:
        body["top_p"] = request.top_p
    if request.seed is not None:
        body["seed"] = request.seed
    if request.stop:
        body["stop"] = list(request.stop)
    if request.schema is not None:
        ensure_schema(request.schema, deployment)
        if features.native_schema is not False:
            body["response_format"] = _response_format(request.schema)
    if stream:
        body["stream"] = True
        body["stream_options"] = {"include_usage": True}
    try:
        return orjson.dumps(body)
    except (TypeError, ValueError):
        problem = "was not asked: the request holds text that is not valid Unicode"
    raise failed(FailureKind.BAD_REQUEST, deployment, problem, sent=False)
