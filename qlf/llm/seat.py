"""One deployment as the scheduler sees it: its pace, breaker, latency and health together."""

from __future__ import annotations

import math

from qlf.core.metering import Usage
from qlf.llm.breaker import Breaker, BreakerPolicy
from qlf.llm.deployment import Deployment
from qlf.llm.failure import Failure, FailureKind
from qlf.llm.health import DeploymentStatus, Health
from qlf.llm.pacing import Pace, PacePolicy, Reservation
from qlf.llm.reply import RateReport
from qlf.llm.router import Latency

__all__ = ["Seat"]


class Seat:
    """The state of one deployment."""

    def __init__(
        self,
        deployment: Deployment,
        index: int,
        weight: float,
        pace: PacePolicy | None = None,
        breaker: BreakerPolicy | None = None,
    ) -> None:
        self.deployment = deployment
        self.name = deployment.name
        self.index = index
        self.weight = weight
        self.in_flight = 0
        self.last_used = 0
        self.pace = Pace(deployment, pace)
        self.breaker = Breaker(breaker)
        self.latency = Latency()
        self.health = Health()
        self._most = deployment.concurrency if deployment.concurrency is not None else math.inf
        self._burndown = deployment.output_burndown
        # Bedrock does not count what was read from its prompt cache.
        self._cache_reads_count = deployment.provider.kind != "bedrock"

    def tokens(self, input_tokens: int, output_tokens: int) -> int:
        """Tokens of quota that a request takes."""
        return input_tokens + output_tokens * self._burndown

    def well(self, now: float) -> bool:
        """Whether traffic may go there as far as its health is concerned, room or not."""
        return self.breaker.closed or self.breaker.ready_at <= now

    def free_at(self, input_tokens: int, output_tokens: int, now: float) -> float:
        """From when such a request may be sent; infinite when something else must happen first."""
        if self.in_flight >= self._most:
            return math.inf
        at = self.pace.free_at(input_tokens + output_tokens * self._burndown, now)
        return at if self.breaker.closed else max(at, self.breaker.ready_at)

    def short_of_tokens(self, input_tokens: int, output_tokens: int, now: float) -> bool:
        """Whether tokens are what such a request lacks."""
        return self.pace.tokens_short(self.tokens(input_tokens, output_tokens), now)

    def never(self, input_tokens: int, output_tokens: int) -> str | None:
        """Why such a request can never be sent; `None` if it can."""
        if self.breaker.out is not None:
            return f"deployment {self.name!r} is out until its configuration changes ({self.breaker.out})"
        tokens = self.tokens(input_tokens, output_tokens)
        if self.pace.fits(tokens):
            return None
        return (
            f"the request counts as {tokens:,} tokens, "
            f"and deployment {self.name!r} takes {self.pace.tokens_limit:,} per minute"
        )

    def held_by(self, input_tokens: int, output_tokens: int, now: float) -> str:
        """What such a request waits for, in words for a person."""
        reason = self.never(input_tokens, output_tokens)
        if reason is not None:
            return reason
        if not self.well(now):
            return f"deployment {self.name!r} keeps failing and waits for a probe"
        if self.in_flight >= self._most:
            return f"deployment {self.name!r} is held by its {self._most:g} requests at once"
        hold = self.pace.hold(self.tokens(input_tokens, output_tokens), now)
        if hold is None:
            return f"deployment {self.name!r} has room, but others were first"
        return f"deployment {self.name!r} is held by {hold.limit}"

    def succeeded(
        self,
        reservation: Reservation,
        usage: Usage | None,
        seconds: float,
        first_token_seconds: float | None,
        rates: RateReport,
        now: float,
        *,
        probe: bool,
    ) -> None:
        """A request was answered."""
        if usage is not None:
            reads = 0 if self._cache_reads_count else usage.cache_read_tokens
            self.pace.settle(
                reservation, self.tokens(max(0, usage.input_tokens - reads), usage.output_tokens)
            )
            self.latency.observe(seconds, usage.output_tokens, now)
        self.pace.answered(reservation)
        self.pace.learn(rates, reservation, now)
        self.breaker.answered(probe=probe)
        self.health.success(seconds, first_token_seconds)

    def failed(self, reservation: Reservation, failure: Failure, now: float, *, probe: bool) -> None:
        """A request failed."""
        unreachable = failure.kind is FailureKind.UNAVAILABLE and failure.status is None and not failure.sent
        if unreachable or failure.kind is FailureKind.THROTTLED:
            # Any other answer came from a provider that may have counted the tokens.
            self.pace.refund(reservation)
        self.pace.learn(failure.rates, reservation, now)
        if failure.kind is FailureKind.THROTTLED:
            self.pace.refused(reservation, failure.retry_after_seconds, now)
        elif failure.retry_after_seconds is not None:
            self.pace.asked_to_wait(failure.retry_after_seconds, now)
        self.breaker.failed(failure.kind, now, probe=probe)
        self.health.failure(failure.kind)

    def abandoned(self, reservation: Reservation, *, sent: bool, probe: bool) -> None:
        """A request ended without an answer to learn from."""
        if not sent:
            self.pace.give_back(reservation)
        self.breaker.abandoned(probe=probe)

    def status(self, now: float) -> DeploymentStatus:
        """How it is now."""
        health, pace = self.health, self.pace
        return DeploymentStatus(
            name=self.name,
            model=self.deployment.model,
            state=self.breaker.state,
            out=self.breaker.out,
            in_flight=self.in_flight,
            succeeded=health.succeeded,
            failed=health.failed,
            throttled=health.throttled,
            success_share=health.success_share,
            p50_seconds=health.seconds(0.5),
            p95_seconds=health.seconds(0.95),
            first_token_p50_seconds=health.first_token_seconds(0.5),
            requests_per_minute=pace.requests_per_minute,
            tokens_per_minute=pace.tokens_per_minute,
            tokens_in_use=pace.tokens_in_use(now),
            gated_seconds=max(0.0, pace.gate_until - now),
            opened=self.breaker.opened,
            last_failure=health.last_failure,
        )
