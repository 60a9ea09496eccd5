"""What is sent once more, what is not, and what a call that gives up says."""

from __future__ import annotations

import asyncio
import math

import pytest

from qlf.core.metering import Usage
from qlf.errors import BudgetRefused, ProviderError
from qlf.llm.attempts import AttemptPolicy, RetryBudget, run_attempts
from qlf.llm.failure import CallFailed, Failure, FailureKind
from qlf.llm.scheduler import DeadlineExceeded, Need, NoDeployment, Scheduler


def failures(*kinds):
    return [Failure(FailureKind(kind), f"it was {kind}") for kind in kinds]


def decide(*kinds, now=0.0, deadline=600.0, **policy):
    return AttemptPolicy(**policy).decide(failures(*kinds), now=now, deadline=deadline)


@pytest.mark.parametrize("kind", ["schema", "filtered", "bad_request", "too_long"])
def test_what_the_same_request_cannot_mend_is_not_sent_again(kind):
    verdict = decide(kind)
    assert not verdict.retry
    assert "cannot help" in verdict.reason


@pytest.mark.parametrize("kind", ["unavailable", "timeout", "cut", "malformed", "wrong_model"])
def test_what_may_be_mended_is_sent_again_elsewhere_first(kind):
    verdict = decide(kind)
    assert verdict.retry
    assert verdict.avoid_seconds == 5.0


@pytest.mark.parametrize("kind", ["auth", "not_found"])
def test_a_misconfigured_deployment_is_avoided_for_good(kind):
    assert decide(kind).avoid_seconds == math.inf


def test_avoiding_grows_with_each_failure_up_to_a_minute():
    assert [decide(*["cut"] * count).avoid_seconds for count in range(1, 8)] == [5, 10, 20, 40, 60, 60, 60]


def test_attempts_are_limited():
    assert decide(*["unavailable"] * 7).retry
    verdict = decide(*["unavailable"] * 8)
    assert not verdict.retry
    assert "8 attempts" in verdict.reason


def test_what_timed_out_is_repeated_once_at_most():
    assert decide("timeout").retry
    assert decide("timeout", "unavailable").retry
    verdict = decide("timeout", "unavailable", "timeout")
    assert not verdict.retry
    assert "charged" in verdict.reason


def test_refusals_for_lack_of_room_are_no_attempts_but_end_too():
    assert decide(*["throttled"] * 99).retry
    assert not decide(*["throttled"] * 100).retry
    assert decide(*["throttled"] * 50, *["cut"] * 7).retry


def test_nothing_is_sent_again_after_the_deadline():
    assert not decide("unavailable", now=600.0).retry


def test_all_calls_together_repeat_no_more_than_their_budget():
    budget = RetryBudget(share=0.5, least=3, most=10)
    policy = AttemptPolicy(budget=budget)
    assert [policy.decide(failures("cut"), now=0, deadline=9).retry for _ in range(4)] == [True] * 3 + [False]
    for _ in range(4):
        budget.add()
    assert [policy.decide(failures("cut"), now=0, deadline=9).retry for _ in range(3)] == [True, True, False]
    for _ in range(1000):
        budget.add()
    assert budget.left == 10


def test_a_spent_budget_does_not_stop_what_costs_nothing():
    policy = AttemptPolicy(budget=RetryBudget(least=0))
    assert policy.decide(failures("throttled"), now=0, deadline=9).retry
    assert policy.decide(failures("auth"), now=0, deadline=9).retry
    assert not policy.decide(failures("cut"), now=0, deadline=9).retry


def scripted(clock, script, used):
    """An attempt that fails as the script says and then answers."""

    async def attempt(lease):
        used.append((lease.deployment.name, clock.now()))
        await clock.sleep(0.1)
        step = script.pop(0) if script else None
        if isinstance(step, BaseException):
            raise step
        lease.succeeded(Usage(), 0.1)
        return "answer"

    return attempt


def call(lab, *script, names="ab", deadline=600.0, **policy):
    """Run one call; what it returned or raised, and where it was sent."""

    async def scenario(clock):
        scheduler = Scheduler([lab.deployment(name) for name in names], clock)
        used = []
        need = Need(frozenset(names), deadline=clock.now() + deadline)
        attempt = scripted(clock, list(script), used)
        try:
            result = await run_attempts(scheduler, need, attempt, AttemptPolicy(**policy), clock)
        except ProviderError as error:
            result = error
        assert scheduler.idle
        return result, [name for name, _ in used], scheduler.snapshot()

    return lab.run(scenario)


def test_the_first_answer_is_the_result(lab):
    result, used, _ = call(lab)
    assert (result, used) == ("answer", ["a"])


def test_after_a_failure_another_deployment_is_asked(lab):
    result, used, _ = call(lab, *failures("unavailable", "cut"))
    assert result == "answer"
    assert used[:2] == ["a", "b"]


