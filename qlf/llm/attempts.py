"""Whether a call is sent once more after a failure, and the loop that does it.

What cannot be helped by sending the same again is never sent again. What can is bounded four ways: by the
deadline, by a number of attempts, by a single repetition of what timed out (it may be charged twice), and by
a budget over all calls, so that a provider that is down does not get more requests than one that is well.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from qlf.errors import ProviderError
from qlf.llm.clock import Clock
from qlf.llm.failure import CallFailed, Failure, FailureKind
from qlf.llm.lease import DeadlineExceeded, Lease, Need, NoDeployment
from qlf.llm.scheduler import Scheduler

__all__ = ["AttemptPolicy", "RetryBudget", "Verdict", "run_attempts"]

T = TypeVar("T")


class RetryBudget:
    """How many repetitions all calls together may still make.

    Each call adds a share of one, each repetition takes one.

    Args:
        share: Repetitions for each call, over time. Faults on a fifth of all attempts take a quarter.
        least: Repetitions that are free at the beginning.
        most: What quiet times can save up.
    """

    def __init__(self, share: float = 0.5, least: float = 20.0, most: float = 200.0) -> None:
        self._share = share
        self._most = most
        self._left = least

    @property
    def left(self) -> float:
        """Repetitions that may be made now."""
        return self._left

    def add(self) -> None:
        """A call begins."""
        self._left = min(self._most, self._left + self._share)

    def take(self) -> bool:
        """Use one repetition; `False` if none is left."""
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True


@dataclasses.dataclass(frozen=True, slots=True)
class Verdict:
    """What follows from a failure."""

    retry: bool
    avoid_seconds: float = 0.0
    """For how long this call prefers other deployments to the one that failed."""
    reason: str = ""
    """Why it gives up, as a clause."""


@dataclasses.dataclass(frozen=True, slots=True)
class AttemptPolicy:
    """Decides after each failure of a call. The same failures give the same decisions.

    Refusals for lack of room (429) are no attempts: nothing was worked on, and the gate of the deployment
    spaces them out. They are bounded by the deadline, and by `most_refusals` where there is none.
    """

    most_attempts: int = 8
    most_timeouts: int = 2
    """Attempts that may time out; each of them may be charged."""
    most_refusals: int = 100
    avoid_seconds: float = 5.0
    """Doubles with each failed attempt of the call."""
    longest_avoid_seconds: float = 60.0
    budget: RetryBudget = dataclasses.field(default_factory=RetryBudget)
    """Shared by all calls under this policy."""

    def decide(self, failures: Sequence[Failure], *, now: float, deadline: float) -> Verdict:
        """What to do after the last of these failures of one call.

        Args:
            failures: All of them, in order.
            now: Clock time.
            deadline: Clock time.
        """
        last = failures[-1]
        if not last.retryable and not last.elsewhere:
            return Verdict(retry=False, reason="sending the same again cannot help")
        if now >= deadline:
            return Verdict(retry=False, reason="its deadline passed")
        if last.kind is FailureKind.THROTTLED:
            if sum(failure.kind is FailureKind.THROTTLED for failure in failures) >= self.most_refusals:
                return Verdict(retry=False, reason=f"it was refused {self.most_refusals} times")
            return Verdict(retry=True)
        if last.elsewhere:
            # The deployment is out of the running: no storm can come of it.
            return Verdict(retry=True, avoid_seconds=math.inf)
        tried = sum(failure.kind is not FailureKind.THROTTLED and failure.retryable for failure in failures)
        if tried >= self.most_attempts:
            return Verdict(retry=False, reason=f"{tried} attempts are the most for one call")
        if last.kind is FailureKind.TIMEOUT:
            timeouts = sum(failure.kind is FailureKind.TIMEOUT for failure in failures)
            if timeouts >= self.most_timeouts:
                return Verdict(retry=False, reason=f"{timeouts} attempts timed out, and each may be charged")
        if not self.budget.take():
            return Verdict(retry=False, reason="too many calls are being repeated already")
        avoid = min(self.longest_avoid_seconds, self.avoid_seconds * 2.0 ** (tried - 1))
        return Verdict(retry=True, avoid_seconds=avoid)


async def run_attempts(
    scheduler: Scheduler,
    need: Need,
    attempt: Callable[[Lease], Awaitable[T]],
    policy: AttemptPolicy,
    clock: Clock,
) -> T:
    """Wait for a turn, make an attempt, and repeat it as the policy says.

    Args:
        scheduler: Where the turns come from.
        need: What the call needs; the same for all its attempts.
        attempt: Makes one attempt. When it returns, the lease is its own: it has reported on it, or will at
            the end of a stream. When it raises a `Failure`, that is reported here unless it was already.
        policy: What follows from a failure.
        clock: The clock that `need.deadline` is given in.

    Raises:
        CallFailed: When it gives up; holds all failures.
        DeadlineExceeded: When the deadline passes while it waits; holds the failures before.
        NoDeployment: When no deployment can serve it, any more or ever; holds the failures before.
        ProviderError: Whatever else the attempt raises; it was not sent then.
    """
    policy.budget.add()
    failures: list[Failure] = []
    avoid: dict[str, float] = {}
    while True:
        lease = await _next_lease(scheduler, need, avoid, failures, clock)
        try:
            return await attempt(lease)
        except Failure as failure:
            if lease.open:
                lease.failed(failure)
            failures.append(failure)
            verdict = policy.decide(failures, now=clock.now(), deadline=need.deadline)
            if not verdict.retry:
                raise _gave_up(failures, verdict) from failure
            if verdict.avoid_seconds:
                avoid[lease.deployment.name] = clock.now() + verdict.avoid_seconds
        except ProviderError:
            # Budget, ledger and keys refuse before anything is sent.
            if lease.open:
                lease.abandoned(sent=False)
            raise
        except BaseException:
            if lease.open:
                lease.abandoned()
            raise


async def _next_lease(
    scheduler: Scheduler, need: Need, avoid: dict[str, float], failures: list[Failure], clock: Clock
) -> Lease:
    if avoid:
        now = clock.now()
        names = need.avoid | {name for name, until in avoid.items() if until > now}
        need = dataclasses.replace(need, avoid=names)
    try:
        return await scheduler.lease(need)
    except (DeadlineExceeded, NoDeployment) as error:
        error.attempts = tuple(failures)
        if failures:
            raise error from failures[-1]
        raise


def _gave_up(failures: list[Failure], verdict: Verdict) -> CallFailed:
    last = failures[-1]
    count = "1 attempt" if len(failures) == 1 else f"{len(failures)} attempts"
    message = f"The call failed after {count}, because {verdict.reason}; the last one: {last.message}"
    return CallFailed(message, hint=last.hint, attempts=tuple(failures))
