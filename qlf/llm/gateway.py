"""The one way to a model: resolve, look into the cache, wait for a turn, reserve, send, settle, keep.

    gateway = Gateway(config, scheduler, sender, cache, telemetry, clock)
    answer = await gateway.ask(Call(request, "balanced", Attribution(run="r1", agent="backend")))

A call ends in a whole answer of the model that was asked (or of one declared equal to it), or in an error
that says why. It waits for its turn for as long as its deadline allows; nothing else ever happens to it.
"""

from __future__ import annotations

import asyncio
import itertools
import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Literal

from qlf.core.metering import Served
from qlf.llm.attempt import OpenStream, Sender
from qlf.llm.attempts import AttemptPolicy, run_attempts
from qlf.llm.cache import CachedReply
from qlf.llm.cache_key import CacheKey, key_of
from qlf.llm.catalogue import Resolved, resolve
from qlf.llm.clock import Clock
from qlf.llm.config import GatewayConfig
from qlf.llm.deployment import Deployment
from qlf.llm.estimate import token_bounds
from qlf.llm.failure import CallFailed, Failure
from qlf.llm.flight import Flights
from qlf.llm.lease import DeadlineExceeded, Lease, Need
from qlf.llm.reply import Reply, StopReason, TextDelta
from qlf.llm.request import Call
from qlf.llm.scheduler import Scheduler
from qlf.llm.telemetry import CallSpan, Telemetry
from qlf.llm.till import Job

if TYPE_CHECKING:
    from qlf.llm.cache import Cache

__all__ = ["Answer", "Check", "Gateway", "Source"]

Source = Literal["provider", "cache", "flight"]

_WHOLE = frozenset({StopReason.END, StopReason.STOP_SEQUENCE})
GRACE_SECONDS = 1.0
"""How much later than its deadline a call is cut off, so that the part that knows why speaks first."""

Check = Callable[[Reply], None]
"""Reads an answer with the contract it was asked under, and raises if it does not hold."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer, and how it came about."""

    reply: Reply
    model: str
    """The catalogue's name of the model that answered."""
    deployment: str
    source: Source
    attempts: int
    cost_micros: int
    """What this call cost, all attempts together, in USD micros; 0 from the cache."""
    notice: str | None = None
    """What the user should know, such as a retired name that was replaced."""
    worth_micros: int = 0
    """What the attempt that brought the answer cost, when it was made."""


