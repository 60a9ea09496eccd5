"""Leases: who gets one, when, and what happens when nobody can give one."""

from __future__ import annotations

import asyncio

import pytest

from qlf.core.metering import Usage
from qlf.errors import InternalError, ProviderError
from qlf.llm.failure import CallFailed, Failure, FailureKind
from qlf.llm.scheduler import DeadlineExceeded, Need, NoDeployment, Scheduler


def need(*names, **more):
    return Need(frozenset(names or ("a",)), **more)


def test_a_lease_is_immediate_while_there_is_room(lab):
    async def scenario(clock):
        scheduler = Scheduler([lab.deployment("a", concurrency=2)], clock)
        before = clock.now()
        first = await scheduler.lease(need())
        second = await scheduler.lease(need())
        assert clock.now() == before
        assert first.deployment.name == second.deployment.name == "a"
        assert scheduler.in_flight == 2
        first.succeeded(Usage(), 0.1)
        second.abandoned()
        assert scheduler.idle

    lab.run(scenario)


def test_a_waiter_gets_the_room_of_the_lease_that_ends(lab):
    async def scenario(clock):
        scheduler = Scheduler([lab.deployment("a", concurrency=1)], clock)
        first = await scheduler.lease(need())
        waiter = asyncio.create_task(scheduler.lease(need()))
        await clock.sleep(3)
        assert not waiter.done()
        first.succeeded(Usage(), 3)
        second = await waiter
        assert second.waited_seconds == pytest.approx(3)
        second.succeeded(Usage(), 1)
        assert scheduler.idle

    lab.run(scenario)


def test_waiters_wake_exactly_when_the_window_has_room(lab):
    async def scenario(clock):
        scheduler = Scheduler([lab.deployment("a", requests_per_minute=120)], clock)
        begin = clock.now()
        times = []

        async def one():
            with await scheduler.lease(need()):
                times.append(clock.now() - begin)

        await asyncio.gather(*(one() for _ in range(6)))
        assert times == pytest.approx([0, 0, 1.05, 1.05, 2.1, 2.1], abs=1e-4)
        assert scheduler.idle

    lab.run(scenario)


def test_past_its_deadline_a_call_says_how_long_it_waited_and_for_what(lab):
    async def scenario(clock):
        scheduler = Scheduler([lab.deployment("a", requests_per_minute=1)], clock)
        (await scheduler.lease(need())).succeeded(Usage(), 0)
        begin = clock.now()
        with pytest.raises(DeadlineExceeded) as caught:
            await scheduler.lease(need(deadline=clock.now() + 7))
        assert clock.now() - begin == pytest.approx(7, abs=1e-4)
        assert caught.value.waited_seconds == pytest.approx(7, abs=1e-4)
        assert "after 7.0 s" in str(caught.value)
        assert "'a' is held by its 1 requests per minute" in str(caught.value)
        assert caught.value.hint
        assert isinstance(caught.value, ProviderError)
        assert isinstance(caught.value, CallFailed)
        assert scheduler.idle

    lab.run(scenario)


def test_a_deadline_that_is_over_already_fails_at_once_even_with_room(lab):
    async def scenario(clock):
        scheduler = Scheduler([lab.deployment("a")], clock)
        with pytest.raises(DeadlineExceeded):
            await scheduler.lease(need(deadline=clock.now()))
        assert scheduler.idle

    lab.run(scenario)


@pytest.mark.parametrize(
    ("prepare", "phrase"),
    [
        ({"concurrency": 1}, "held by its 1 requests at once"),
        ({"tokens_per_minute": 100}, "held by its 100 tokens per minute"),
    ],
)
def test_the_limit_that_held_a_call_back_is_named(lab, prepare, phrase):
    async def scenario(clock):
        scheduler = Scheduler([lab.deployment("a", **prepare)], clock)
        lease = await scheduler.lease(need(input_tokens=80))
        with pytest.raises(DeadlineExceeded, match=phrase):
            await scheduler.lease(need(input_tokens=80, deadline=clock.now() + 1))
        lease.abandoned()

    lab.run(scenario)


def test_a_gate_and_a_breaker_are_named_too(lab):
    async def scenario(clock):
        scheduler = Scheduler([lab.deployment("a"), lab.deployment("b")], clock)
        lease = await scheduler.lease(need("a"))
        lease.failed(Failure(FailureKind.THROTTLED, "later", retry_after_seconds=60))
        for _ in range(2):
            (await scheduler.lease(need("b"))).failed(Failure(FailureKind.UNAVAILABLE, "down"))
        with pytest.raises(DeadlineExceeded) as caught:
            await scheduler.lease(need("a", "b", deadline=clock.now() + 0.5))
        assert "'a' is held by its Retry-After" in str(caught.value)
        assert "'b' keeps failing" in str(caught.value)

    lab.run(scenario)


