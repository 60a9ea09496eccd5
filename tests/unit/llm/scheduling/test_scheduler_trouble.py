"""Leases when something goes wrong: failures, failover, cancellation, double reports."""

from __future__ import annotations

import asyncio

import pytest

from qlf.core.metering import Usage
from qlf.errors import InternalError
from qlf.llm.failure import Failure, FailureKind
from qlf.llm.scheduler import Need, NoDeployment, Scheduler


def need(*names, **more):
    return Need(frozenset(names or ("a",)), **more)


def test_misconfigured_deployments_are_left_out_until_reinstated(lab):
    async def scenario(clock):
        scheduler = Scheduler([lab.deployment("a"), lab.deployment("b")], clock)
        (await scheduler.lease(need("a"))).failed(Failure(FailureKind.AUTH, "no"))
        for _ in range(3):
            with await scheduler.lease(need("a", "b")) as lease:
                assert lease.deployment.name == "b"
        with pytest.raises(NoDeployment, match=r"'a' is out until its configuration changes \(auth\)"):
            await scheduler.lease(need("a"))
        scheduler.reinstate("a")
        (await scheduler.lease(need("a"))).succeeded(Usage(), 1)

    lab.run(scenario)


def test_those_that_wait_for_a_deployment_that_goes_out_are_told(lab):
    async def scenario(clock):
        scheduler = Scheduler([lab.deployment("a", concurrency=1)], clock)
        lease = await scheduler.lease(need())
        waiters = [asyncio.create_task(scheduler.lease(need())) for _ in range(3)]
        await clock.sleep(1)
        lease.failed(Failure(FailureKind.NOT_FOUND, "gone"))
        results = await asyncio.gather(*waiters, return_exceptions=True)
        assert all(isinstance(result, NoDeployment) for result in results)
        assert scheduler.idle

    lab.run(scenario)


def test_a_cancelled_waiter_leaves_the_queue(lab):
    async def scenario(clock):
        scheduler = Scheduler([lab.deployment("a", concurrency=1)], clock)
        lease = await scheduler.lease(need())
        waiters = [asyncio.create_task(scheduler.lease(need(deadline=clock.now() + 50))) for _ in range(3)]
        await clock.sleep(1)
        waiters[0].cancel()
        waiters[1].cancel()
        await asyncio.gather(*waiters[:2], return_exceptions=True)
        assert scheduler.waiting == 1
        lease.succeeded(Usage(), 1)
        (await waiters[2]).succeeded(Usage(), 1)
        assert scheduler.idle

    lab.run(scenario)


def test_a_call_cancelled_between_grant_and_wake_up_gives_its_room_back(lab):
    async def scenario(clock):
        scheduler = Scheduler([lab.deployment("a", concurrency=1, tokens_per_minute=100)], clock)
        lease = await scheduler.lease(need(input_tokens=50))
        waiter = asyncio.create_task(scheduler.lease(need(input_tokens=50)))
        after = asyncio.create_task(scheduler.lease(need(input_tokens=50)))
        await clock.sleep(1)
        lease.succeeded(None, 1)  # grants the room to `waiter`, whose task has not run yet
        waiter.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiter
        last = await after
        assert clock.now() == 1001, "the unsent request must not count against the tokens either"
        last.succeeded(None, 1)
        assert scheduler.idle

    lab.run(scenario)


def test_a_call_cancelled_before_the_grant_but_not_yet_run_is_passed_over(lab):
    async def scenario(clock):
        scheduler = Scheduler([lab.deployment("a", concurrency=1)], clock)
        lease = await scheduler.lease(need())
        first = asyncio.create_task(scheduler.lease(need()))
        second = asyncio.create_task(scheduler.lease(need()))
        await clock.sleep(1)
        first.cancel()
        lease.succeeded(Usage(), 1)
        (await second).succeeded(Usage(), 1)
        with pytest.raises(asyncio.CancelledError):
            await first
        assert scheduler.idle

    lab.run(scenario)


def test_a_lease_is_reported_on_exactly_once(lab):
    async def scenario(clock):
        scheduler = Scheduler([lab.deployment("a")], clock)
        lease = await scheduler.lease(need())
        lease.succeeded(Usage(), 1)
        with pytest.raises(InternalError, match="reported on twice"):
            lease.abandoned()
        assert scheduler.in_flight == 0

    lab.run(scenario)


def test_leaving_the_block_abandons_only_an_open_lease(lab):
    async def scenario(clock):
        scheduler = Scheduler([lab.deployment("a")], clock)
        with await scheduler.lease(need()) as lease:
            lease.succeeded(Usage(), 1)
        with pytest.raises(ZeroDivisionError), await scheduler.lease(need()):
            raise ZeroDivisionError
        assert scheduler.idle
        assert scheduler.snapshot()[0].succeeded == 1

    lab.run(scenario)


