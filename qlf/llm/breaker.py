"""A circuit breaker: a deployment that keeps failing gets no traffic until a probe finds it well.

Closed lets everything through, open nothing, half-open one probe at a time. Refusals for lack of room (429)
never open it: they are a matter of pace.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import Literal

from qlf.llm.failure import FailureKind

__all__ = ["Breaker", "BreakerPolicy", "BreakerState"]

BreakerState = Literal["closed", "open", "half_open", "out"]

_COUNTS = frozenset(
    {
        FailureKind.UNAVAILABLE,
        FailureKind.TIMEOUT,
        FailureKind.CUT,
        FailureKind.MALFORMED,
        FailureKind.WRONG_MODEL,
    }
)
_MISCONFIGURED = frozenset({FailureKind.AUTH, FailureKind.NOT_FOUND})


@dataclass(frozen=True, slots=True)
class BreakerPolicy:
    """When a breaker opens and when it lets a probe through."""

    consecutive: int = 2
    """Failures in a row that open it."""
    share: float = 0.5
    """Share of failures among the last `window` outcomes that opens it too."""
    window: int = 20
    window_least: int = 10
    """Fewer outcomes than this say nothing about a share."""
    first_probe_seconds: float = 1.0
    """From opening to the first probe; doubles with each probe that fails, up to `probe_seconds`."""
    probe_seconds: float = 10.0
    """The probe interval: a deployment that is well again is found within it."""


class Breaker:
    """The breaker of one deployment."""

    def __init__(self, policy: BreakerPolicy | None = None) -> None:
        self._policy = policy if policy is not None else BreakerPolicy()
        self._open = False
        self._probing = False
        self._out: FailureKind | None = None
        self._probe_at = -math.inf
        self._interval = self._policy.first_probe_seconds
        self._in_a_row = 0
        self._recent: deque[bool] = deque(maxlen=self._policy.window)
        self.opened = 0
        """How often it opened."""

    @property
    def state(self) -> BreakerState:
        """Where it stands."""
        if self._out is not None:
            return "out"
        if self._open:
            return "half_open" if self._probing else "open"
        return "closed"

    @property
    def closed(self) -> bool:
        """Whether traffic flows."""
        return not self._open and self._out is None

    @property
    def out(self) -> FailureKind | None:
        """Why the deployment is out until its configuration changes; `None` when it is not."""
        return self._out

    @property
    def ready_at(self) -> float:
        """Clock time from which a request may go through: long past, the next probe, or never."""
        if self._out is not None or self._probing:
            return math.inf
        return self._probe_at if self._open else -math.inf

    def begin_probe(self) -> bool:
        """Take the one place for a probe; `False` when it is taken or nothing needs probing."""
        if not self._open or self._probing or self._out is not None:
            return False
        self._probing = True
        return True

    def answered(self, *, probe: bool) -> None:
        """The provider answered as it should, if only to say that the request is wrong."""
        if probe:
            self._probing = False
            self._close()
        elif not self._open:
            self._in_a_row = 0
            self._recent.append(True)

    def failed(self, kind: FailureKind, now: float, *, probe: bool) -> None:
        """An attempt failed. Failures of requests from before it opened change nothing any more."""
        if kind in _MISCONFIGURED:
            self._probing = self._probing and not probe
            self._out = kind
            return
        if kind is FailureKind.THROTTLED:
            if probe:
                self.answered(probe=True)
            return
        if kind not in _COUNTS:
            self.answered(probe=probe)
            return
        if probe:
            self._probing = False
            self._interval = min(self._interval * 2, self._policy.probe_seconds)
            self._probe_at = now + self._interval
        elif not self._open:
            self._in_a_row += 1
            self._recent.append(False)
            if self._in_a_row >= self._policy.consecutive or self._mostly_failing():
                self._trip(now)

    def abandoned(self, *, probe: bool) -> None:
        """A request ended without telling anything; the place for a probe is free again."""
        if probe:
            self._probing = False

    def reinstate(self) -> None:
        """The configuration changed: forget everything that was held against it."""
        self._out = None
        self._probing = False
        self._close()

    def _mostly_failing(self) -> bool:
        seen = len(self._recent)
        return seen >= self._policy.window_least and self._recent.count(False) >= self._policy.share * seen

    def _trip(self, now: float) -> None:
        self._open = True
        self._interval = min(self._policy.first_probe_seconds, self._policy.probe_seconds)
        self._probe_at = now + self._interval
        self.opened += 1

    def _close(self) -> None:
        self._open = False
        self._in_a_row = 0
        self._recent.clear()