def test_the_cheapest_is_avoided_after_it_failed_this_call(lab):
    async def scenario(clock):
        scheduler = Scheduler([lab.deployment("a"), lab.deployment("b")], clock, strategy="lowest_cost")
        used = []
        need = Need(frozenset("ab"), costs={"a": 1, "b": 2})
        attempt = scripted(clock, failures("malformed"), used)
        await run_attempts(scheduler, need, attempt, AttemptPolicy(), clock)
        await run_attempts(scheduler, need, attempt, AttemptPolicy(), clock)
        assert [name for name, _ in used] == ["a", "b", "a"]

    lab.run(scenario)


def test_a_single_deployment_is_asked_again(lab):
    result, used, _ = call(lab, *failures("unavailable", "cut"), names="a")
    assert (result, used) == ("answer", ["a"] * 3)


def test_giving_up_tells_all_attempts_and_the_last_cause(lab):
    result, used, _ = call(lab, *failures("unavailable", "schema"))
    assert type(result) is CallFailed
    assert [failure.kind for failure in result.attempts] == ["unavailable", "schema"]
    assert "2 attempts" in str(result)
    assert "it was schema" in str(result)
    assert result.__cause__ is result.attempts[-1]
    assert len(used) == 2


def test_a_throttled_call_waits_and_is_answered(lab):
    throttled = Failure(FailureKind.THROTTLED, "later", retry_after_seconds=20)
    result, used, _ = call(lab, throttled, throttled, names="a")
    assert (result, used) == ("answer", ["a"] * 3)


def test_a_deadline_that_passes_between_attempts_tells_the_attempts_before(lab):
    throttled = Failure(FailureKind.THROTTLED, "later", retry_after_seconds=300)
    result, _, _ = call(lab, throttled, names="a", deadline=60)
    assert type(result) is DeadlineExceeded
    assert result.attempts == (throttled,)
    assert "Retry-After" in str(result)


def test_when_all_deployments_turn_out_misconfigured_the_call_says_so(lab):
    result, used, _ = call(lab, *failures("auth", "not_found"))
    assert type(result) is NoDeployment
    assert sorted(used) == ["a", "b"]
    assert [failure.kind for failure in result.attempts] == ["auth", "not_found"]


def test_a_refused_budget_is_passed_on_and_nothing_counts_as_sent(lab):
    refused = BudgetRefused("no money")
    result, used, (status,) = call(lab, refused, names="a")
    assert result is refused
    assert used == ["a"]
    assert (status.succeeded, status.failed, status.state) == (0, 0, "closed")


def test_an_attempt_may_report_its_failure_itself(lab):
    async def scenario(clock):
        scheduler = Scheduler([lab.deployment("a")], clock)
        left = 2

        async def attempt(lease):
            nonlocal left
            left -= 1
            if left:
                failure = Failure(FailureKind.CUT, "cut")
                lease.failed(failure)
                raise failure
            lease.succeeded(Usage(), 0)
            return left

        assert await run_attempts(scheduler, Need(frozenset("a")), attempt, AttemptPolicy(), clock) == 0
        assert scheduler.snapshot()[0].failed == 1

    lab.run(scenario)


def test_an_attempt_that_returns_keeps_its_lease_for_a_stream(lab):
    async def scenario(clock):
        scheduler = Scheduler([lab.deployment("a")], clock)

        async def attempt(lease):
            return lease

        lease = await run_attempts(scheduler, Need(frozenset("a")), attempt, AttemptPolicy(), clock)
        assert lease.open
        assert scheduler.in_flight == 1
        lease.succeeded(Usage(), 1)
        assert scheduler.idle

    lab.run(scenario)


def test_a_cancelled_call_gives_its_room_back(lab):
    async def scenario(clock):
        scheduler = Scheduler([lab.deployment("a", concurrency=1)], clock)

        async def attempt(lease):
            await clock.sleep(1000)

        need = Need(frozenset("a"))
        task = asyncio.create_task(run_attempts(scheduler, need, attempt, AttemptPolicy(), clock))
        await clock.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert scheduler.idle

    lab.run(scenario)


def test_a_provider_that_is_down_gets_no_storm(lab):
    async def scenario(clock):
        scheduler = Scheduler([lab.deployment("a", requests_per_minute=6000)], clock)
        provider = lab.Provider(clock, 6000, down=True)
        policy = AttemptPolicy()

        async def one():
            need = Need(frozenset("a"), deadline=clock.now() + 120)
            return await run_attempts(scheduler, need, provider.attempt, policy, clock)

        ends = await asyncio.gather(*(one() for _ in range(500)), return_exceptions=True)
        assert all(isinstance(end, CallFailed) for end in ends)
        # The first burst was on its way before anyone could know; after it there is one probe at a time.
        assert provider.failed <= 100 + 20
        assert scheduler.idle

    lab.run(scenario)