def test_failover_happens_within_two_failures(lab):
    async def scenario(clock):
        scheduler = Scheduler([lab.deployment("a"), lab.deployment("b")], clock, strategy="lowest_cost")
        used = []
        for _ in range(6):
            lease = await scheduler.lease(need("a", "b", costs={"a": 1, "b": 2}))
            used.append(lease.deployment.name)
            if lease.deployment.name == "a":
                lease.failed(Failure(FailureKind.UNAVAILABLE, "down"))
            else:
                lease.succeeded(Usage(), 0)
        assert used == ["a", "a", "b", "b", "b", "b"]

    lab.run(scenario)


def test_one_call_probes_a_deployment_that_may_be_well_again(lab):
    async def scenario(clock):
        scheduler = Scheduler([lab.deployment("a"), lab.deployment("b")], clock, strategy="round_robin")
        for _ in range(2):
            (await scheduler.lease(need("a"))).failed(Failure(FailureKind.CUT, "cut"))
        await clock.sleep(1.1)
        leases = [await scheduler.lease(need("a", "b")) for _ in range(4)]
        assert [lease.deployment.name for lease in leases] == ["a", "b", "b", "b"]
        assert [lease.probe for lease in leases] == [True, False, False, False]
        assert scheduler.snapshot()[0].state == "half_open"
        for lease in leases:
            lease.succeeded(Usage(), 1)
        assert scheduler.snapshot()[0].state == "closed"

    lab.run(scenario)


def test_a_person_is_not_sent_to_a_deployment_that_may_still_be_down(lab):
    async def scenario(clock):
        scheduler = Scheduler([lab.deployment("a"), lab.deployment("b")], clock)
        for _ in range(2):
            (await scheduler.lease(need("a"))).failed(Failure(FailureKind.CUT, "cut"))
        await clock.sleep(1.1)
        with await scheduler.lease(need("a", "b", priority="interactive")) as lease:
            assert lease.deployment.name == "b"
        with await scheduler.lease(need("a", priority="interactive")) as lease:
            assert lease.probe

    lab.run(scenario)


def test_avoided_deployments_are_used_only_when_no_other_is_well(lab):
    async def scenario(clock):
        scheduler = Scheduler([lab.deployment("a"), lab.deployment("b")], clock)
        avoiding = need("a", "b", avoid=frozenset({"a"}))
        for _ in range(3):
            with await scheduler.lease(avoiding) as lease:
                assert lease.deployment.name == "b"
        for _ in range(2):
            (await scheduler.lease(need("b"))).failed(Failure(FailureKind.TIMEOUT, "slow"))
        with await scheduler.lease(avoiding) as lease:
            assert lease.deployment.name == "a"
        with await scheduler.lease(need("a", avoid=frozenset({"a"}))) as lease:
            assert lease.deployment.name == "a"

    lab.run(scenario)


def test_one_that_leaves_from_the_middle_is_forgotten_at_once(lab):
    async def scenario(clock):
        scheduler = Scheduler([lab.deployment("a", concurrency=1)], clock)
        lease = await scheduler.lease(need())
        waiters = [asyncio.create_task(scheduler.lease(need())) for _ in range(3)]
        await clock.sleep(1)
        waiters[1].cancel()
        await asyncio.gather(waiters[1], return_exceptions=True)
        assert scheduler.waiting == 2
        lease.abandoned()
        for waiter in (waiters[0], waiters[2]):
            (await waiter).abandoned()

    lab.run(scenario)


def test_avoided_deployments_stay_out_while_another_one_has_room(lab):
    async def scenario(clock):
        scheduler = Scheduler([lab.deployment(name) for name in "cab"], clock, strategy="lowest_cost")
        gate = Failure(FailureKind.THROTTLED, "later", retry_after_seconds=60)
        (await scheduler.lease(need("b"))).failed(gate)
        costs = {"c": 1, "a": 2, "b": 3}
        avoiding = need("a", "b", "c", costs=costs, avoid=frozenset({"c"}))
        with await scheduler.lease(avoiding) as lease:
            assert lease.deployment.name == "a"
        (await scheduler.lease(need("a"))).failed(gate)
        with await scheduler.lease(avoiding) as lease:
            assert lease.deployment.name == "c", "a minute of waiting is worse than the one to avoid"

    lab.run(scenario)


def test_an_answer_makes_the_next_pause_short_again(lab):
    async def scenario(clock):
        scheduler = Scheduler([lab.deployment("a")], clock)
        for _ in range(4):
            (await scheduler.lease(need())).failed(Failure(FailureKind.THROTTLED, "no"))
        assert scheduler.snapshot()[0].gated_seconds > 6
        (await scheduler.lease(need())).succeeded(Usage(), 1)
        (await scheduler.lease(need())).failed(Failure(FailureKind.THROTTLED, "no"))
        assert scheduler.snapshot()[0].gated_seconds < 1.5

    lab.run(scenario)
