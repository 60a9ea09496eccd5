"""What a call to a model is for, what it used and what it cost: the words that gateway and ledger share.

Amounts are whole micro-dollars (1 USD = 1,000,000), token counts are whole numbers. No floats, so that a
sum over any grouping equals the total.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

__all__ = ["Attribution", "Books", "Ending", "Intent", "Outcome", "Served", "Ticket", "Usage"]


@dataclass(frozen=True, slots=True)
class Attribution:
    """Who and what a call is for. Reports group by each of these; budgets limit by some of them."""

    run: str = ""
    """The run: one id for one generation, warming or benchmark."""
    project: str = ""
    tenant: str = ""
    agent: str = ""
    """The role that asks: `backend`, `spec`, …"""
    overlay: str = ""
    """The names of the overlays in force, sorted, with commas between."""
    actor: str = ""
    flow: str = ""
    task: str = ""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens that one attempt used, as the provider counted them.

    `input_tokens` holds all input: `cache_read_tokens` and `cache_write_tokens` are parts of it, and
    `reasoning_tokens` is a part of `output_tokens` (OpenTelemetry GenAI conventions).
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Intent:
    """What is about to be sent, written before it is sent, so that a crash cannot hide spend."""

    call: str
    """One id for one call of an agent; its attempts share it."""
    attempt: int
    """From 1, counted within the call."""
    provider: str
    """The configured provider, such as `bedrock-us`."""
    kind: str
    """The kind of it: `bedrock`, `azure_openai`, `openai_compatible`."""
    deployment: str
    model: str
    """The catalogue's name of the model that was asked."""
    reserve_micros: int
    """The most that this attempt can cost, in USD micros."""
    attribution: Attribution
    request_digest: str = ""
    """Keyed digest of the request: short prompts cannot be guessed from it."""
    price_table: str = ""
    """Name and digest of the price table that the reservation was made from."""
    key: str = ""
    """The id and version of the credential, never the credential."""
    lasting: bool = False
    """The attempt goes on when this process ends, as a batch at a provider does: whoever collects it settles
    it, and until then it stays reserved."""


class Ending(StrEnum):
    """How an attempt ended, as far as money is concerned."""

    ANSWERED = "answered"
    """The provider said what was used: that is charged."""
    REFUSED = "refused"
    """The provider turned the request away before any work: nothing is charged."""
    UNKNOWN = "unknown"
    """Sent, and never answered to the end: the whole reservation stays charged."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt ended."""

    ending: Ending
    cost_micros: int = 0
    """What it cost, in USD micros; read when `ANSWERED` only. Refusals are free, unknowns keep the
    reserve."""
    usage: Usage = field(default_factory=Usage)
    answered_model: str = ""
    """The model as the provider named it in the answer."""
    response_id: str = ""
    request_id: str = ""
    stop: str = ""
    error: str = ""
    """The kind of the failure, never its text."""
    milliseconds: int = 0
    first_token_milliseconds: int = 0
    """0 when the answer was not streamed."""
    reply_digest: str = ""


@dataclass(frozen=True, slots=True)
class Served:
    """A call that was answered without asking a provider."""

    call: str
    source: str
    """`cache` or `flight` (another caller was already asking the same)."""
    model: str
    attribution: Attribution
    saved_micros: int = 0
    request_digest: str = ""


@dataclass(frozen=True, slots=True)
class Ticket:
    """The receipt of an intent: hand it back with the outcome."""

    id: int
    reserve_micros: int


class Books(Protocol):
    """Where every attempt is reserved, recorded and settled."""

    async def open(self, intent: Intent) -> Ticket:
        """Reserve the money and record the intent in one step; durable when it returns.

        Raises:
            BudgetRefused: If a limit would be passed. Nothing is recorded as spent then.
            LedgerUnavailable: If the record cannot be written; the call must not be made.
        """
        ...

    async def close(self, ticket: Ticket, outcome: Outcome) -> None:
        """Settle the reservation and record the outcome; also if the caller is cancelled while it waits.

        Closing a ticket twice is an error.
        """
        ...

    async def served(self, served: Served) -> None:
        """Record a call that cost nothing."""
        ...
