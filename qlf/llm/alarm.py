"""One timer that is set again and again: wakes once, at the earliest moment asked for."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable

from qlf.llm.clock import Clock

__all__ = ["Alarm"]

SLACK_SECONDS = 1e-6
"""It sleeps this much longer than computed, so that rounding never wakes it early."""


class Alarm:
    """Calls `ring` at a time of the clock.

    Args:
        clock: What it sleeps on.
        ring: Called without arguments; may set the alarm again.
    """

    def __init__(self, clock: Clock, ring: Callable[[], None]) -> None:
        self._clock = clock
        self._ring = ring
        self._task: asyncio.Task[None] | None = None
        self._at = math.inf

    @property
    def is_set(self) -> bool:
        """Whether a task sleeps for it."""
        return self._task is not None

    def set(self, at: float, now: float) -> None:
        """Ring at `at` or earlier: an early one costs a look around, a late one would cost a turn."""
        if self._at <= at:
            return
        self.stop()
        self._at = at
        self._task = asyncio.get_running_loop().create_task(self._sleep(at - now), name="alarm")

    def stop(self) -> None:
        """Ring no more."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
            self._at = math.inf

    async def _sleep(self, seconds: float) -> None:
        await self._clock.sleep(max(seconds, 0.0) + SLACK_SECONDS)
        self._task = None
        self._at = math.inf
        self._ring()