class Gateway:
    """Calls to models. One gateway belongs to one event loop.

    Args:
        config: What is configured.
        scheduler: Hands out turns on the deployments of this configuration.
        sender: Makes attempts.
        cache: Answers that were paid for once; without it every call is asked anew.
        flights: Joins equal calls under way.
        telemetry: Where calls are traced.
        clock: The scheduler's clock.
        policy: When a failed attempt is repeated.
        today: The day on which ends of life are judged.
    """

    def __init__(
        self,
        config: GatewayConfig,
        scheduler: Scheduler,
        sender: Sender,
        cache: Cache | None,
        flights: Flights[Answer],
        telemetry: Telemetry,
        clock: Clock,
        *,
        policy: AttemptPolicy | None = None,
        today: Callable[[], date] = lambda: datetime.now(tz=UTC).date(),
    ) -> None:
        self.config = config
        self.scheduler = scheduler
        self.sender = sender
        self.cache = cache
        self._flights = flights
        self.telemetry = telemetry
        self.clock = clock
        self._policy = policy if policy is not None else AttemptPolicy()
        self._today = today
        self._resolved: dict[tuple[str, date], Resolved] = {}
        # One random part for all: a system call for each id would be felt.
        self._ids = secrets.token_hex(8)
        self._numbers = itertools.count(1)
        self._background: set[asyncio.Task[None]] = set()

    async def ask(self, call: Call, check: Check | None = None) -> Answer:
        """Answer a call.

        Args:
            call: What is asked, and how it is to be treated.
            check: Reads the answer; what it raises is raised here, and the answer is not kept.

        Raises:
            CallFailed: If no attempt brought an answer; holds all failures.
            BudgetRefused: If the call could pass a limit; nothing was sent.
            ProviderError: If the model, a price, a credential or the ledger is not there.
        """
        resolved = self.resolve(call.model)
        started = self.clock.now()
        span = self.telemetry.call(call, resolved.model, stream=False)
        try:
            with span.current():
                answer = await self._in_time(call, self._answer(call, resolved, started, check))
        except BaseException as error:
            span.failed(error, self.clock.now() - started)
            raise
        self._end(span, answer, started)
        return answer

    async def stream(self, call: Call, check: Check | None = None) -> AsyncGenerator[TextDelta | Answer]:
        """Answer a call piece by piece; the last item, and only the last, is the whole `Answer`.

        An attempt is repeated only before its first piece was handed on.

        Raises:
            As `ask`.
        """
        resolved = self.resolve(call.model)
        started = self.clock.now()
        span = self.telemetry.call(call, resolved.model, stream=True)
        try:
            key = key_of(call, resolved.model, resolved.quality_class)
            job = self._job(call, key, started)
            found = await self._find(key, resolved) if call.use_cache else None
            if found is not None:
                self._note_served(job, found, "cache")
                self._end(span, found, started)
                yield TextDelta(found.reply.text)
                yield found
                return
            with span.current():
                opened, lease = await self._open_stream(job, resolved)
            # Few layers: each costs microseconds for every piece of the answer.
            async with aclosing(self.sender.follow(opened)) as items:
                async for item in items:
                    if isinstance(item, TextDelta):
                        yield item
                    else:
                        answer = await self._finish(job, key, resolved, lease, item, check)
                        self._end(span, answer, started)
                        yield answer
        except BaseException as error:
            broken = _broken_off(error) if isinstance(error, Failure) else error
            if not span.ended:
                span.failed(broken, self.clock.now() - started)
            if broken is error:
                raise
            raise broken from error

    def resolve(self, name: str) -> Resolved:
        """What a name means today.

        Raises:
            ProviderError: If it means nothing here.
        """
        key = name, self._today()
        found = self._resolved.get(key)
        if found is None:
            found = self._resolved[key] = resolve(name, self.config, key[1])
        return found

    async def find(self, call: Call) -> Answer | None:
        """The answer that is kept for a call, if there is one. Nothing is asked.

        Raises:
            ProviderError: If the model means nothing here.
        """
        resolved = self.resolve(call.model)
        key = key_of(call, resolved.model, resolved.quality_class)
        found = await self._find(key, resolved)
        if found is not None:
            self._note_served(self._job(call, key, self.clock.now()), found, "cache")
        return found

    async def probe(self, deployment: Deployment) -> Reply:
        """Ask one deployment for one short answer, at once and whatever its state. It is paid and recorded.

        Raises:
            ProviderError: If it does not answer as it should.
        """
        return await self.sender.probe(deployment)

    async def aclose(self) -> None:
        """Wait for what is still being recorded, and close the connections."""
        await asyncio.gather(*self._background, return_exceptions=True)
        try:
            await self.sender.pool.aclose()
        finally:
            if self.cache is not None:
                await self.cache.aclose()

    async def _answer(self, call: Call, resolved: Resolved, started: float, check: Check | None) -> Answer:
        key = key_of(call, resolved.model, resolved.quality_class)
        job = self._job(call, key, started)

        async def find() -> Answer | None:
            return await self._find(key, resolved)

        async def make() -> Answer:
            return await self._make(job, key, resolved, check)

        if self.cache is None or not call.use_cache:
            return await make()
        # Joined before the cache is looked at: of many equal calls only one reads the disk.
        answer, source = await self._flights.run(key.digest, find, make)
        if source == "made":
            return answer
        self._note_served(job, answer, source)
        if source == "flight":
            # The JSON is the caller's own to change.
            reply = replace(answer.reply, data=deepcopy(answer.reply.data))
            return replace(answer, reply=reply, source="flight", attempts=0, cost_micros=0)
        return answer

    async def _find(self, key: CacheKey, resolved: Resolved) -> Answer | None:
        kept = await self.cache.find(key) if self.cache is not None else None
        if kept is None:
            return None
        return Answer(kept.reply(), kept.model, "", "cache", 0, 0, resolved.notice, kept.cost_micros)

    async def _make(self, job: Job, key: CacheKey, resolved: Resolved, check: Check | None) -> Answer:
        async def attempt(lease: Lease) -> tuple[Reply, Lease]:
            return await self.sender.complete(job, lease), lease

        reply, lease = await run_attempts(
            self.scheduler, self._need(job, resolved), attempt, self._policy, self.clock
        )
        return await self._finish(job, key, resolved, lease, reply, check)

    async def _open_stream(self, job: Job, resolved: Resolved) -> tuple[OpenStream, Lease]:
        async def attempt(lease: Lease) -> tuple[OpenStream, Lease]:
            return await self.sender.open_stream(job, lease), lease

        return await run_attempts(
            self.scheduler, self._need(job, resolved), attempt, self._policy, self.clock
        )

    async def _finish(
        self,
        job: Job,
        key: CacheKey,
        resolved: Resolved,
        lease: Lease,
        reply: Reply,
        check: Check | None,
    ) -> Answer:
        if check is not None:
            check(reply)
        model = lease.deployment.model
        if self.cache is not None and job.call.use_cache and reply.stop in _WHOLE:
            await self.cache.keep(key, CachedReply.of(reply, model=model, cost_micros=job.last_cost_micros))
        return Answer(
            reply,
            model,
            lease.deployment.name,
            "provider",
            job.attempts,
            job.cost_micros,
            resolved.notice,
            job.last_cost_micros,
        )

    def _job(self, call: Call, key: CacheKey, started: float) -> Job:
        seconds = call.deadline_seconds if call.deadline_seconds is not None else self.config.deadline_seconds
        return Job(
            call=call,
            id=f"{self._ids}-{next(self._numbers)}",
            request_digest=self.sender.till.digest(key.digest.encode()),
            deadline=started + seconds,
        )

    def _need(self, job: Job, resolved: Resolved) -> Need:
        call = job.call
        job.input_tokens, likely = token_bounds(call.request)
        costs = (
            {
                one.name: self.sender.till.pricing.worst_case_micros(
                    one, job.input_tokens, call.request.max_output_tokens
                )
                for one in resolved.candidates
            }
            if self.config.strategy == "lowest_cost"
            else {}
        )
        return Need(
            candidates=frozenset(one.name for one in resolved.candidates),
            # Money is reserved by the bound from above, room by what is likely: a bound three times too high
            # would leave two thirds of the limits unused.
            input_tokens=likely,
            output_tokens=call.request.max_output_tokens,
            tenant=call.attribution.tenant,
            priority=call.priority,
            deadline=job.deadline,
            costs=costs,
        )

    async def _in_time(self, call: Call, work: Awaitable[Answer]) -> Answer:
        """Bound what has no deadline of its own: waiting for another caller's equal call."""
        seconds = call.deadline_seconds if call.deadline_seconds is not None else self.config.deadline_seconds
        try:
            async with asyncio.timeout(seconds + GRACE_SECONDS):
                return await work
        except TimeoutError as error:
            raise DeadlineExceeded(
                f"the call was not answered within {seconds:.0f} s",
                hint="give it more time, or send fewer calls at once",
                waited_seconds=seconds,
            ) from error

    def _note_served(self, job: Job, answer: Answer, source: Literal["cache", "flight"]) -> None:
        served = Served(
            call=job.id,
            source=source,
            model=answer.model,
            attribution=job.call.attribution,
            saved_micros=answer.worth_micros,
            request_digest=job.request_digest,
        )
        # Nothing was spent, so nobody waits for the disk.
        task = asyncio.ensure_future(self.sender.till.books.served(served))
        self._background.add(task)
        task.add_done_callback(self._recorded)

    def _recorded(self, task: asyncio.Task[None]) -> None:
        self._background.discard(task)
        if not task.cancelled():
            # A ledger that cannot be written speaks up at the next call that costs something.
            task.exception()

    def _end(self, span: CallSpan, answer: Answer, started: float) -> None:
        reply = answer.reply
        span.answered(
            usage=reply.usage,
            model=reply.model or answer.model,
            response_id=reply.response_id,
            stop=reply.stop.value,
            cost_micros=answer.cost_micros,
            seconds=self.clock.now() - started,
            source=answer.source,
            attempts=answer.attempts,
            first_token_seconds=reply.first_token_seconds,
        )


def _broken_off(failure: Failure) -> CallFailed:
    return CallFailed(
        f"the answer broke off, and what was handed on cannot be taken back: {failure.message}",
        hint=failure.hint,
        attempts=(failure,),
    )
