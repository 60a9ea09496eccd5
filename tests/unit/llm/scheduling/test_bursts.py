"""Bursts of calls against providers that enforce their limits: nothing lost, nothing refused, little time."""

from __future__ import annotations

import asyncio
import math

import pytest

from qlf.llm.attempts import AttemptPolicy, run_attempts
from qlf.llm.failure import FailureKind
from qlf.llm.health import Prober
from qlf.llm.scheduler import Need, Scheduler


async def burst(lab, clock, providers, deployments, calls, wide=None, middle=None, **scheduler_options):
    """Make calls as one burst; how many were answered, and how long it took."""
    scheduler = Scheduler(deployments, clock, **scheduler_options)
    policy = AttemptPolicy()
    names = frozenset(providers)
    room = asyncio.Semaphore(wide or calls)
    begin = clock.now()

    async def one(number):
        async with room:
            need = Need(names, tenant=f"t{number % 3}", deadline=clock.now() + 3600)
            return await run_attempts(
                scheduler, need, lambda lease: providers[lease.deployment.name].attempt(lease), policy, clock
            )

    async def change():
        if middle is not None:
            await middle()

    changing = asyncio.create_task(change())
    results = await asyncio.gather(*(one(number) for number in range(calls)), return_exceptions=True)
    await changing
    assert scheduler.idle
    return [result for result in results if isinstance(result, str)], clock.now() - begin


@pytest.mark.parametrize("method", ["sliding", "fixed", "bucket"])
def test_200_calls_64_wide_over_two_deployments(lab, method):
    async def scenario(clock):
        providers = {
            name: lab.Provider(clock, 600, method=method, whole=math.floor, seconds=0.05)
            for name in ("a", "b")
        }
        deployments = [lab.deployment(name, requests_per_minute=600) for name in providers]
        answered, seconds = await burst(lab, clock, providers, deployments, 200, wide=64)
        assert len(answered) == 200
        assert sum(provider.refused for provider in providers.values()) == 0
        assert seconds <= 1.15 * 9

    lab.run(scenario)


@pytest.mark.parametrize("method", ["sliding", "fixed", "bucket"])
def test_600_calls_at_once(lab, method):
    async def scenario(clock):
        providers = {name: lab.Provider(clock, 70, method=method, seconds=2) for name in ("a", "b")}
        deployments = [lab.deployment(name, requests_per_minute=70) for name in providers]
        answered, seconds = await burst(lab, clock, providers, deployments, 600)
        assert len(answered) == 600
        assert sum(provider.refused for provider in providers.values()) == 0
        assert seconds <= 1.1 * 600 / 140 * 60

    lab.run(scenario)


@pytest.mark.parametrize("retry_after", [True, False])
@pytest.mark.parametrize("method", ["sliding", "fixed", "bucket"])
def test_600_calls_with_limits_halved_in_the_middle(lab, method, retry_after):
    async def scenario(clock):
        providers = {
            name: lab.Provider(clock, 70, method=method, seconds=2, retry_after=retry_after)
            for name in ("a", "b")
        }
        deployments = [lab.deployment(name, requests_per_minute=70) for name in providers]

        async def halve():
            await clock.sleep(128)
            for provider in providers.values():
                provider.limit(35)

        answered, seconds = await burst(lab, clock, providers, deployments, 600, middle=halve)
        refused = sum(provider.refused for provider in providers.values())
        assert len(answered) == 600
        assert refused <= 10
        ideal = 128 + (600 - 128 * 140 / 60) / 70 * 60
        assert seconds <= 1.15 * ideal

    lab.run(scenario)


def test_limits_that_come_back_are_used_again(lab):
    async def scenario(clock):
        provider = lab.Provider(clock, 600, seconds=0.5)
        scheduler = Scheduler([lab.deployment("a", requests_per_minute=600)], clock)
        policy, stop = AttemptPolicy(), False

        async def worker():
            while not stop:
                await run_attempts(scheduler, Need(frozenset({"a"})), provider.attempt, policy, clock)

        workers = [asyncio.create_task(worker()) for _ in range(20)]
        await clock.sleep(60)
        provider.limit(300)
        await clock.sleep(120)
        provider.limit(600)
        await clock.sleep(300)
        before = provider.served
        await clock.sleep(60)
        stop = True
        await asyncio.gather(*workers)
        assert provider.served - before >= 0.9 * 600
        assert provider.refused <= 20

    lab.run(scenario)


def test_2000_calls_with_faults_on_a_fifth_and_a_deployment_that_dies_and_comes_back(lab):
    async def scenario(clock):
        kinds = (FailureKind.UNAVAILABLE, FailureKind.CUT, FailureKind.MALFORMED, FailureKind.WRONG_MODEL)
        providers = {
            name: lab.Provider(clock, seconds=0.2, faults=0.2, fault_kinds=kinds, seed=seed)
            for seed, name in enumerate(("a", "b"))
        }
        scheduler = Scheduler([lab.deployment(name, concurrency=32) for name in providers], clock)
        policy, room = AttemptPolicy(), asyncio.Semaphore(64)
        died = back = 0.0

        async def one():
            async with room:
                need = Need(frozenset(providers), deadline=clock.now() + 600)
                return await run_attempts(
                    scheduler,
                    need,
                    lambda lease: providers[lease.deployment.name].attempt(lease),
                    policy,
                    clock,
                )

        async def fate():
            nonlocal died, back
            await clock.sleep(5)
            providers["a"].down, providers["a"].faults, died = True, 0.0, clock.now()
            await clock.sleep(15)
            providers["a"].down, back = False, clock.now()

        async def probe(deployment):
            await providers[deployment.name].call()

        interval = 10.0
        async with Prober(scheduler, probe, interval):
            fated = asyncio.create_task(fate())
            ends = await asyncio.gather(*(one() for _ in range(2000)), return_exceptions=True)
            await fated
        assert all(isinstance(end, str) for end in ends)
        assert died < back
        again = min(at for at in providers["a"].served_at if at > died + 1)
        assert again - back <= interval + 0.3
        assert scheduler.idle

    lab.run(scenario)
