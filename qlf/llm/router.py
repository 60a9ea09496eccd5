"""Which of several deployments with room gets a request.

Each strategy depends on nothing but what happened before: the same events give the same choices.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, Protocol, TypeVar

__all__ = ["STRATEGIES", "Choice", "Latency", "Strategy", "chooser"]

Strategy = Literal["round_robin", "least_busy", "lowest_latency", "lowest_cost"]
STRATEGIES: tuple[Strategy, ...] = ("round_robin", "least_busy", "lowest_latency", "lowest_cost")

LEAST_TOKENS = 16
"""Shorter answers are mostly overhead: their time is not divided any further."""
SETTLE_SECONDS = 15.0
"""How long a slow answer weighs while quicker ones come in."""
FORGET_SECONDS = 30.0
"""How long a measurement holds without a new one, so that a deployment that was slow is tried again."""


class Latency:
    """Seconds per output token: jumps to a slow answer at once, comes down slowly, fades unused."""

    __slots__ = ("_at", "_value")

    def __init__(self) -> None:
        self._value: float | None = None
        self._at = 0.0

    def observe(self, seconds: float, output_tokens: int, now: float) -> None:
        """Take in one answer."""
        sample = seconds / max(output_tokens, LEAST_TOKENS)
        known = self._value
        if known is None or sample >= known:
            self._value = sample
        else:
            keep = math.exp((self._at - now) / SETTLE_SECONDS)
            self._value = sample + (known - sample) * keep
        self._at = now

    def expected(self, now: float) -> float | None:
        """What to expect now; `None` before the first answer."""
        if self._value is None:
            return None
        return self._value * math.exp((self._at - now) / FORGET_SECONDS)


class Choice(Protocol):
    """What a strategy looks at."""

    name: str
    index: int
    """Place in the configuration; decides when nothing else does."""
    in_flight: int
    weight: float
    """How much it can take compared with the others."""
    last_used: int
    """Number of the last request it was given, over all deployments."""
    latency: Latency


C = TypeVar("C", bound=Choice)
Chooser = Callable[[Sequence[C], Mapping[str, int], float], C]


def chooser(strategy: Strategy) -> Chooser[C]:
    """The function that picks one of several deployments that have room.

    It takes the deployments, the cost of the request at each (USD micros), and the clock time. A strategy
    chooses among those that have room now: a cheaper or quicker one that has none is not waited for.
    """
    chosen: Mapping[Strategy, Chooser[C]] = {
        "round_robin": _round_robin,
        "least_busy": _least_busy,
        "lowest_latency": _lowest_latency,
        "lowest_cost": _lowest_cost,
    }
    return chosen[strategy]


def _busy(choice: Choice) -> tuple[float, int, int]:
    return (choice.in_flight / choice.weight, choice.last_used, choice.index)


def _round_robin(choices: Sequence[C], costs: Mapping[str, int], now: float) -> C:  # noqa: ARG001
    return min(choices, key=lambda choice: (choice.last_used, choice.index))


def _least_busy(choices: Sequence[C], costs: Mapping[str, int], now: float) -> C:  # noqa: ARG001
    return min(choices, key=_busy)


def _lowest_latency(choices: Sequence[C], costs: Mapping[str, int], now: float) -> C:  # noqa: ARG001
    expected = {choice.index: choice.latency.expected(now) for choice in choices}
    # A deployment never seen counts as good as the best: it is tried, but not by everybody at once.
    best = min((value for value in expected.values() if value is not None), default=1.0)

    def rank(choice: C) -> tuple[float, int, int]:
        known = expected[choice.index]
        return ((best if known is None else known) * (choice.in_flight + 1), choice.last_used, choice.index)

    return min(choices, key=rank)


def _lowest_cost(choices: Sequence[C], costs: Mapping[str, int], now: float) -> C:  # noqa: ARG001
    return min(choices, key=lambda choice: (costs.get(choice.name, math.inf), *_busy(choice)))
