"""Rate limits as providers enforce them, and what they say of them."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Literal

from qlf.llm.fake.script import Limits

__all__ = ["Limiter", "Verdict"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one request, and what is left after it."""

    passed: bool
    what: Literal["requests", "tokens"] = "requests"
    """The limit that was met."""
    wait_seconds: float = 0.0
    """Until the same request would pass; a whole window for one that is larger than the limit."""
    requests_left: int | None = None
    requests_reset: float = 0.0
    """Seconds until the whole limit is free again."""
    tokens_left: int | None = None
    tokens_reset: float = 0.0


class _Meter:
    """One limit: so many units for each window."""

    def __init__(self, per_minute: int, window: float, method: str) -> None:
        self.room = max(1, int(per_minute * window / 60))
        self._rate = self.room / window
        self._window = window
        self._method = method
        self._since = -1.0
        self._used = 0.0
        self._log: deque[tuple[float, int]] = deque()

    def advance(self, now: float) -> None:
        if self._method == "fixed_window":
            start = now // self._window
            if start != self._since:
                self._since, self._used = start, 0.0
        elif self._method == "sliding_window":
            while self._log and self._log[0][0] <= now - self._window:
                self._used -= self._log.popleft()[1]
        else:
            if self._since >= 0:
                self._used = max(0.0, self._used - (now - self._since) * self._rate)
            self._since = now

    def left(self) -> int:
        return max(0, int(self.room - self._used + 1e-9))

    def take(self, now: float, units: int) -> None:
        self._used += units
        if self._method == "sliding_window":
            self._log.append((now, units))

    def wait(self, now: float, units: int) -> float:
        """Seconds until `units` would fit."""
        if self._method == "fixed_window":
            return (self._since + 1) * self._window - now
        if self._method == "token_bucket":
            return max(0.0, self._used + min(units, self.room) - self.room) / self._rate
        free = self.room - self._used
        for at, size in self._log:
            if free >= units:
                break
            free += size
            if free >= units:
                return at + self._window - now
        return 0.0 if self.room - self._used >= units else self._window

    def reset(self, now: float) -> float:
        """Seconds until nothing is used."""
        if self._used <= 0:
            return 0.0
        if self._method == "fixed_window":
            return (self._since + 1) * self._window - now
        if self._method == "token_bucket":
            return self._used / self._rate
        return self._log[-1][0] + self._window - now if self._log else 0.0


class Limiter:
    """The limits of one deployment.

    Args:
        limits: From the script.
        refund: Whether what was reserved and not used is given back.
    """

    def __init__(self, limits: Limits, *, refund: bool) -> None:
        self._limits = limits
        self._refund = refund if limits.refund is None else limits.refund
        method = limits.method
        self._requests = (
            _Meter(limits.requests_per_minute, limits.window_seconds, method)
            if limits.requests_per_minute
            else None
        )
        self._tokens = (
            _Meter(limits.tokens_per_minute, limits.token_window_seconds, method)
            if limits.tokens_per_minute
            else None
        )

    @property
    def limits_any(self) -> bool:
        """Whether there is any limit."""
        return self._requests is not None or self._tokens is not None

    def admit(self, now: float, *, input_tokens: int, max_output: int) -> Verdict:
        """Take one request and its tokens, or refuse it.

        Args:
            now: Seconds of any clock.
            input_tokens: Of the request.
            max_output: The most that may be answered.
        """
        requests, tokens = self._requests, self._tokens
        units = self._units(input_tokens, max_output)
        if requests is not None:
            requests.advance(now)
        if tokens is not None:
            tokens.advance(now)
        if requests is not None and requests.left() < 1:
            if self._limits.count_refused:
                requests.take(now, 1)
            return self._verdict(now, passed=False, what="requests", wait=requests.wait(now, 1))
        if tokens is not None and tokens.left() < units:
            return self._verdict(now, passed=False, what="tokens", wait=tokens.wait(now, units))
        if requests is not None:
            requests.take(now, 1)
        if tokens is not None:
            tokens.take(now, units)
        return self._verdict(now, passed=True, what="requests", wait=0.0)

    def settle(self, now: float, *, input_tokens: int, max_output: int, output: int) -> None:
        """Give back what was reserved and not used, where the provider does so."""
        if self._refund and self._tokens is not None:
            self._tokens.take(now, self._units(input_tokens, output) - self._units(input_tokens, max_output))

    def _units(self, input_tokens: int, output: int) -> int:
        return input_tokens + output * self._limits.output_burndown

    def _verdict(
        self, now: float, *, passed: bool, what: Literal["requests", "tokens"], wait: float
    ) -> Verdict:
        requests, tokens = self._requests, self._tokens
        return Verdict(
            passed=passed,
            what=what,
            wait_seconds=wait,
            requests_left=requests.left() if requests is not None else None,
            requests_reset=requests.reset(now) if requests is not None else 0.0,
            tokens_left=tokens.left() if tokens is not None else None,
            tokens_reset=tokens.reset(now) if tokens is not None else 0.0,
        )
