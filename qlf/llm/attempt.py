"""One attempt at one deployment: the adapter is asked, and whatever comes of it is settled."""

from __future__ import annotations

import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from qlf.core.metering import Attribution
from qlf.llm.clock import Clock
from qlf.llm.deployment import Deployment
from qlf.llm.estimate import input_tokens
from qlf.llm.failure import Failure, FailureKind
from qlf.llm.model import Adapter
from qlf.llm.pool import AdapterPool
from qlf.llm.reply import Reply, TextDelta
from qlf.llm.request import Call, Message, ModelRequest
from qlf.llm.telemetry import Telemetry
from qlf.llm.till import Job, Place, Settlement, Till

__all__ = ["ModelCheck", "OpenStream", "Sender"]

PROBE_TOKENS = 16
"""The fewest that every provider accepts as the limit of an answer."""


@dataclass(frozen=True, slots=True)
class _Probe:
    """A place that nobody has to be told about: the prober holds the place itself."""

    deployment: Deployment
    waited_seconds: float = 0.0

    def succeeded(self, *_: object) -> None:
        """The prober reports."""

    def failed(self, _: Failure) -> None:
        """The prober reports."""

    def abandoned(self) -> None:
        """The prober reports."""


T = TypeVar("T")
_Begun = tuple[TextDelta | Reply, AsyncIterator[TextDelta | Reply]]


class ModelCheck(Protocol):
    """Whether the name in an answer is the model that was asked."""

    def __call__(self, deployment: Deployment, answered: str) -> bool:
        """True also for an empty name, where the wire format has none."""
        ...


@dataclass(slots=True)
class OpenStream:
    """A stream whose first item has come; what follows cannot be retried any more."""

    first: TextDelta | Reply
    rest: AsyncIterator[TextDelta | Reply]
    settlement: Settlement

    @property
    def deployment(self) -> Deployment:
        """Who answers."""
        return self.settlement.place.deployment


class _KeyRenewed(Exception):
    """The credential was refused, and there is another one now."""


class Sender:
    """Makes attempts.

    Args:
        till: Where they are reserved and settled.
        pool: The adapters.
        same_model: Checks the model that answered.
        telemetry: Where they are traced.
        clock: The gateway's clock.
        attempt_seconds: The longest that one attempt may take.
    """

    def __init__(
        self,
        till: Till,
        pool: AdapterPool,
        same_model: ModelCheck,
        telemetry: Telemetry,
        clock: Clock,
        attempt_seconds: float = 600.0,
    ) -> None:
        self.till = till
        self.pool = pool
        self._same_model = same_model
        self._telemetry = telemetry
        self._clock = clock
        self._attempt_seconds = attempt_seconds

    async def complete(self, job: Job, place: Place) -> Reply:
        """Make one attempt and read the whole answer. The place is reported on as soon as it came.

        Raises:
            Failure: If it failed; it is settled already.
            BudgetRefused, LedgerUnavailable, KeyStoreError: Before anything was sent.
        """

        async def send(adapter: Adapter) -> Reply:
            reply = await adapter.complete(place.deployment, job.call.request, self._timeout(job))
            self.check_model(place.deployment, reply)
            return reply

        reply, settlement = await self._attempt(job, place, send)
        await settlement.answered(reply)
        return reply

    async def probe(self, deployment: Deployment, seconds: float = 30.0) -> Reply:
        """Send the smallest request that shows whether a deployment answers. It is paid and recorded too.

        Raises:
            Failure: If it does not answer as it should.
            BudgetRefused, LedgerUnavailable, KeyStoreError: Before anything was sent.
        """
        request = ModelRequest((Message("user", "Answer with OK."),), PROBE_TOKENS)
        call = Call(request, deployment.model, Attribution(agent="probe"), use_cache=False)
        job = Job(
            call=call,
            id=secrets.token_hex(12),
            request_digest=self.till.digest(b"probe"),
            input_tokens=input_tokens(request),
            deadline=self._clock.now() + seconds,
        )
        return await self.complete(job, _Probe(deployment))

    async def open_stream(self, job: Job, place: Place) -> OpenStream:
        """Begin an attempt whose answer is handed on as it comes; returns with its first item.

        The place is the stream's from then on.

        Raises:
            Failure: If it failed before the first item; it is settled already.
            BudgetRefused, LedgerUnavailable, KeyStoreError: Before anything was sent.
        """

        async def send(adapter: Adapter) -> _Begun:
            rest = adapter.stream(place.deployment, job.call.request, self._timeout(job))
            first = await anext(rest)
            if isinstance(first, Reply):
                self.check_model(place.deployment, first)
            return first, rest

        (first, rest), settlement = await self._attempt(job, place, send)
        return OpenStream(first, rest, settlement)

    async def follow(self, stream: OpenStream) -> AsyncGenerator[TextDelta | Reply]:
        """Hand on an open stream to its end, and settle it.

        Raises:
            Failure: If the stream breaks; it is settled already.
        """
        settled = False
        try:
            item: TextDelta | Reply = stream.first
            while True:
                if isinstance(item, Reply):
                    self.check_model(stream.deployment, item)
                    # From here on it is settled, also if the books fail or the reader goes away meanwhile.
                    settled = True
                    await stream.settlement.answered(item)
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
                await stream.settlement.failed(failure)
            raise
        finally:
            if not settled:
                await stream.settlement.abandoned()
            close = getattr(stream.rest, "aclose", None)
            if close is not None:
                await close()

    async def _attempt(
        self, job: Job, place: Place, send: Callable[[Adapter], Awaitable[T]]
    ) -> tuple[T, Settlement]:
        """Reserve, send, and settle what failed. A key that was replaced meanwhile is used at once."""
        try:
            return await self._attempt_with(job, place, send, may_renew=True)
        except _KeyRenewed:
            return await self._attempt_with(job, place, send, may_renew=False)

    async def _attempt_with(
        self, job: Job, place: Place, send: Callable[[Adapter], Awaitable[T]], *, may_renew: bool
    ) -> tuple[T, Settlement]:
        deployment = place.deployment
        opened = await self.pool.get(deployment.provider)
        settlement = await self.till.open(job, place, opened.key_id)
        span = self._telemetry.attempt(deployment, job.attempts, place.waited_seconds)
        try:
            sent = await send(opened.adapter)
        except Failure as failure:
            self._telemetry.attempt_failed(span, deployment, failure.kind.value)
            renewed = False
            try:
                if may_renew and failure.kind is FailureKind.AUTH:
                    renewed = await self.pool.renewed(deployment.provider, opened.key_id)
            finally:
                # Also when the key store fails, or the caller leaves, while it is asked for another key.
                await settlement.failed(failure, keep_place=renewed)
            if renewed:
                raise _KeyRenewed from failure
            raise
        except BaseException as error:
            self._telemetry.attempt_failed(span, deployment, type(error).__name__)
            await settlement.abandoned()
            raise
        span.end()
        return sent, settlement

    def _timeout(self, job: Job) -> float:
        return max(0.001, min(self._attempt_seconds, job.deadline - self._clock.now()))

    def check_model(self, deployment: Deployment, reply: Reply) -> None:
        """Refuse the answer of another model than the one asked.

        Raises:
            Failure: Of kind `WRONG_MODEL`, with the usage.
        """
        if self._same_model(deployment, reply.model):
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
