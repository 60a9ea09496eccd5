"""One attempt at one deployment: reserve and record, send, settle and record.

Nothing is sent before its cost is reserved and its intent is on disk, and every attempt is settled exactly
once, however it ends: that is why each way out of here leads through `_Settlement`.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

from qlf.core.metering import Books, Ending, Intent, Outcome, Ticket, Usage
from qlf.llm.clock import Clock
from qlf.llm.deployment import Deployment
from qlf.llm.failure import Failure, FailureKind
from qlf.llm.pool import AdapterPool
from qlf.llm.reply import Reply, TextDelta
from qlf.llm.request import Call
from qlf.llm.telemetry import Telemetry

__all__ = ["Job", "OpenStream", "Pricing", "Sender"]


class Pricing(Protocol):
    """What the gateway has to know of prices."""

    @property
    def table(self) -> str:
        """Name and digest of the price table."""
        ...

    def worst_case_micros(self, deployment: Deployment, input_tokens: int, output_tokens: int) -> int:
        """The most that so many tokens can cost, in USD micros.

        Raises:
            ProviderError: If no price is known.
        """
        ...

    def cost_micros(self, deployment: Deployment, usage: Usage) -> int:
        """What the usage costs, in USD micros.

        Raises:
            ProviderError: If no price is known.
        """
        ...


class ModelCheck(Protocol):
    """Whether the name in an answer is the model that was asked."""

    def __call__(self, deployment: Deployment, answered: str) -> bool:
        """True also for an empty name, where the wire format has none."""
        ...


@dataclass(slots=True)
class Job:
    """A call on its way, with what is the same for all its attempts."""

    call: Call
    id: str
    request_digest: str
    input_tokens: int
    """An upper bound."""
    deadline: float
    """On the gateway's clock."""
    attempts: int = 0
    cost_micros: int = 0
    """What all attempts together were charged, in USD micros."""


@dataclass(slots=True)
class _Settlement:
    """What has to be closed for one attempt, exactly once."""

    sender: Sender
    job: Job
    deployment: Deployment
    ticket: Ticket
    started: float

    async def answered(self, reply: Reply, error: str = "") -> int:
        """Charge what was used; return it in USD micros."""
        sender = self.sender
        cost = (
            sender.pricing.cost_micros(self.deployment, reply.usage)
            if reply.usage_reported
            else self.ticket.reserve_micros
        )
        first = reply.first_token_seconds
        await self._close(
            Outcome(
                Ending.ANSWERED,
                cost_micros=cost,
                usage=reply.usage,
                answered_model=reply.model,
                response_id=reply.response_id,
                request_id=reply.request_id,
                stop=reply.stop.value,
                error=error,
                milliseconds=self._milliseconds(),
                first_token_milliseconds=round(first * 1000) if first is not None else 0,
                reply_digest=sender.digest(reply.text.encode()),
            ),
            cost,
        )
        return cost

    async def failed(self, failure: Failure) -> None:
        """Charge what the failure may have cost."""
        if failure.usage is not None:
            ending, cost = Ending.ANSWERED, self.sender.pricing.cost_micros(self.deployment, failure.usage)
        elif failure.sent:
            ending, cost = Ending.UNKNOWN, self.ticket.reserve_micros
        else:
            ending, cost = Ending.REFUSED, 0
        outcome = Outcome(
            ending,
            cost_micros=cost,
            usage=failure.usage or Usage(),
            answered_model=failure.answered_model,
            request_id=failure.request_id,
            error=failure.kind.value,
            milliseconds=self._milliseconds(),
        )
        await self._close(outcome, cost)

    async def abandoned(self) -> None:
        """The caller went away: what was sent may be charged."""
        outcome = Outcome(
            Ending.UNKNOWN,
            cost_micros=self.ticket.reserve_micros,
            error="cancelled",
            milliseconds=self._milliseconds(),
        )
        await self._close(outcome, self.ticket.reserve_micros)

    async def _close(self, outcome: Outcome, cost: int) -> None:
        self.job.cost_micros += cost
        # A cancelled caller must not leave the reservation open.
        await asyncio.shield(self.sender.books.close(self.ticket, outcome))

    def _milliseconds(self) -> int:
        return round((self.sender.clock.now() - self.started) * 1000)


@dataclass(slots=True)
class OpenStream:
    """A stream whose first item has come; what follows cannot be retried any more."""

    first: TextDelta | Reply
    rest: AsyncIterator[TextDelta | Reply]
    settlement: _Settlement
    deployment: Deployment


