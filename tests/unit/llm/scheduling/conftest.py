"""A clock that only moves when nothing else can, and providers that enforce limits and fail on it."""

from __future__ import annotations

import asyncio
import math
import random
import selectors
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, TypeVar

import pytest

from qlf.core.metering import Usage
from qlf.llm.deployment import Deployment, Provider
from qlf.llm.failure import Failure, FailureKind
from qlf.llm.lease import Lease
from qlf.llm.reply import RateReport

T = TypeVar("T")

LONGEST_SECONDS = 10_000_000.0


class _JumpingSelector(selectors.SelectSelector):
    """Instead of waiting for time to pass, moves the clock."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready:
            assert timeout is not None, "everything waits, and no timer is set: somebody was forgotten"
            self._clock.time += timeout
            assert self._clock.time < LONGEST_SECONDS, "this goes on for ever"
        return ready


class VirtualClock:
    """Time that passes only when every task waits; asyncio's own timers keep it too."""

    def __init__(self, start: float = 1000.0) -> None:
        self.time = start

    def now(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def loop(self) -> asyncio.AbstractEventLoop:
        loop = asyncio.SelectorEventLoop(_JumpingSelector(self))
        loop.time = self.now  # type: ignore[method-assign]
        return loop


def run(scenario: Callable[[VirtualClock], Awaitable[T]]) -> T:
    """Run a scenario to its end in no time; nothing may be left running."""
    clock = VirtualClock()

    async def main() -> T:
        result = await scenario(clock)
        for _ in range(3):
            await asyncio.sleep(0)
        left = asyncio.all_tasks() - {asyncio.current_task()}
        assert not left, f"left running: {left}"
        return result

    with asyncio.Runner(loop_factory=clock.loop) as runner:
        return runner.run(main())


def deployment(name: str = "a", kind: Any = "azure_openai", **limits: Any) -> Deployment:
    """A deployment with these limits."""
    return Deployment(name, Provider(f"p-{name}", kind), "some-model", f"remote-{name}", **limits)


class _Meter:
    """Units in a window, counted in one of three ways."""

    def __init__(self, room: float, seconds: float, method: str) -> None:
        self.room, self.seconds, self.method = room, seconds, method
        self.log: deque[list[float]] = deque()
        self.level, self.at = 0.0, -math.inf

    def used(self, now: float) -> float:
        if self.method == "bucket":
            self.level = max(0.0, self.level - (now - self.at) * self.room / self.seconds)
            self.at = now
            return self.level
        start = now // self.seconds * self.seconds if self.method == "fixed" else now - self.seconds
        while self.log and (self.log[0][0] < start if self.method == "fixed" else self.log[0][0] <= start):
            self.log.popleft()
        return sum(units for _, units in self.log)

    def fits(self, units: float, now: float) -> bool:
        return self.used(now) + units <= self.room + 1e-6

    def add(self, units: float, now: float) -> None:
        self.used(now)
        self.level += units
        self.log.append([now, units])

    def wait(self, units: float, now: float) -> float:
        if self.method == "fixed":
            return (now // self.seconds + 1) * self.seconds - now
        over = self.used(now) + units - self.room
        if self.method == "bucket":
            return over * self.seconds / self.room
        for at, size in self.log:
            over -= size
            if over <= 1e-6:
                return at + self.seconds - now
        return self.seconds


@dataclass
class SimulatedProvider:
    """One deployment at a provider: limits, latency and faults."""

    clock: VirtualClock
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    method: str = "sliding"
    whole: Callable[[float], int] = math.ceil
    retry_after: bool = True
    seconds: float = 0.5
    burndown: int = 1
    refunds: bool = False
    faults: float = 0.0
    fault_kinds: tuple[FailureKind, ...] = (FailureKind.UNAVAILABLE,)
    seed: int = 0
    reports: bool = False
    down: bool = False
    served: int = 0
    refused: int = 0
    failed: int = 0
    in_flight: int = 0
    most_in_flight: int = 0
    served_at: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self.limit(self.requests_per_minute, self.tokens_per_minute)

    def limit(self, requests_per_minute: int | None, tokens_per_minute: int | None = None) -> None:
        """Set the limits, also in the middle of a run."""
        self.requests_per_minute, self.tokens_per_minute = requests_per_minute, tokens_per_minute
        self._requests: list[_Meter] = []
        if requests_per_minute is not None:
            self._requests = [
                _Meter(max(1, self.whole(round(requests_per_minute * s / 60, 6))), s, self.method)
                for s in (1.0, 10.0)
            ]
        self._tokens = _Meter(tokens_per_minute, 60.0, self.method) if tokens_per_minute else None

    def _report(self, now: float) -> RateReport:
        if not self.reports:
            return RateReport()
        return RateReport(
            requests_limit=self.requests_per_minute,
            tokens_limit=self.tokens_per_minute,
            tokens_remaining=int(self._tokens.room - self._tokens.used(now)) if self._tokens else None,
        )

    async def call(self, input_tokens: int = 0, most_output: int = 0, output: int = 0) -> Usage:
        """One request."""
        if self.down:
            await self.clock.sleep(0.01)
            self.failed += 1
            raise Failure(FailureKind.UNAVAILABLE, "connection refused")
        now = self.clock.now()
        units = input_tokens + most_output * self.burndown
        for meter, amount in (*((m, 1) for m in self._requests), (self._tokens, units)):
            if meter is not None and not meter.fits(amount, now):
                self.refused += 1
                wait = meter.wait(amount, now) if self.retry_after else None
                raise Failure(
                    FailureKind.THROTTLED, "too many", retry_after_seconds=wait, rates=self._report(now)
                )
        for meter in self._requests:
            meter.add(1, now)
        if self._tokens is not None:
            self._tokens.add(units, now)
            entry = self._tokens.log[-1]
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            if self._random.random() < self.faults:
                await self.clock.sleep(self.seconds / 2)
                self.failed += 1
                kind = self._random.choice(self.fault_kinds)
                raise Failure(kind, "a fault", status=503 if kind is FailureKind.UNAVAILABLE else None)
            await self.clock.sleep(self.seconds)
        finally:
            self.in_flight -= 1
        if self._tokens is not None and self.refunds:
            entry[1] = input_tokens + output * self.burndown
        self.served += 1
        self.served_at.append(self.clock.now())
        return Usage(input_tokens, output)

    async def attempt(
        self, lease: Lease, input_tokens: int = 0, most_output: int = 0, output: int = 0
    ) -> str:
        """One request under a lease, reported on."""
        started = self.clock.now()
        usage = await self.call(input_tokens, most_output, output)
        lease.succeeded(usage, self.clock.now() - started, rates=self._report(self.clock.now()))
        return lease.deployment.name


@pytest.fixture(scope="session")
def lab() -> SimpleNamespace:
    """The clock, the runner, and the makers of deployments and providers."""
    return SimpleNamespace(
        VirtualClock=VirtualClock, run=run, deployment=deployment, Provider=SimulatedProvider
    )
