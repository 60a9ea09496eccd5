"""What traffic tells of a deployment, and probes of those that get none."""

from __future__ import annotations

import asyncio

import pytest

from qlf.core.metering import Usage
from qlf.llm.failure import Failure, FailureKind
from qlf.llm.health import Health, Prober
from qlf.llm.scheduler import Need, Scheduler


def test_nothing_is_known_before_the_first_attempt():
    health = Health()
    assert health.success_share is None
    assert health.seconds(0.5) is None
    assert health.first_token_seconds(0.95) is None


def test_shares_and_percentiles_are_of_the_recent_attempts():
    health = Health()
    for _ in range(500):
        health.failure(FailureKind.CUT)
    for number in range(100):
        health.success(float(number), number / 10)
    assert health.success_share == pytest.approx(100 / 128)
    assert (health.seconds(0.5), health.seconds(0.95)) == (50, 95)
    assert health.first_token_seconds(0.5) == 5.0
    assert (health.succeeded, health.failed) == (100, 500)


def test_refusals_for_lack_of_room_are_counted_apart():
    health = Health()
    health.success(1.0, None)
    for _ in range(3):
        health.failure(FailureKind.THROTTLED)
    assert (health.throttled, health.failed, health.success_share) == (3, 0, 1.0)


async def broken(lab, clock, *names):
    scheduler = Scheduler([lab.deployment(name) for name in names], clock)
    for name in names:
        for _ in range(2):
            (await scheduler.lease(Need(frozenset({name})))).failed(Failure(FailureKind.UNAVAILABLE, "down"))
    assert scheduler.ailing() == names
    return scheduler


def states(scheduler):
    return [status.state for status in scheduler.snapshot()]


def test_a_deployment_that_is_well_again_is_back_within_one_interval(lab):
    async def scenario(clock):
        scheduler = await broken(lab, clock, "a")
        well_from = clock.now() + 34
        probes = []

        async def probe(deployment):
            probes.append(clock.now())
            await clock.sleep(0.1)
            if clock.now() < well_from:
                raise Failure(FailureKind.UNAVAILABLE, "still down")

        async with Prober(scheduler, probe, 10.0):
            while states(scheduler) != ["closed"]:
                await clock.sleep(0.05)
            assert clock.now() - well_from <= 10.2
            assert len(probes) == 4
            await clock.sleep(100)
        assert len(probes) == 4, "one that is well is not probed"
        assert scheduler.idle

    lab.run(scenario)


def test_one_that_hangs_does_not_keep_others_from_being_probed(lab):
    async def scenario(clock):
        scheduler = await broken(lab, clock, "a", "b")

        async def probe(deployment):
            await clock.sleep(1e6 if deployment.name == "a" else 0.1)

        async with Prober(scheduler, probe, 5.0, timeout=7.0):
            await clock.sleep(5.5)
            assert states(scheduler) == ["half_open", "closed"]
            await clock.sleep(7)
            assert states(scheduler)[0] == "open"
            assert scheduler.snapshot()[0].last_failure is FailureKind.TIMEOUT
        assert scheduler.in_flight == 0

    lab.run(scenario)


def test_leaving_while_a_probe_is_under_way_gives_its_place_back(lab):
    async def scenario(clock):
        scheduler = await broken(lab, clock, "a")
        async with Prober(scheduler, lambda deployment: clock.sleep(1000), 1.0):
            await clock.sleep(3)
            assert states(scheduler) == ["half_open"]
        assert states(scheduler) == ["open"]
        assert scheduler.idle

    lab.run(scenario)


def test_a_round_by_hand_probes_all_at_once(lab):
    async def scenario(clock):
        scheduler = await broken(lab, clock, "a", "b", "c")
        begin = clock.now()
        await Prober(scheduler, lambda deployment: clock.sleep(2)).round()
        assert clock.now() - begin == pytest.approx(2)
        assert states(scheduler) == ["closed"] * 3

    lab.run(scenario)


def test_those_that_wait_for_a_broken_deployment_go_on_after_a_probe(lab):
    async def scenario(clock):
        scheduler = await broken(lab, clock, "a")
        lease = scheduler.begin_probe("a")
        assert scheduler.begin_probe("a") is None
        waiters = [asyncio.create_task(scheduler.lease(Need(frozenset({"a"})))) for _ in range(5)]
        await clock.sleep(3)
        assert not any(waiter.done() for waiter in waiters)
        lease.succeeded(Usage(), 3)
        for leased in await asyncio.gather(*waiters):
            leased.succeeded(Usage(), 0)
        assert scheduler.idle

    lab.run(scenario)