class Sender:
    """Makes attempts.

    Args:
        books: Where they are reserved and recorded.
        pool: The adapters.
        pricing: What they cost.
        same_model: Checks the model that answered.
        telemetry: Where they are traced.
        clock: The gateway's clock.
        digest_key: Keys the digests in the ledger, so that a short prompt cannot be guessed from its digest.
        attempt_seconds: The longest that one attempt may take.
    """

    def __init__(
        self,
        books: Books,
        pool: AdapterPool,
        pricing: Pricing,
        same_model: ModelCheck,
        telemetry: Telemetry,
        clock: Clock,
        digest_key: bytes,
        attempt_seconds: float,
    ) -> None:
        self.books = books
        self.pool = pool
        self.pricing = pricing
        self.same_model = same_model
        self.telemetry = telemetry
        self.clock = clock
        self.digest_key = digest_key
        self.attempt_seconds = attempt_seconds

    def digest(self, data: bytes) -> str:
        """Keyed digest of a request or reply, as the ledger keeps it."""
        return hmac.new(self.digest_key, data, hashlib.sha256).hexdigest()

    async def complete(self, job: Job, deployment: Deployment, queued_seconds: float) -> Reply:
        """Make one attempt and read the whole answer.

        Raises:
            Failure: If it failed; it is settled already.
            BudgetRefused, LedgerUnavailable, KeyStoreError: Before anything was sent.
        """
        opened = await self.pool.get(deployment.provider)
        settlement = await self._open(job, deployment, opened.key_id)
        span = self.telemetry.attempt(deployment, job.attempts, queued_seconds)
        try:
            reply = await opened.adapter.complete(deployment, job.call.request, self._timeout(job))
            self._check_model(deployment, reply)
        except Failure as failure:
            await self._failed(settlement, failure)
            self.telemetry.attempt_failed(span, deployment, failure.kind.value)
            raise
        except BaseException as error:
            self.telemetry.attempt_failed(span, deployment, type(error).__name__)
            await settlement.abandoned()
            raise
        span.end()
        await settlement.answered(reply)
        return reply

    async def open_stream(self, job: Job, deployment: Deployment, queued_seconds: float) -> OpenStream:
        """Begin an attempt whose answer is handed on as it comes; returns with its first item.

        Raises:
            Failure: If it failed before the first item; it is settled already.
            BudgetRefused, LedgerUnavailable, KeyStoreError: Before anything was sent.
        """
        opened = await self.pool.get(deployment.provider)
        settlement = await self._open(job, deployment, opened.key_id)
        span = self.telemetry.attempt(deployment, job.attempts, queued_seconds)
        rest = opened.adapter.stream(deployment, job.call.request, self._timeout(job))
        try:
            first = await anext(rest)
            if isinstance(first, Reply):
                self._check_model(deployment, first)
        except Failure as failure:
            await self._failed(settlement, failure)
            self.telemetry.attempt_failed(span, deployment, failure.kind.value)
            raise
        except BaseException as error:
            self.telemetry.attempt_failed(span, deployment, type(error).__name__)
            await settlement.abandoned()
            raise
        span.end()
        return OpenStream(first, rest, settlement, deployment)

    async def follow(self, stream: OpenStream) -> AsyncIterator[TextDelta | Reply]:
        """Hand on an open stream to its end, and settle it.

        Raises:
            Failure: If the stream breaks; it is settled already.
        """
        settled = False
        try:
            item: TextDelta | Reply = stream.first
            while True:
                if isinstance(item, Reply):
                    self._check_model(stream.deployment, item)
                    await stream.settlement.answered(item)
                    settled = True
                    yield item
                    return
                yield item
                try:
                    item = await anext(stream.rest)
                except StopAsyncIteration:
                    raise Failure(
                        FailureKind.CUT,
                        f"the stream of {stream.deployment.name!r} ended before its terminal event",
                    ) from None
        except Failure as failure:
            if not settled:
                settled = True
                await self._failed(stream.settlement, failure)
            raise
        finally:
            if not settled:
                await stream.settlement.abandoned()
            close = getattr(stream.rest, "aclose", None)
            if close is not None:
                await close()

    async def _open(self, job: Job, deployment: Deployment, key_id: str) -> _Settlement:
        request = job.call.request
        job.attempts += 1
        ticket = await self.books.open(
            Intent(
                call=job.id,
                attempt=job.attempts,
                provider=deployment.provider.name,
                kind=deployment.provider.kind,
                deployment=deployment.name,
                model=deployment.model,
                reserve_micros=self.pricing.worst_case_micros(
                    deployment, job.input_tokens, request.max_output_tokens
                ),
                attribution=job.call.attribution,
                request_digest=job.request_digest,
                price_table=self.pricing.table,
                key=key_id,
            )
        )
        return _Settlement(self, job, deployment, ticket, self.clock.now())

    async def _failed(self, settlement: _Settlement, failure: Failure) -> None:
        if failure.kind is FailureKind.AUTH:
            self.pool.refused(settlement.deployment.provider)
        await settlement.failed(failure)

    def _timeout(self, job: Job) -> float:
        return max(0.001, min(self.attempt_seconds, job.deadline - self.clock.now()))

    def _check_model(self, deployment: Deployment, reply: Reply) -> None:
        if self.same_model(deployment, reply.model):
            return
        raise Failure(
            FailureKind.WRONG_MODEL,
            f"{deployment.name!r} was asked for {deployment.model} and answered as {reply.model[:80]!r}",
            hint="correct what the deployment is said to be in providers.yaml",
            request_id=reply.request_id,
            rates=reply.rates,
            sent=True,
            usage=reply.usage if reply.usage_reported else None,
            answered_model=reply.model,
        )
