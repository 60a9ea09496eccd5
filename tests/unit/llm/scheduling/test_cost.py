"""What a lease costs, counted in function calls, which no other load on the machine can change."""

from __future__ import annotations

import asyncio
import sys

import pytest

from qlf.core.metering import Usage
from qlf.llm.scheduler import Need, Scheduler

CALLS = 640


@pytest.mark.parametrize(
    ("limits", "most"),
    [
        ({}, 95),
        ({"requests_per_minute": 10**6, "tokens_per_minute": 10**9, "concurrency": 64}, 115),
        ({"requests_per_minute": 10**6, "tokens_per_minute": 10**9, "concurrency": 8}, 215),
    ],
    ids=["no limits", "limits", "all calls wait"],
)
def test_a_lease_takes_few_function_calls_64_wide(lab, limits, most):
    async def scenario(clock):
        scheduler = Scheduler([lab.deployment(name, **limits) for name in "ab"], clock)
        left = CALLS

        async def worker(number):
            nonlocal left
            while left > 0:
                left -= 1
                need = Need(frozenset("ab"), 100, 200, f"t{number % 4}", deadline=clock.now() + 600)
                lease = await scheduler.lease(need)
                await asyncio.sleep(0)
                lease.succeeded(Usage(100, 50), 0.1)

        count = 0

        def profile(frame, event, argument):
            nonlocal count
            count += event in ("call", "c_call")

        sys.setprofile(profile)
        try:
            await asyncio.gather(*(worker(number) for number in range(64)))
        finally:
            sys.setprofile(None)
        return count / CALLS

    calls = lab.run(scenario)
    assert calls <= most, f"{calls:.0f} calls"
