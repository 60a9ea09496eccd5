"""What an agent asks of a model, independent of who answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from qlf.core.metering import Attribution

__all__ = ["Call", "Message", "ModelRequest", "Priority", "Schema"]

Role = Literal["user", "assistant"]

Priority = Literal["interactive", "normal", "background"]
"""Who goes first among those that wait: a person at a terminal, a run, warming."""


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of the conversation."""

    role: Role
    text: str


@dataclass(frozen=True, slots=True)
class Schema:
    """The JSON Schema that the answer must meet."""

    name: str
    """Letters, digits, `_` and `-`, at most 64."""
    document: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """Everything that can change the answer, and nothing else; all of it is in the cache key."""

    messages: tuple[Message, ...]
    max_output_tokens: int
    system: str = ""
    """The stable part comes first, so that providers can cache it; a cache point follows it."""
    stable_messages: int = 0
    """How many of the first messages are stable too; a second cache point follows the last of them."""
    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()
    schema: Schema | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """A request together with how it is to be treated."""

    request: ModelRequest
    model: str
    """A tier (`balanced`), a model of the catalogue, or an alias."""
    attribution: Attribution = field(default_factory=Attribution)
    priority: Priority = "normal"
    deadline_seconds: float | None = None
    """From the moment of asking; without one, as configured. Past it the call ends in an error, never in a
    lesser answer."""
    prompt_version: str = ""
    """Digest of the prompt template."""
    overlay_digest: str = ""
    contract_version: str = ""
    """Version of the output contract that the answer is read with."""
    use_cache: bool = True
