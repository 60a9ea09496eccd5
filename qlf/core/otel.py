"""OpenTelemetry's GenAI names, kept in this one module: they are still in development upstream.

Source: OpenTelemetry semantic conventions for generative AI, as of semantic-conventions 0.66b2. Names that
begin with `qlf.` are our own, for what the conventions have no name for.
"""

from __future__ import annotations

from typing import Final

__all__ = ["OPERATION", "PROVIDERS", "Attr", "Metric"]

OPERATION: Final = "chat"
"""`gen_ai.operation.name` of every call; spans are named `chat {model}`."""

PROVIDERS: Final = {
    "bedrock": "aws.bedrock",
    "azure_openai": "azure.ai.openai",
    "openai_compatible": "openai",
}
"""Our kinds of provider and their `gen_ai.provider.name`."""


class Attr:
    """Names of attributes of spans and metrics."""

    OPERATION_NAME: Final = "gen_ai.operation.name"
    PROVIDER_NAME: Final = "gen_ai.provider.name"
    AGENT_NAME: Final = "gen_ai.agent.name"
    WORKFLOW_NAME: Final = "gen_ai.workflow.name"
    CONVERSATION_ID: Final = "gen_ai.conversation.id"
    REQUEST_MODEL: Final = "gen_ai.request.model"
    REQUEST_MAX_TOKENS: Final = "gen_ai.request.max_tokens"
    REQUEST_TEMPERATURE: Final = "gen_ai.request.temperature"
    REQUEST_TOP_P: Final = "gen_ai.request.top_p"
    REQUEST_SEED: Final = "gen_ai.request.seed"
    REQUEST_STREAM: Final = "gen_ai.request.stream"
    RESPONSE_MODEL: Final = "gen_ai.response.model"
    RESPONSE_ID: Final = "gen_ai.response.id"
    FINISH_REASONS: Final = "gen_ai.response.finish_reasons"
    TIME_TO_FIRST_CHUNK: Final = "gen_ai.response.time_to_first_chunk"
    INPUT_TOKENS: Final = "gen_ai.usage.input_tokens"
    OUTPUT_TOKENS: Final = "gen_ai.usage.output_tokens"
    CACHE_READ_TOKENS: Final = "gen_ai.usage.cache_read.input_tokens"
    CACHE_WRITE_TOKENS: Final = "gen_ai.usage.cache_creation.input_tokens"
    REASONING_TOKENS: Final = "gen_ai.usage.reasoning.output_tokens"
    TOKEN_TYPE: Final = "gen_ai.token.type"  # noqa: S105 - a name, not a secret
    OUTPUT_TYPE: Final = "gen_ai.output.type"
    ERROR_TYPE: Final = "error.type"
    SERVER_ADDRESS: Final = "server.address"
    SERVER_PORT: Final = "server.port"
    RUN: Final = "qlf.run"
    PROJECT: Final = "qlf.project"
    TENANT: Final = "qlf.tenant"
    OVERLAY: Final = "qlf.overlay"
    DEPLOYMENT: Final = "qlf.deployment"
    ATTEMPTS: Final = "qlf.attempts"
    CACHE: Final = "qlf.cache"
    COST: Final = "qlf.cost.amount_micros"
    QUEUED: Final = "qlf.queue.duration"


class Metric:
    """Names of metrics."""

    TOKEN_USAGE: Final = "gen_ai.client.token.usage"  # noqa: S105 - a name, not a secret
    DURATION: Final = "gen_ai.client.operation.duration"
    TIME_TO_FIRST_CHUNK: Final = "gen_ai.client.operation.time_to_first_chunk"
    COST: Final = "qlf.cost"
    CACHE: Final = "qlf.cache.requests"
    QUEUE: Final = "qlf.queue.duration"
    ATTEMPT_FAILURES: Final = "qlf.attempt.failures"
