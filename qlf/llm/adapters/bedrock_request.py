"""A request as Bedrock's Converse wants it."""

from __future__ import annotations

from typing import Any

import orjson

from qlf.llm.adapters.failures import failed
from qlf.llm.adapters.schema import ensure_schema
from qlf.llm.deployment import Deployment
from qlf.llm.failure import FailureKind
from qlf.llm.request import ModelRequest, Schema

__all__ = ["converse_arguments", "forces_tool"]

_CACHE_POINT = {"cachePoint": {"type": "default"}}


def forces_tool(deployment: Deployment, request: ModelRequest) -> bool:
    """Whether the answer comes as the input of a tool, since the model takes no schema itself."""
    return request.schema is not None and deployment.features.native_schema is not True


def _tool(schema: Schema) -> dict[str, Any]:
    specification = {
        "name": schema.name,
        "description": "Hand over the answer.",
        "inputSchema": {"json": dict(schema.document)},
    }
    return {"tools": [{"toolSpec": specification}], "toolChoice": {"tool": {"name": schema.name}}}


def _native(schema: Schema) -> dict[str, Any]:
    text = orjson.dumps(dict(schema.document)).decode()
    definition = {"name": schema.name, "schema": text}
    return {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": definition}}}


def converse_arguments(deployment: Deployment, request: ModelRequest) -> dict[str, Any]:
    """The arguments of `converse` and `converse_stream`.

    Converse has no seed. Cache points follow the stable parts: what stands before them is read from the
    provider's cache the next time.

    Raises:
        Failure: Of kind `BAD_REQUEST`, if the schema is none or the text is not valid Unicode.
    """
    features = deployment.features
    messages = [{"role": message.role, "content": [{"text": message.text}]} for message in request.messages]
    limits: dict[str, Any] = {"maxTokens": request.max_output_tokens}
    if features.sampling and request.temperature is not None:
        limits["temperature"] = request.temperature
    if features.sampling and request.top_p is not None:
        limits["topP"] = request.top_p
    if request.stop:
        limits["stopSequences"] = list(request.stop)
    arguments: dict[str, Any] = {
        "modelId": deployment.remote,
        "messages": messages,
        "inferenceConfig": limits,
    }
    if request.system:
        arguments["system"] = [{"text": request.system}]
    if features.cache_points:
        if request.system:
            arguments["system"].append(_CACHE_POINT)
        if 0 < request.stable_messages <= len(messages):
            stable: list[Any] = messages[request.stable_messages - 1]["content"]  # type: ignore[assignment]
            stable.append(_CACHE_POINT)
    if request.schema is not None:
        ensure_schema(request.schema, deployment)
        if forces_tool(deployment, request):
            arguments["toolConfig"] = _tool(request.schema)
        else:
            arguments["outputConfig"] = _native(request.schema)
    try:
        for text in (request.system, *(message.text for message in request.messages)):
            text.encode()
    except UnicodeEncodeError:
        problem = "was not asked: the request holds text that is not valid Unicode"
    else:
        return arguments
    raise failed(FailureKind.BAD_REQUEST, deployment, problem, sent=False)
