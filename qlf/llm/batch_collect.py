"""Collecting a batch: wait for its end, read every line once, settle it, keep its answer."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from qlf.core.metering import Outcome, Usage
from qlf.errors import InternalError, ProviderError
from qlf.llm.batch_api import BatchApi, LineResult, RemoteBatch
from qlf.llm.batch_send import batches_of, give_back
from qlf.llm.batch_state import BatchFolder, Line, Pending
from qlf.llm.cache import CachedReply
from qlf.llm.deployment import BatchOffer, Deployment
from qlf.llm.failure import CallFailed, Failure, FailureKind
from qlf.llm.gateway import Answer
from qlf.llm.reply import Reply, StopReason
from qlf.llm.till import failed_outcome

if TYPE_CHECKING:
    from qlf.llm.gateway import Gateway

__all__ = ["BatchCollector", "BatchRuns", "Deliver"]

_WHOLE = frozenset({StopReason.END, StopReason.STOP_SEQUENCE})
_FIRST_WAIT = 1.0
_LONGEST_WAIT = 60.0
_AT_ONCE = 64
_READS = 3

Deliver = Callable[[Line, "Answer | ProviderError", int], Coroutine[Any, Any, None]]
"""Told of each line what came of it and what that cost, in USD micros."""


class BatchRuns(ProviderError):
    """A batch has not ended yet: what it brings can be collected later, and is paid once."""


@dataclass(slots=True)
class _Open:
    """A batch that is being collected."""

    pending: Pending
    deployment: Deployment
    left: dict[str, Line]


class BatchCollector:
    """Collects batches for one run.

    Args:
        gateway: Whose deployments, ledger, cache and clock.
        folder: Where batches are written down.
        deliver: Told of every line.
        say: Told in a sentence how far a batch is.
    """

    def __init__(
        self, gateway: Gateway, folder: BatchFolder, deliver: Deliver, say: Callable[[str], None]
    ) -> None:
        self._gateway = gateway
        self._folder = folder
        self._deliver = deliver
        self._say = say
        self._till = gateway.sender.till

    async def collect(self, pending: Pending, deadline: float) -> None:
        """Wait for the end of a batch and settle it. Does nothing if another process did.

        Args:
            pending: Which.
            deadline: Clock time; until then it is waited for.

        Raises:
            BatchRuns: If it does not end before the deadline, or another process waits for it.
            ProviderError: If it cannot be collected now. It stays written down.
        """
        async with self._folder.alone(pending.id, deadline) as alone:
            if not self._folder.holds(pending):
                return
            if not alone:
                raise _runs(pending, "is being collected by another process")
            deployment = self._deployment(pending)
            found = await self._begun(pending, deployment)
            if found is None:
                return
            opened = _Open(found, deployment, {line.id: line for line in found.lines})
            remote = await self._ended(opened, deadline)
            if remote is None:
                await self._all(opened, _lost(deployment))
            else:
                await self._settle_all(opened, remote)
            self._folder.remove(found)
            await self._tidy(opened, remote)

    def _deployment(self, pending: Pending) -> Deployment:
        """The deployment as it was when the batch was sent."""
        found = self._gateway.config.deployment(pending.deployment)
        if found.model != pending.model:
            raise ProviderError(
                f"the deployment {found.name!r} was of {pending.model} when a batch was sent to it",
                hint="give it its model back until the batch is collected",
            )
        return replace(found, batch=BatchOffer(pending.remote, pending.price))

    async def _begun(self, pending: Pending, deployment: Deployment) -> Pending | None:
        """The batch with its id; nothing if it turns out that the provider never began it."""
        if pending.batch:
            return pending
        api, _ = await batches_of(self._gateway, deployment)
        remote = await api.find(deployment, pending.id)
        if remote is not None:
            found = replace(pending, batch=remote.id)
            await asyncio.to_thread(self._folder.save, found)
            return found
        await give_back(self._gateway, self._folder, pending, api, deployment)
        failure = Failure(FailureKind.UNAVAILABLE, f"{deployment.name!r} never began the batch", sent=False)
        for line in pending.lines:
            await self._deliver(line, _call_failed(failure), 0)
        return None

    async def _ended(self, opened: _Open, deadline: float) -> RemoteBatch | None:
        """The batch once it has ended; nothing if the provider knows it no more."""
        pending, deployment, clock = opened.pending, opened.deployment, self._gateway.clock
        wait, refusals, said = _FIRST_WAIT, 0, ""
        while True:
            pause = 0.0
            try:
                # Asked for each time: a wait of hours can outlive a credential.
                api, _ = await batches_of(self._gateway, deployment)
                remote = await api.look(deployment, pending.batch)
            except Failure as failure:
                if failure.kind is FailureKind.NOT_FOUND:
                    return None
                refusals += failure.kind is FailureKind.AUTH
                if failure.kind is FailureKind.AUTH:
                    self._gateway.sender.pool.refused(deployment.provider)
                if refusals > 1 or not (failure.retryable or failure.kind is FailureKind.AUTH):
                    raise
                pause = failure.retry_after_seconds or 0.0
            else:
                refusals = 0
                if remote.status != "running":
                    return remote
                text = f"{remote.done} of {remote.total or len(pending.lines)} lines done"
                if text != said:
                    said = text
                    self._say(f"batch {pending.batch} at {deployment.name}: {text}")
            left = deadline - clock.now()
            if left <= 0:
                raise _runs(pending, "has not ended yet")
            await clock.sleep(min(left, max(wait, pause)))
            wait = min(wait * 1.5, _LONGEST_WAIT)

    async def _settle_all(self, opened: _Open, remote: RemoteBatch) -> None:
        deployment = opened.deployment
        api, _ = await batches_of(self._gateway, deployment)
        for number in range(1, _READS + 1):
            try:
                for file in remote.files:
                    await self._read(api, opened, file)
                break
            except Failure as failure:
                if number == _READS or not failure.retryable:
                    raise
                # Lines that were read already are no longer in `left`, and not settled twice.
                await self._gateway.clock.sleep(max(float(number), failure.retry_after_seconds or 0.0))
        if opened.left:
            await self._all(opened, _without_result(deployment, remote))

    async def _read(self, api: BatchApi, opened: _Open, file: str) -> None:
        waiting: list[tuple[Line, LineResult]] = []
        try:
            async with contextlib.aclosing(api.results(opened.deployment, file)) as results:
                async for result in results:
                    line = opened.left.pop(result.id, None)
                    if line is None:
                        continue
                    waiting.append((line, result))
                    if len(waiting) >= _AT_ONCE:
                        part, waiting = waiting, []
                        await self._settle_some(opened, part)
        finally:
            # Also when the file broke off: what was read of it is whole.
            await self._settle_some(opened, waiting)

    async def _settle_some(self, opened: _Open, lines: list[tuple[Line, LineResult]]) -> None:
        done = await asyncio.gather(
            *(self._settle(opened.deployment, line, result) for line, result in lines), return_exceptions=True
        )
        for error in done:
            if error is not None:
                raise error

    async def _all(self, opened: _Open, failure: Failure) -> None:
        lines = [opened.left.pop(name) for name in list(opened.left)]
        for start in range(0, len(lines), _AT_ONCE):
            part = [(line, LineResult(line.id, failure=failure)) for line in lines[start : start + _AT_ONCE]]
            await self._settle_some(opened, part)

    async def _settle(self, deployment: Deployment, line: Line, result: LineResult) -> None:
        reserve = line.ticket.reserve_micros
        try:
            reply = self._checked(deployment, line, result)
        except Failure as failure:
            if failure.usage is not None:
                cost = self._cost(deployment, failure.usage, reserve)
            else:
                cost = reserve if failure.sent else 0
            await self._close(line, failed_outcome(failure, cost))
            await self._deliver(line, _call_failed(failure), cost)
            return
        cost = self._cost(deployment, reply.usage, reserve) if reply.usage_reported else reserve
        await self._close(line, self._till.answered(reply, cost, 0.0))
        cache, model = self._gateway.cache, deployment.model
        if cache is not None and reply.stop in _WHOLE:
            await cache.keep(line.key(), CachedReply.of(reply, model=model, cost_micros=cost))
        answer = Answer(reply, model, deployment.name, "provider", 1, cost, worth_micros=cost)
        await self._deliver(line, answer, cost)

    def _checked(self, deployment: Deployment, line: Line, result: LineResult) -> Reply:
        """The reply of a line, held to what every reply is held to.

        Raises:
            Failure: If there is none, or it does not hold.
        """
        from qlf.llm.adapters.schema import checked

        if result.reply is None:
            assert result.failure is not None
            raise result.failure
        self._gateway.sender.check_model(deployment, result.reply)
        return checked(result.reply, line.schema, deployment)

    def _cost(self, deployment: Deployment, usage: Usage, reserve: int) -> int:
        try:
            return self._till.pricing.cost_micros(deployment, usage, batch=True)
        except ValueError:
            # The provider's counts contradict themselves; less than the reservation cannot be shown.
            return reserve

    async def _close(self, line: Line, outcome: Outcome) -> None:
        # A process that ended while it collected has settled a part of the lines already.
        with contextlib.suppress(InternalError):
            await self._till.books.close(line.ticket, outcome)

    async def _tidy(self, opened: _Open, remote: RemoteBatch | None) -> None:
        """Delete the files at the provider: they hold prompts and answers, and nobody needs them any more."""
        names = [opened.pending.file, *(remote.files if remote is not None else ())]
        with contextlib.suppress(ProviderError):
            api, _ = await batches_of(self._gateway, opened.deployment)
            for name in filter(None, names):
                await api.remove(opened.deployment, name)


def _runs(pending: Pending, what: str) -> BatchRuns:
    return BatchRuns(
        f"the batch {pending.batch or pending.id} at {pending.deployment!r} {what}",
        hint="it goes on by itself; ask the same calls again later to collect its answers",
    )


def _lost(deployment: Deployment) -> Failure:
    what = f"{deployment.name!r} knows the batch no more; what it may have cost stays charged"
    return Failure(FailureKind.NOT_FOUND, what, sent=True)


def _without_result(deployment: Deployment, remote: RemoteBatch) -> Failure:
    """The failure of all lines that the files of an ended batch do not speak of."""
    name = repr(deployment.name)
    if remote.status == "failed":
        reason = f" ({remote.problem})" if remote.problem else ""
        what = f"{name} did not begin the batch{reason}"
        hint = "send fewer calls at a time, or ask directly"
        return Failure(FailureKind.BAD_REQUEST, what, hint=hint, sent=False)
    if remote.status == "completed":
        return Failure(FailureKind.MALFORMED, f"{name} left a line of the batch without result", sent=True)
    what = f"the batch at {name} {remote.status} before this line was worked on"
    return Failure(FailureKind.UNAVAILABLE, what, hint="ask it again", sent=False)


def _call_failed(failure: Failure) -> CallFailed:
    return CallFailed(
        f"the call failed in its batch: {failure.message}", hint=failure.hint, attempts=(failure,)
    )
