"""Books, adapters and places that remember what was done with them."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from qlf.core.metering import Attribution, Intent, Outcome, Ticket, Usage
from qlf.llm.attempt import Sender
from qlf.llm.deployment import Deployment, Provider
from qlf.llm.model import Adapter
from qlf.llm.pool import AdapterPool
from qlf.llm.reply import Reply, StopReason
from qlf.llm.request import Call, Message, ModelRequest
from qlf.llm.telemetry import Telemetry
from qlf.llm.till import Job, Till

HERE = Provider("here", "openai_compatible", "http://127.0.0.1:1/v1")
PLACE = Deployment("a", HERE, "gpt-4.1", "gpt-4.1")


class Clock:
    """Stands still until a test moves it."""

    def __init__(self) -> None:
        self.time = 100.0

    def now(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.time += seconds
        await asyncio.sleep(0)


@dataclass
class Books:
    """Books in memory; settling twice is an error, as in the real ones."""

    opened: dict[int, Intent] = field(default_factory=dict)
    closed: dict[int, Outcome] = field(default_factory=dict)
    gate: asyncio.Event | None = None
    """Everything waits for it, if there is one."""
    fail_closing: Exception | None = None
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    _numbers: Any = field(default_factory=lambda: itertools.count(1))

    async def open(self, intent: Intent) -> Ticket:
        if self.gate is not None:
            await self.gate.wait()
        number = next(self._numbers)
        self.opened[number] = intent
        return Ticket(number, intent.reserve_micros)

    async def close(self, ticket: Ticket, outcome: Outcome) -> None:
        assert ticket.id not in self.closed, "settled twice"
        self.closed[ticket.id] = outcome
        self.closing.set()
        if self.gate is not None:
            await self.gate.wait()
        if self.fail_closing is not None:
            raise self.fail_closing

    async def served(self, served: object) -> None:
        raise AssertionError("nothing is served here")

    @property
    def outcome(self) -> Outcome:
        (one,) = self.closed.values()
        assert len(self.opened) == 1
        return one


class Pricing:
    """A micro for a token of input, ten for one of output."""

    def worst_case_micros(
        self, deployment: Deployment, input_tokens: int, max_output_tokens: int, **_: object
    ) -> int:
        return input_tokens + 10 * max_output_tokens

    def cost_micros(self, deployment: Deployment, usage: Usage, **_: object) -> int:
        if usage.cache_read_tokens > usage.input_tokens:
            raise ValueError("the usage contradicts itself")
        return usage.input_tokens + 10 * usage.output_tokens


class Place:
    """A lease that counts its reports."""

    def __init__(self, deployment: Deployment = PLACE) -> None:
        self.deployment = deployment
        self.waited_seconds = 0.0
        self.reports: list[str] = []

    def _report(self, what: str) -> None:
        assert not self.reports, f"reported on twice: {self.reports} and {what}"
        self.reports.append(what)

    def succeeded(self, *_: object) -> None:
        self._report("succeeded")

    def failed(self, _: object) -> None:
        self._report("failed")

    def abandoned(self) -> None:
        self._report("abandoned")


class Scripted:
    """An adapter that does what it was made to do."""

    def __init__(self, complete: Callable[[], Any] | None = None, items: tuple[Any, ...] = ()) -> None:
        self._complete = complete
        self._items = items
        self.closed = False
        self.begun = asyncio.Event()

    async def complete(self, deployment: Deployment, request: ModelRequest, timeout_seconds: float) -> Reply:
        self.begun.set()
        made = self._complete() if self._complete is not None else reply()
        if asyncio.iscoroutine(made):
            made = await made
        if isinstance(made, BaseException):
            raise made
        return made

    async def stream(self, deployment: Deployment, request: ModelRequest, timeout_seconds: float):
        for item in self._items:
            if isinstance(item, BaseException):
                raise item
            if callable(item):
                await item()
            else:
                yield item

    async def aclose(self) -> None:
        self.closed = True


def reply(**changes: Any) -> Reply:
    made = {"text": "Hello", "stop": StopReason.END, "usage": Usage(40, 5), "model": "gpt-4.1"}
    return Reply(**{**made, **changes})


class Rig:
    """A sender with everything around it within reach."""

    def __init__(self, adapter: Adapter | None = None) -> None:
        self.books, self.clock = Books(), Clock()
        self.adapter = adapter if adapter is not None else Scripted()
        self.till = Till(self.books, Pricing(), "prices", self.clock, b"k" * 32)
        self.pool = AdapterPool(lambda _: None, lambda *_: self.adapter, self.clock)
        self.sender = Sender(
            self.till, self.pool, lambda _, name: name in ("", "gpt-4.1"), Telemetry(), self.clock
        )
        self.place = Place()

    def job(self, *, deadline: float = 1000.0) -> Job:
        call = Call(ModelRequest((Message("user", "Hi"),), 20), "gpt-4.1", Attribution(run="r"))
        return Job(call, "c-1", "digest", deadline, input_tokens=100)


@pytest.fixture
def rig() -> Callable[..., Rig]:
    return Rig


@pytest.fixture
def scripted() -> Callable[..., Scripted]:
    return Scripted


@pytest.fixture
def said() -> Callable[..., Reply]:
    return reply