def test_no_configured_candidate_fails_at_once(lab):
    async def scenario(clock):
        scheduler = Scheduler([lab.deployment("a")], clock)
        with pytest.raises(NoDeployment, match="x, y"):
            await scheduler.lease(need("y", "x"))

    lab.run(scenario)


def test_a_request_larger_than_a_whole_minute_fails_at_once_and_says_so(lab):
    async def scenario(clock):
        scheduler = Scheduler([lab.deployment("a", tokens_per_minute=1000, output_burndown=5)], clock)
        with pytest.raises(NoDeployment, match=r"counts as 1,200 tokens.*'a' takes 1,000 per minute"):
            await scheduler.lease(need(input_tokens=200, output_tokens=200))
        (await scheduler.lease(need(input_tokens=500, output_tokens=100))).abandoned()

    lab.run(scenario)


def test_only_a_deployment_that_is_large_enough_gets_a_large_request(lab):
    async def scenario(clock):
        deployments = [
            lab.deployment("a", tokens_per_minute=100),
            lab.deployment("b", tokens_per_minute=1000),
        ]
        scheduler = Scheduler(deployments, clock)
        for _ in range(3):
            with await scheduler.lease(need("a", "b", input_tokens=300)) as lease:
                assert lease.deployment.name == "b"

    lab.run(scenario)


def test_a_gated_deployment_does_not_hold_up_calls_for_others(lab):
    async def scenario(clock):
        scheduler = Scheduler([lab.deployment("a"), lab.deployment("b", concurrency=1)], clock)
        (await scheduler.lease(need("a"))).failed(
            Failure(FailureKind.THROTTLED, "later", retry_after_seconds=30)
        )
        stuck = [asyncio.create_task(scheduler.lease(need("a"))) for _ in range(5)]
        await clock.sleep(0)
        begin = clock.now()
        for _ in range(3):
            (await scheduler.lease(need("b"))).succeeded(Usage(), 0)
        assert clock.now() == begin
        leases = await asyncio.gather(*stuck)
        assert min(lease.waited_seconds for lease in leases) == pytest.approx(30.05, abs=0.01)
        for lease in leases:
            lease.abandoned()

    lab.run(scenario)


def test_a_large_request_is_not_overtaken_for_ever_by_small_ones_of_another_lane(lab):
    async def scenario(clock):
        scheduler = Scheduler(
            [lab.deployment("a", tokens_per_minute=1000), lab.deployment("b", concurrency=1)], clock
        )
        block = await scheduler.lease(need("b"))

        async def small(number):
            await clock.sleep(3.0 * number)
            (await scheduler.lease(need("a", "b", input_tokens=100, tenant=f"s{number}"))).succeeded(None, 0)

        smalls = [asyncio.create_task(small(number)) for number in range(200)]
        await clock.sleep(100)
        begin = clock.now()
        (await scheduler.lease(need("a", input_tokens=900, tenant="large"))).succeeded(None, 0)
        assert clock.now() - begin < 200
        await asyncio.gather(*smalls)
        block.abandoned()

    lab.run(scenario)


def test_a_second_event_loop_is_refused(lab):
    made = []

    async def first(clock):
        made.append(Scheduler([lab.deployment("a")], clock))
        (await made[0].lease(need())).abandoned()

    async def second(clock):
        with pytest.raises(InternalError, match="two event loops"):
            await made[0].lease(need())

    lab.run(first)
    lab.run(second)


def test_names_must_be_unique(lab):
    with pytest.raises(InternalError, match="same name"):
        Scheduler([lab.deployment("a"), lab.deployment("a")], lab.VirtualClock())


def test_the_snapshot_tells_what_happened(lab):
    async def scenario(clock):
        scheduler = Scheduler([lab.deployment("a", requests_per_minute=600, tokens_per_minute=1000)], clock)
        lease = await scheduler.lease(need(input_tokens=10, output_tokens=20))
        lease.succeeded(Usage(10, 5), 2.0, 0.5)
        (await scheduler.lease(need())).failed(Failure(FailureKind.MALFORMED, "odd"))
        (await scheduler.lease(need())).failed(Failure(FailureKind.THROTTLED, "no", retry_after_seconds=4))
        (status,) = scheduler.snapshot()
        assert (status.succeeded, status.failed, status.throttled) == (1, 1, 1)
        assert status.success_share == 0.5
        assert status.p50_seconds == status.p95_seconds == 2.0
        assert status.first_token_p50_seconds == 0.5
        assert status.tokens_in_use == 30
        assert status.gated_seconds == pytest.approx(4.05)
        assert status.requests_per_minute == pytest.approx(420)
        assert status.last_failure is FailureKind.THROTTLED
        assert (status.state, status.in_flight) == ("closed", 0)

    lab.run(scenario)
