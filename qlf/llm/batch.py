"""Many calls at once that nobody waits for: by the batch API of a provider at its lower price, or one by one.

    report = await run_batch(gateway, calls, on_done=show, prefer="auto", deadline_seconds=86_400)

Each call ends exactly once, in an answer or in an error. What is kept in the cache is not sent, equal calls
are sent once. A batch that has not ended at the deadline, or when this process ends, goes on at the provider;
the same calls asked again collect its answers, and nothing is paid twice.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Coroutine, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qlf.errors import BudgetRefused, LedgerUnavailable, OutputError, ProviderError
from qlf.llm.batch_api import BatchLimits
from qlf.llm.batch_collect import BatchCollector, BatchRuns
from qlf.llm.batch_plan import Preference, Route, route
from qlf.llm.batch_send import BatchSender
from qlf.llm.batch_state import BatchFolder, Line, Pending
from qlf.llm.gateway import Answer
from qlf.llm.reply import StopReason
from qlf.llm.request import Call

if TYPE_CHECKING:
    from qlf.llm.gateway import Gateway

__all__ = ["BatchLimits", "BatchReport", "BatchRuns", "OnDone", "run_batch"]

OnDone = Callable[[int, "Answer | ProviderError"], None]
"""Told of each call, by its place, what came of it."""

_WHOLE = frozenset({StopReason.END, StopReason.STOP_SEQUENCE})
_FOLDER = "batches"
_MESSAGES = 5


@dataclass(frozen=True, slots=True)
class BatchReport:
    """What became of all calls."""

    asked: int
    """Calls that a provider answered for this run, directly or in a batch."""
    batched: int
    """Those of them that a batch API answered."""
    kept_before: int
    """Calls whose answer was there already, or came from an equal call of the same run."""
    cut: int
    """Of those asked, the answers that are not whole, and so not kept: cut off at their length, refused."""
    failed: int
    waiting: int
    """Calls whose batch has not ended. They are none of those that failed."""
    cost_micros: int
    """What was settled in this run, failures too."""
    errors: tuple[tuple[str, int], ...] = ()
    """What went wrong, the most frequent first, each with how often."""


async def run_batch(
    gateway: Gateway,
    calls: Sequence[Call],
    *,
    on_done: OnDone,
    prefer: Preference = "auto",
    deadline_seconds: float = 86_400.0,
    folder: Path | None = None,
    limits: BatchLimits | None = None,
    at_once: int = 16,
    say: Callable[[str], None] | None = None,
) -> BatchReport:
    """Answer calls, in whatever order their answers come.

    Args:
        gateway: Whose deployments, ledger and cache.
        calls: What to ask. All of them wait behind other work.
        on_done: Told of each call once.
        prefer: Whether batch APIs are used.
        deadline_seconds: How long to wait for batches, and for direct calls to begin.
        folder: Where batches are written down; beside the cache's entries without it. Deleting it while a
            batch is under way loses the answers, and what they may cost stays reserved.
        limits: How large a batch may be.
        at_once: How many calls are asked directly at a time.
        say: Told in a sentence how far batches are, and what is wrong in the folder.

    Raises:
        OutputError: If a batch cannot be written down. It was not sent.
        ValueError: If batches are wanted and there is neither a folder nor a cache.
    """
    cache = gateway.cache
    if folder is None and cache is not None:
        folder = cache.folder / _FOLDER
    if folder is None:
        if prefer != "direct":
            raise ValueError("without a cache a folder has to be named in which batches are written down")
        folder = Path(_FOLDER)
    run = _Run(gateway, calls, on_done, BatchFolder(folder, gateway.clock), say or _silent)
    run.deadline = gateway.clock.now() + deadline_seconds
    direct, batched = await run.plan(prefer)
    await _together(
        run.ask_all(direct, at_once),
        run.batch_all(batched, limits if limits is not None else BatchLimits()),
    )
    return run.report()


class _Run:
    """One run of `run_batch`."""

    def __init__(
        self,
        gateway: Gateway,
        calls: Sequence[Call],
        on_done: OnDone,
        folder: BatchFolder,
        say: Callable[[str], None],
    ) -> None:
        self.deadline = 0.0
        self._gateway = gateway
        self._calls = calls
        self._on_done = on_done
        self._folder = folder
        self._say = say
        self._started = gateway.clock.now()
        self._waiting: dict[str, list[int]] = defaultdict(list)
        """The places of calls that a batch is to answer, by digest."""
        self._routes: dict[str, Route] = {}
        self._counts: Counter[str] = Counter()
        self._errors: Counter[str] = Counter()
        self._cost = 0

    async def plan(self, prefer: Preference) -> tuple[list[int], list[Route]]:
        """The places of calls to ask directly, and the ways of those for batches, each once."""
        direct: list[int] = []
        pricing = self._gateway.sender.till.pricing
        for place, call in enumerate(self._calls):
            try:
                found = route(call, self._gateway.resolve(call.model), pricing, prefer)
            except ProviderError as error:
                self._end(place, error)
                continue
            if found.batch is None:
                direct.append(place)
                continue
            self._routes.setdefault(found.key.digest, found)
            self._waiting[found.key.digest].append(place)
        return direct, list(self._routes.values())

    async def ask_all(self, places: list[int], at_once: int) -> None:
        """Ask calls one by one. When money or ledger give out, those that follow are not asked."""
        left = iter(places)
        over: list[ProviderError] = []

        async def work() -> None:
            for place in left:
                if over:
                    self._end(place, over[0])
                    continue
                try:
                    answer = await self._gateway.ask(self._background(self._calls[place]))
                except (BudgetRefused, LedgerUnavailable) as error:
                    over.append(error)
                    self._end(place, error)
                except ProviderError as error:
                    self._end(place, error)
                else:
                    self._cost += answer.cost_micros
                    self._end(place, answer)

        await _together(*(work() for _ in range(min(at_once, len(places)))))

    async def batch_all(self, routes: list[Route], limits: BatchLimits) -> None:
        """Send what no batch is under way for, and collect everything."""
        if not routes:
            return
        async with self._folder.alone("send", self.deadline) as alone:
            if not alone:
                raise OutputError(
                    f"the folder {str(self._folder.path)!r} of batches cannot be locked",
                    hint="make it writable; if another process is sending batches, wait for it",
                )
            under_way = self._load()
            known = {line.digest for one in under_way for line in one.lines}
            sent = await self._send([one for one in routes if one.key.digest not in known], limits)
        collector = BatchCollector(self._gateway, self._folder, self._deliver, self._say)
        await _together(*(self._collect(collector, one) for one in (*under_way, *sent)))
        for digest in list(self._waiting):
            # Another process collected it meanwhile.
            error = ProviderError(
                "another run collected the batch of this call without an answer to it", hint="ask it again"
            )
            await self._finish(digest, None, error)

    def _load(self) -> list[Pending]:
        under_way, problems = self._folder.load()
        for problem in problems:
            self._say(problem)
        return under_way

    async def _send(self, routes: list[Route], limits: BatchLimits) -> list[Pending]:
        by_deployment: dict[str, list[Route]] = defaultdict(list)
        for one in routes:
            if not await self._is_kept(one.key.digest):
                assert one.batch is not None
                by_deployment[one.batch.name].append(one)
        sender = BatchSender(self._gateway, self._folder, limits, self._refused)
        sent: list[Pending] = []
        for chosen in by_deployment.values():
            deployment = chosen[0].batch
            assert deployment is not None
            sent += await sender.send(deployment, chosen)
        return sent

    async def _collect(self, collector: BatchCollector, pending: Pending) -> None:
        mine = [line.digest for line in pending.lines if line.digest in self._waiting]
        # A batch of other calls is only looked at, so that it does not stay behind for ever.
        deadline = self.deadline if mine else self._gateway.clock.now()
        try:
            await collector.collect(pending, deadline)
        except ProviderError as error:
            for digest in mine:
                await self._finish(digest, None, error)

    async def _is_kept(self, digest: str) -> bool:
        """Answer the equal calls under this digest from the cache, if they can be."""
        places = self._waiting[digest]
        while places:
            found = await self._gateway.find(self._calls[places[0]])
            if found is None:
                return False
            self._end(places.pop(0), found)
        del self._waiting[digest]
        return True

    async def _refused(self, digest: str, error: ProviderError) -> None:
        await self._finish(digest, None, error)

    async def _deliver(self, line: Line, result: Answer | ProviderError, cost: int) -> None:
        self._cost += cost
        if isinstance(result, Answer):
            await self._finish(line.digest, result, None)
        else:
            await self._finish(line.digest, None, result)

    async def _finish(self, digest: str, answer: Answer | None, error: ProviderError | None) -> None:
        """End all equal calls under this digest; the first has paid for the others."""
        places = self._waiting.pop(digest, [])
        if answer is not None and places:
            answer = replace(answer, notice=self._routes[digest].resolved.notice)
            self._trace(self._calls[places[0]], answer)
            self._counts["batched"] += 1
            self._end(places.pop(0), answer)
        for place in places:
            found = await self._gateway.find(self._calls[place])
            if found is not None:
                self._end(place, found)
            elif answer is not None:
                # The JSON is the caller's own to change.
                reply = replace(answer.reply, data=deepcopy(answer.reply.data))
                self._end(place, replace(answer, reply=reply, source="flight", attempts=0, cost_micros=0))
            elif error is not None:
                self._end(place, error)

    def _trace(self, call: Call, answer: Answer) -> None:
        reply = answer.reply
        span = self._gateway.telemetry.call(call, answer.model, stream=False)
        span.answered(
            usage=reply.usage,
            model=reply.model or answer.model,
            response_id=reply.response_id,
            stop=reply.stop.value,
            cost_micros=answer.cost_micros,
            seconds=self._gateway.clock.now() - self._started,
            source=answer.source,
            attempts=answer.attempts,
            first_token_seconds=None,
        )

    def _background(self, call: Call) -> Call:
        left = max(0.001, self.deadline - self._gateway.clock.now())
        seconds = call.deadline_seconds
        seconds = seconds if seconds is not None else self._gateway.config.deadline_seconds
        return replace(call, priority="background", deadline_seconds=min(seconds, left))

    def _end(self, place: int, result: Answer | ProviderError) -> None:
        if isinstance(result, Answer):
            self._counts[result.source] += 1
            self._counts["cut"] += result.source == "provider" and result.reply.stop not in _WHOLE
        elif isinstance(result, BatchRuns):
            self._counts["waiting"] += 1
        else:
            self._errors[result.message] += 1
        self._on_done(place, result)

    def report(self) -> BatchReport:
        """What became of all calls."""
        counts = self._counts
        return BatchReport(
            asked=counts["provider"],
            batched=counts["batched"],
            kept_before=counts["cache"] + counts["flight"],
            cut=counts["cut"],
            failed=self._errors.total(),
            waiting=counts["waiting"],
            cost_micros=self._cost,
            errors=tuple(self._errors.most_common(_MESSAGES)),
        )


async def _together(*work: Coroutine[Any, Any, None]) -> None:
    """Do all of it at once. What one of them raises ends the others, and is raised as it is."""
    try:
        async with asyncio.TaskGroup() as group:
            for one in work:
                group.create_task(one)
    except BaseExceptionGroup as stopped:
        raise stopped.exceptions[0] from None


def _silent(_: str) -> None:
    """Nobody listens."""
