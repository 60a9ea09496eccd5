"""Money and records of attempts: reserve before one is sent, settle when it ended.

Nothing is sent before its cost is reserved and its intent is on disk, and every attempt is settled exactly
once, however it ends.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Protocol

from qlf.core.metering import Books, Ending, Intent, Outcome, Ticket, Usage
from qlf.llm.clock import Clock
from qlf.llm.deployment import Deployment
from qlf.llm.failure import Failure
from qlf.llm.reply import RateReport, Reply
from qlf.llm.request import Call

__all__ = ["Job", "Place", "Pricing", "Settlement", "Till", "failed_outcome"]


class Pricing(Protocol):
    """What the gateway has to know of prices."""

    def worst_case_micros(
        self, deployment: Deployment, input_tokens: int, max_output_tokens: int, *, batch: bool = False
    ) -> int:
        """The most that so many tokens can cost, in USD micros.

        Raises:
            ProviderError: If no price is known.
        """
        ...

    def cost_micros(self, deployment: Deployment, usage: Usage, *, batch: bool = False) -> int:
        """What the usage costs, in USD micros.

        Raises:
            ProviderError: If no price is known.
        """
        ...


class Place(Protocol):
    """The right to send one request, as a lease of the scheduler is one."""

    @property
    def deployment(self) -> Deployment:
        """Where to send it."""
        ...

    @property
    def waited_seconds(self) -> float:
        """How long it waited for its turn."""
        ...

    def succeeded(
        self, usage: Usage, seconds: float, first_token_seconds: float | None = None, rates: RateReport = ...
    ) -> None:
        """A whole answer came."""

    def failed(self, failure: Failure) -> None:
        """The attempt failed."""

    def abandoned(self) -> None:
        """Nobody waits for the answer any more."""


@dataclass(slots=True)
class Job:
    """A call on its way, with what is the same for all its attempts."""

    call: Call
    id: str
    request_digest: str
    deadline: float
    """On the gateway's clock."""
    input_tokens: int = 0
    """An upper bound, known before the first attempt."""
    attempts: int = 0
    cost_micros: int = 0
    """What all attempts together were charged, in USD micros."""
    last_cost_micros: int = 0
    """What the last attempt was charged."""


@dataclass(slots=True)
class Settlement:
    """What has to be settled for one attempt, exactly once, by one of its three endings."""

    till: Till
    job: Job
    place: Place
    ticket: Ticket
    started: float

    async def answered(self, reply: Reply) -> None:
        """Charge what was used."""
        seconds = self.till.clock.now() - self.started
        # First of all: others wait for this place.
        self.place.succeeded(reply.usage, seconds, reply.first_token_seconds, reply.rates)
        cost = self._cost(reply.usage) if reply.usage_reported else self.ticket.reserve_micros
        await self._close(self.till.answered(reply, cost, seconds), cost)

    async def failed(self, failure: Failure, *, keep_place: bool = False) -> None:
        """Charge what the failure may have cost.

        Args:
            failure: How it failed.
            keep_place: The same place is used for another attempt at once, so nothing is said of it yet.
        """
        if not keep_place:
            self.place.failed(failure)
        if failure.usage is not None:
            cost = self._cost(failure.usage)
        else:
            cost = self.ticket.reserve_micros if failure.sent else 0
        await self._close(failed_outcome(failure, cost, self._milliseconds()), cost)

    async def abandoned(self) -> None:
        """The caller went away: what was sent may be charged."""
        self.place.abandoned()
        reserve = self.ticket.reserve_micros
        outcome = Outcome(
            Ending.UNKNOWN, cost_micros=reserve, error="cancelled", milliseconds=self._milliseconds()
        )
        await self._close(outcome, reserve)

    def _cost(self, usage: Usage) -> int:
        try:
            return self.till.pricing.cost_micros(self.place.deployment, usage)
        except ValueError:
            # The provider's counts contradict themselves; less than the reservation cannot be shown.
            return self.ticket.reserve_micros

    async def _close(self, outcome: Outcome, cost: int) -> None:
        self.job.cost_micros += cost
        self.job.last_cost_micros = cost
        await self.till.books.close(self.ticket, outcome)

    def _milliseconds(self) -> int:
        return round((self.till.clock.now() - self.started) * 1000)


def failed_outcome(failure: Failure, cost: int, milliseconds: int = 0) -> Outcome:
    """What is recorded of a failure that cost so many micros."""
    if failure.usage is not None:
        ending = Ending.ANSWERED
    else:
        ending = Ending.UNKNOWN if failure.sent else Ending.REFUSED
    return Outcome(
        ending,
        cost_micros=cost,
        usage=failure.usage or Usage(),
        answered_model=failure.answered_model,
        request_id=failure.request_id,
        error=failure.kind.value,
        milliseconds=milliseconds,
    )


class Till:
    """Reserves and records attempts.

    Args:
        books: Where.
        pricing: What attempts cost.
        price_table: Name and digest of the price table, for the record.
        clock: The gateway's clock.
        digest_key: 32 bytes that key the digests in the record, so that a short prompt cannot be guessed
            from its digest.
    """

    def __init__(
        self, books: Books, pricing: Pricing, price_table: str, clock: Clock, digest_key: bytes
    ) -> None:
        self.books = books
        self.pricing = pricing
        self.clock = clock
        self._price_table = price_table
        self._digest_key = digest_key

    def digest(self, data: bytes) -> str:
        """Keyed digest of a request or reply (BLAKE2b, RFC 7693), as the record keeps it."""
        return hashlib.blake2b(data, digest_size=32, key=self._digest_key).hexdigest()

    def answered(self, reply: Reply, cost: int, seconds: float) -> Outcome:
        """What is recorded of an answer that cost so many micros."""
        first = reply.first_token_seconds
        return Outcome(
            Ending.ANSWERED,
            cost_micros=cost,
            usage=reply.usage,
            answered_model=reply.model,
            response_id=reply.response_id,
            request_id=reply.request_id,
            stop=reply.stop.value,
            milliseconds=round(seconds * 1000),
            first_token_milliseconds=round(first * 1000) if first is not None else 0,
            reply_digest=self.digest(reply.text.encode("utf-8", errors="surrogatepass")),
        )

    async def open(self, job: Job, place: Place, key_id: str) -> Settlement:
        """Reserve the most that the next attempt of a job can cost, and record that it is about to be sent.

        Raises:
            BudgetRefused: If that could pass a limit.
            LedgerUnavailable: If it cannot be recorded.
            ProviderError: If no price is known.
        """
        deployment = place.deployment
        job.attempts += 1
        ticket = await self.books.open(self.intent(job, deployment, key_id))
        return Settlement(self, job, place, ticket, self.clock.now())

    def intent(self, job: Job, deployment: Deployment, key_id: str, *, batch: bool = False) -> Intent:
        """What is recorded before the attempt of a job; in a batch at its price, and lasting.

        Raises:
            ProviderError: If no price is known.
        """
        most = job.call.request.max_output_tokens
        return Intent(
            call=job.id,
            attempt=job.attempts,
            provider=deployment.provider.name,
            kind=deployment.provider.kind,
            deployment=deployment.name,
            model=deployment.model,
            reserve_micros=self.pricing.worst_case_micros(deployment, job.input_tokens, most, batch=batch),
            attribution=job.call.attribution,
            request_digest=job.request_digest,
            price_table=self._price_table,
            key=key_id,
            lasting=batch,
        )
