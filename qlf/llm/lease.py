"""What a call needs, and the right to send one request that it gets."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType, TracebackType
from typing import Self

from qlf.core.metering import Usage
from qlf.errors import InternalError
from qlf.llm.clock import Clock
from qlf.llm.deployment import Deployment
from qlf.llm.failure import CallFailed, Failure
from qlf.llm.pacing import Reservation
from qlf.llm.reply import RateReport
from qlf.llm.request import Priority
from qlf.llm.seat import Seat

__all__ = ["DeadlineExceeded", "Lease", "Need", "NoDeployment"]

_NO_COSTS: Mapping[str, int] = MappingProxyType({})
_NO_NAMES: frozenset[str] = frozenset()
_NO_RATES = RateReport()


class DeadlineExceeded(CallFailed):
    """The deadline of a call passed while it waited for its turn.

    Args:
        message: One sentence.
        waited_seconds: How long it waited.
        limits: What held it back, one phrase for each deployment.
        attempts: The attempts before, when it waited to be sent once more.
    """

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        waited_seconds: float = 0.0,
        limits: tuple[str, ...] = (),
        attempts: tuple[Failure, ...] = (),
    ) -> None:
        super().__init__(message, hint=hint, attempts=attempts)
        self.waited_seconds = waited_seconds
        self.limits = limits


class NoDeployment(CallFailed):
    """No deployment can ever serve a call: none is configured, all are out, or it is too large for each."""


@dataclass(frozen=True, slots=True)
class Need:
    """What a call needs."""

    candidates: frozenset[str]
    """Names of the deployments that may serve it; never another one does."""
    input_tokens: int = 0
    """Estimate."""
    output_tokens: int = 0
    """The most that may come back; each deployment's burn-down rate is applied to it."""
    tenant: str = ""
    priority: Priority = "normal"
    deadline: float = math.inf
    """Clock time by which the request must be on its way."""
    costs: Mapping[str, int] = field(default_factory=lambda: _NO_COSTS)
    """USD micros by candidate, for the strategy `lowest_cost`; a candidate without one comes last."""
    avoid: frozenset[str] = _NO_NAMES
    """Candidates that are used only while no other one is well, or none will have room soon."""


class Lease:
    """The right to send one request to one deployment. Ends with exactly one of its three reports.

    As a context manager it is abandoned at the end of the block unless something was reported.
    """

    __slots__ = (
        "_clock",
        "_released",
        "_reservation",
        "_seat",
        "deployment",
        "leased_at",
        "open",
        "probe",
        "waited_seconds",
    )

    def __init__(
        self,
        seat: Seat,
        reservation: Reservation,
        clock: Clock,
        released: Callable[[Seat], None],
        waited_seconds: float,
        *,
        probe: bool,
    ) -> None:
        self._seat = seat
        self._reservation = reservation
        self._clock = clock
        self._released = released
        self.deployment: Deployment = seat.deployment
        self.leased_at = reservation.at
        self.waited_seconds = waited_seconds
        self.probe = probe
        """Whether it is the one request that a half-open breaker lets through."""
        self.open = True
        """Whether nothing was reported yet."""

    def succeeded(
        self,
        usage: Usage | None,
        seconds: float,
        first_token_seconds: float | None = None,
        rates: RateReport = _NO_RATES,
    ) -> None:
        """A whole answer came back.

        Args:
            usage: What the provider counted; `None` when it counted nothing: the estimate stands then.
            seconds: From sending to the end of the answer.
            first_token_seconds: From sending to the first text of a streamed answer.
            rates: What the provider said of its limits.
        """
        self._end()
        now = self._clock.now()
        self._seat.succeeded(
            self._reservation, usage, seconds, first_token_seconds, rates, now, probe=self.probe
        )
        self._released(self._seat)

    def failed(self, failure: Failure) -> None:
        """The attempt failed."""
        self._end()
        self._seat.failed(self._reservation, failure, self._clock.now(), probe=self.probe)
        self._released(self._seat)

    def abandoned(self, *, sent: bool = True) -> None:
        """Nobody waits for the answer any more.

        Args:
            sent: Whether the request may have left. If not, it does not count against any limit either.
        """
        self._end()
        self._seat.abandoned(self._reservation, sent=sent, probe=self.probe)
        self._released(self._seat)

    def _end(self) -> None:
        if not self.open:
            raise InternalError(f"A lease of deployment {self.deployment.name!r} was reported on twice.")
        self.open = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.open:
            self.abandoned()
