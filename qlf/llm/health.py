"""How well deployments do: what traffic tells, and probes of those that get no traffic."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

from qlf.core.metering import Usage
from qlf.llm.breaker import BreakerState
from qlf.llm.clock import Clock
from qlf.llm.deployment import Deployment
from qlf.llm.failure import Failure, FailureKind

__all__ = ["DeploymentStatus", "Health", "Prober"]

RECENT = 128


@dataclass(frozen=True, slots=True)
class DeploymentStatus:
    """One deployment as it is now. Shares and percentiles are over its last 128 attempts."""

    name: str
    model: str
    state: BreakerState
    out: FailureKind | None
    """Why it is out until its configuration changes."""
    in_flight: int
    succeeded: int
    failed: int
    """Failures of any kind but refusals for lack of room."""
    throttled: int
    success_share: float | None
    """`None` before the first attempt ended. Refusals for lack of room do not count."""
    p50_seconds: float | None
    p95_seconds: float | None
    first_token_p50_seconds: float | None
    requests_per_minute: float | None
    """The pace that holds now; `None` when no limit is known."""
    tokens_per_minute: int | None
    tokens_in_use: int
    """Tokens that count against the last minute."""
    gated_seconds: float
    """For how long nothing is sent because the provider asked for it."""
    opened: int
    """How often its breaker opened."""
    last_failure: FailureKind | None


class Health:
    """What the traffic of one deployment tells."""

    def __init__(self) -> None:
        self.succeeded = 0
        self.failed = 0
        self.throttled = 0
        self.last_failure: FailureKind | None = None
        self._outcomes: deque[bool] = deque(maxlen=RECENT)
        self._seconds: deque[float] = deque(maxlen=RECENT)
        self._first: deque[float] = deque(maxlen=RECENT)

    def success(self, seconds: float, first_token_seconds: float | None) -> None:
        """An attempt was answered."""
        self.succeeded += 1
        self._outcomes.append(True)
        self._seconds.append(seconds)
        if first_token_seconds is not None:
            self._first.append(first_token_seconds)

    def failure(self, kind: FailureKind) -> None:
        """An attempt failed."""
        self.last_failure = kind
        if kind is FailureKind.THROTTLED:
            self.throttled += 1
        else:
            self.failed += 1
            self._outcomes.append(False)

    @property
    def success_share(self) -> float | None:
        """Share of answered attempts among the recent ones."""
        return self._outcomes.count(True) / len(self._outcomes) if self._outcomes else None

    def seconds(self, share: float) -> float | None:
        """The time within which this share of the recent answers came."""
        return _quantile(self._seconds, share)

    def first_token_seconds(self, share: float) -> float | None:
        """The same to the first token of streamed answers."""
        return _quantile(self._first, share)


def _quantile(values: deque[float], share: float) -> float | None:
    if not values:
        return None
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


class ProbeLease(Protocol):
    """The right to send one probe."""

    @property
    def deployment(self) -> Deployment:
        """What to probe."""
        ...

    def succeeded(self, usage: Usage, seconds: float) -> None:
        """It answered."""
        ...

    def failed(self, failure: Failure) -> None:
        """It did not."""
        ...

    def abandoned(self, *, sent: bool = True) -> None:
        """Nobody knows."""
        ...


class Probed(Protocol):
    """What a prober asks of the scheduler."""

    @property
    def clock(self) -> Clock:
        """Its clock."""
        ...

    def ailing(self) -> Sequence[str]:
        """Names of the deployments that wait for a probe."""
        ...

    def begin_probe(self, name: str) -> ProbeLease | None:
        """Take the place for the probe of a deployment; `None` when it is taken."""
        ...


class Prober:
    """Probes deployments whose breaker is open, so that they come back without traffic to try them.

    Use it as an async context manager. A deployment that does well again is back within one interval.

    Args:
        scheduler: The scheduler.
        probe: Sends the smallest possible request; raises `Failure` when that fails.
        interval: Seconds between two rounds.
        timeout: Seconds after which a probe has failed.
    """

    def __init__(
        self,
        scheduler: Probed,
        probe: Callable[[Deployment], Awaitable[None]],
        interval: float = 10.0,
        *,
        timeout: float = 30.0,
    ) -> None:
        self._scheduler = scheduler
        self._probe = probe
        self._interval = interval
        self._timeout = timeout
        self._rounds: asyncio.Task[None] | None = None
        self._probes: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._rounds = asyncio.create_task(self._run(), name="prober")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        tasks = [*self._probes, *([self._rounds] if self._rounds is not None else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def round(self) -> None:
        """Probe every deployment that waits for it, all at once, and wait for the results."""
        await asyncio.gather(*(self._one(name) for name in self._scheduler.ailing()))

    async def _run(self) -> None:
        clock = self._scheduler.clock
        while True:
            await clock.sleep(self._interval)
            for name in self._scheduler.ailing():
                task = asyncio.create_task(self._one(name), name=f"probe {name}")
                self._probes.add(task)
                task.add_done_callback(self._probed)

    def _probed(self, task: asyncio.Task[None]) -> None:
        self._probes.discard(task)
        if not task.cancelled():
            # A budget that is used up or a ledger that is full: the next call says so to its caller.
            task.exception()

    async def _one(self, name: str) -> None:
        lease = self._scheduler.begin_probe(name)
        if lease is None:
            return
        clock = self._scheduler.clock
        started = clock.now()
        try:
            await self._in_time(lease.deployment)
        except Failure as failure:
            lease.failed(failure)
        except BaseException:
            lease.abandoned()
            raise
        else:
            lease.succeeded(Usage(), clock.now() - started)

    async def _in_time(self, deployment: Deployment) -> None:
        probe = asyncio.ensure_future(self._probe(deployment))
        limit = asyncio.ensure_future(self._scheduler.clock.sleep(self._timeout))
        try:
            await asyncio.wait({probe, limit}, return_when=asyncio.FIRST_COMPLETED)
            if not probe.done():
                message = f"A probe of deployment {deployment.name!r} got no answer in {self._timeout:g} s."
                raise Failure(FailureKind.TIMEOUT, message)
            probe.result()
        finally:
            probe.cancel()
            limit.cancel()
            await asyncio.gather(probe, limit, return_exceptions=True)
