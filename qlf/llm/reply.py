"""What a model answered, independent of who was asked."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from qlf.core.metering import Usage

__all__ = ["RateReport", "Reply", "StopReason", "TextDelta"]


class StopReason(StrEnum):
    """Why the model stopped. Only `END` and `STOP_SEQUENCE` are whole answers."""

    END = "end"
    STOP_SEQUENCE = "stop_sequence"
    MAX_TOKENS = "max_tokens"
    REFUSAL = "refusal"
    CONTENT_FILTER = "content_filter"


@dataclass(frozen=True, slots=True)
class RateReport:
    """What the provider said of its limits; `None` where it said nothing usable (-1 and 0 mean unknown)."""

    requests_limit: int | None = None
    requests_remaining: int | None = None
    requests_reset_seconds: float | None = None
    tokens_limit: int | None = None
    tokens_remaining: int | None = None
    tokens_reset_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class TextDelta:
    """The next piece of a streamed answer."""

    text: str


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer, read to its terminal event."""

    text: str
    stop: StopReason
    usage: Usage
    model: str
    """As the provider named it; empty where the wire format does not say (Bedrock Converse)."""
    response_id: str = ""
    request_id: str = ""
    data: Any = None
    """The parsed and schema-checked JSON, when the request had a schema."""
    rates: RateReport = field(default_factory=RateReport)
    first_token_seconds: float | None = None
    """From sending to the first text, when the answer was streamed."""
    usage_reported: bool = True
    """False where a server answered without counting: `usage` is empty then, not zero."""
