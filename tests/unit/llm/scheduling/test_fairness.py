"""Fair shares under load: between tenants, between priorities, and in the order of asking."""

from __future__ import annotations

import asyncio
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from qlf.core.metering import Usage
from qlf.llm.fair_queue import WEIGHTS
from qlf.llm.scheduler import Need, Scheduler


def served_in_order(lab, asks, *, limit=None, **limits):
    """Who is served in what order when all of them ask at once for one deployment."""

    async def scenario(clock):
        scheduler = Scheduler([lab.deployment("a", **(limits or {"concurrency": 1}))], clock)
        order = []

        async def one(number, tenant, priority, tokens):
            need = Need(frozenset({"a"}), tokens, tenant=tenant, priority=priority)
            lease = await scheduler.lease(need)
            order.append((number, tenant, priority))
            await clock.sleep(1)
            lease.succeeded(Usage(tokens, 0), 1)

        block = (
            await scheduler.lease(Need(frozenset({"a"})))
            if "concurrency" in (limits or {"concurrency": 1})
            else None
        )
        tasks = [asyncio.create_task(one(number, *ask)) for number, ask in enumerate(asks)]
        await clock.sleep(1)
        if block is not None:
            block.succeeded(Usage(), 1)
        await asyncio.gather(*tasks)
        assert scheduler.idle
        return order[:limit]

    return lab.run(scenario)


def test_a_tenant_is_served_in_the_order_it_asked(lab):
    order = served_in_order(lab, [("x", "normal", 0)] * 20)
    assert [number for number, _, _ in order] == list(range(20))


def test_a_tenant_with_few_calls_does_not_wait_for_one_with_many(lab):
    order = served_in_order(lab, [("many", "normal", 0)] * 100 + [("few", "normal", 0)] * 5)
    assert max(place for place, (_, tenant, _) in enumerate(order) if tenant == "few") <= 11


@settings(max_examples=30, deadline=None, derandomize=True)
@given(st.lists(st.integers(1, 60), min_size=2, max_size=5), st.randoms(use_true_random=False))
def test_tenants_that_wait_have_the_same_share_at_any_time(lab, sizes, random):
    asks = [(f"t{index}", "normal", 0) for index, size in enumerate(sizes) for _ in range(size)]
    random.shuffle(asks)
    left = Counter(tenant for tenant, _, _ in asks)
    served: Counter[str] = Counter()
    for _, tenant, _ in served_in_order(lab, asks):
        served[tenant] += 1
        left[tenant] -= 1
        waiting = [name for name in left if left[name]]
        if waiting:
            assert max(served[name] for name in waiting) - min(served[name] for name in waiting) <= 1


def test_shares_are_of_tokens_where_tokens_are_what_is_short(lab):
    asks = [("large", "normal", 300), ("small", "normal", 100)] * 60
    order = served_in_order(lab, asks, limit=60, tokens_per_minute=1000)
    counts = Counter(tenant for _, tenant, _ in order)
    assert 2.4 <= counts["small"] / counts["large"] <= 3.6


def test_higher_priorities_go_first_and_lower_ones_still_go(lab):
    asks = [("x", priority, 0) for priority in ("background", "normal", "interactive") for _ in range(200)]
    order = served_in_order(lab, asks, limit=210)
    counts = Counter(priority for _, _, priority in order)
    whole = sum(WEIGHTS.values())
    for priority, weight in WEIGHTS.items():
        assert abs(counts[priority] - 210 * weight / whole) <= 2
    assert order[0][2] == "interactive"


def test_a_person_hardly_waits_behind_a_long_queue(lab):
    async def scenario(clock):
        scheduler = Scheduler([lab.deployment("a", concurrency=1)], clock)

        async def one(priority, seconds=1.0):
            lease = await scheduler.lease(Need(frozenset({"a"}), priority=priority))
            await clock.sleep(seconds)
            lease.succeeded(Usage(), seconds)
            return lease.waited_seconds

        runs = [asyncio.create_task(one("normal")) for _ in range(50)]
        await clock.sleep(10.5)
        assert await one("interactive") <= 1.0
        await asyncio.gather(*runs)

    lab.run(scenario)


def test_nobody_saves_up_turns_while_its_deployment_is_gated(lab):
    async def scenario(clock):
        scheduler = Scheduler([lab.deployment("a", concurrency=1), lab.deployment("b", concurrency=1)], clock)
        gate = await scheduler.lease(Need(frozenset({"b"})))
        order = []

        async def one(name, tenant):
            lease = await scheduler.lease(Need(frozenset({name}), tenant=tenant))
            order.append(tenant)
            await clock.sleep(1)
            lease.succeeded(Usage(), 1)

        waiting = [asyncio.create_task(one("b", "stuck"))]
        waiting += [asyncio.create_task(one("a", "busy")) for _ in range(150)]
        await clock.sleep(100.5)
        waiting += [asyncio.create_task(one("a", "stuck")) for _ in range(50)]
        order.clear()
        await clock.sleep(20)
        counts = Counter(order)
        assert counts["busy"] >= 8, "it must not be shut out while the other one catches up"
        gate.abandoned()
        await asyncio.gather(*waiting)

    lab.run(scenario)
