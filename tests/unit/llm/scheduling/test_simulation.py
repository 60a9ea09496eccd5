"""Whatever limits, faults, deaths and cancellations come: no call is lost, and no limit is passed."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass, replace

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from qlf.llm.attempts import AttemptPolicy, run_attempts
from qlf.llm.failure import CallFailed, FailureKind
from qlf.llm.health import Prober
from qlf.llm.router import STRATEGIES
from qlf.llm.scheduler import DeadlineExceeded, Need, NoDeployment, Scheduler

FAULTS = (
    FailureKind.UNAVAILABLE,
    FailureKind.TIMEOUT,
    FailureKind.CUT,
    FailureKind.MALFORMED,
    FailureKind.WRONG_MODEL,
    FailureKind.SCHEMA,
    FailureKind.FILTERED,
)
BURNDOWN = 3


@dataclass(frozen=True)
class Place:
    """A deployment in a scenario."""

    rpm: int | None
    tpm: int | None
    concurrency: int | None
    kind: str
    method: str
    seconds: float


@dataclass(frozen=True)
class Ask:
    """A call in a scenario."""

    at: float
    candidates: frozenset[int]
    tenant: str
    priority: str
    patience: float
    tokens: int
    output: int
    cancelled_after: float | None


@dataclass(frozen=True)
class Scenario:
    """Deployments, calls, and what goes wrong."""

    places: tuple[Place, ...]
    asks: tuple[Ask, ...]
    strategy: str
    faults: float
    retry_after: bool
    reports: bool
    changes: tuple[tuple[float, int, str], ...]
    prober: bool
    seed: int


PLACES = st.builds(
    Place,
    rpm=st.sampled_from([None, 1, 20, 60, 90, 120, 600, 1500]),
    tpm=st.sampled_from([None, 2_000, 20_000]),
    concurrency=st.sampled_from([None, 1, 2, 5]),
    kind=st.sampled_from(["bedrock", "azure_openai", "openai_compatible"]),
    method=st.sampled_from(["sliding", "fixed", "bucket"]),
    seconds=st.sampled_from([0.0, 0.3, 4.0]),
)


@st.composite
def scenarios(draw, *, trouble=True):
    places = tuple(draw(st.lists(PLACES, min_size=1, max_size=3)))
    indices = st.integers(0, len(places) - 1)
    asks = st.builds(
        Ask,
        at=st.sampled_from([0.0, 0.0, 0.5, 3.0, 30.0]),
        candidates=st.frozensets(indices, min_size=1),
        tenant=st.sampled_from(["x", "y", "z"]),
        priority=st.sampled_from(["interactive", "normal", "background"]),
        patience=st.sampled_from([0.5, 20.0, 600.0]),
        tokens=st.sampled_from([0, 100, 900]),
        output=st.sampled_from([0, 50, 400]),
        cancelled_after=st.sampled_from([None, None, None, 0.0, 0.2, 2.0, 25.0]),
    )
    change = st.tuples(
        st.sampled_from([0.0, 1.0, 5.0, 40.0]), indices, st.sampled_from(["halve", "down", "up", "restore"])
    )
    return Scenario(
        places,
        tuple(draw(st.lists(asks, min_size=1, max_size=40))),
        draw(st.sampled_from(STRATEGIES)),
        draw(st.sampled_from([0.0, 0.2, 0.6])),
        draw(st.booleans()),
        draw(st.booleans()) if trouble else False,
        tuple(draw(st.lists(change, max_size=4))) if trouble else (),
        draw(st.booleans()),
        draw(st.integers(0, 1000)),
    )


@dataclass
class Story:
    """What came of a scenario."""

    ends: list[str]
    events: list[tuple[float, int, str]]
    refused: int
    leftovers: tuple[int, int]


def play(lab, scenario):
    async def whole(clock):
        providers, deployments = {}, []
        for index, place in enumerate(scenario.places):
            name = f"d{index}"
            refunds = place.kind == "bedrock"
            providers[name] = lab.Provider(
                clock,
                place.rpm,
                place.tpm,
                method="sliding" if refunds else place.method,
                retry_after=scenario.retry_after,
                seconds=place.seconds,
                burndown=BURNDOWN,
                refunds=refunds,
                faults=scenario.faults,
                fault_kinds=FAULTS,
                seed=scenario.seed + index,
                reports=scenario.reports,
            )
            deployments.append(
                lab.deployment(
                    name,
                    place.kind,
                    requests_per_minute=place.rpm,
                    tokens_per_minute=place.tpm,
                    concurrency=place.concurrency,
                    output_burndown=BURNDOWN,
                )
            )
        scheduler = Scheduler(deployments, clock, strategy=scenario.strategy)
        policy = AttemptPolicy()
        events = []

        async def call(number, ask):
            names = frozenset(f"d{index}" for index in ask.candidates)
            deadline = clock.now() + ask.patience
            need = Need(names, ask.tokens, ask.output, ask.tenant, ask.priority, deadline)

            async def attempt(lease):
                assert lease.deployment.name in names, "served by a deployment that nobody asked for"
                assert clock.now() <= deadline + 1e-4, "sent after the deadline"
                events.append((clock.now(), number, lease.deployment.name))
                provider = providers[lease.deployment.name]
                return await provider.attempt(lease, ask.tokens, ask.output, ask.output // 3)

            try:
                await run_attempts(scheduler, need, attempt, policy, clock)
            except DeadlineExceeded as error:
                assert clock.now() >= deadline
                assert clock.now() <= deadline + 1e-3, "told late that it is late"
                return "late" if error.limits else "late without a reason"
            except NoDeployment:
                return "never"
            except CallFailed as error:
                return "failed" if error.attempts else "failed without a reason"
            return "answered"

        async def cancellable(number, ask):
            await clock.sleep(ask.at)
            task = asyncio.create_task(call(number, ask))
            if ask.cancelled_after is not None:
                await clock.sleep(ask.cancelled_after)
                task.cancel()
            try:
                return await task
            except asyncio.CancelledError:
                assert ask.cancelled_after is not None
                return "cancelled"

        async def change(at, index, what):
            await clock.sleep(at)
            provider, place = providers[f"d{index}"], scenario.places[index]
            if what == "halve":
                provider.limit(place.rpm and max(1, place.rpm // 2), place.tpm and max(1, place.tpm // 2))
            elif what == "restore":
                provider.limit(place.rpm, place.tpm)
            else:
                provider.down = what == "down"

        async def probe(deployment):
            await providers[deployment.name].call()

        changes = [asyncio.create_task(change(*one)) for one in scenario.changes]
        calls = [cancellable(number, ask) for number, ask in enumerate(scenario.asks)]
        if scenario.prober:
            async with Prober(scheduler, probe, 10.0):
                ends = await asyncio.gather(*calls)
        else:
            ends = await asyncio.gather(*calls)
        await asyncio.gather(*changes)
        for name, place in zip(providers, scenario.places, strict=True):
            most = place.concurrency if place.concurrency is not None else math.inf
            # A probe is sent on top, when nothing else is let through.
            assert providers[name].most_in_flight <= most + scenario.prober
            assert providers[name].in_flight == 0
        assert scheduler.idle, "something was not given back"
        refused = sum(provider.refused for provider in providers.values())
        return Story(ends, events, refused, (scheduler.in_flight, scheduler.waiting))

    return lab.run(whole)


QUIET = Scenario(
    (Place(60, None, 1, "bedrock", "sliding", 0.3),),
    (Ask(0.0, frozenset({0}), "x", "normal", 20.0, 0, 0, None),) * 30,
    "least_busy",
    0.0,
    True,
    False,
    (),
    False,
    0,
)
SLOW = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)


@SLOW
@given(scenarios())
@example(QUIET)
def test_every_call_ends_in_an_answer_or_an_explicit_error(lab, scenario):
    story = play(lab, scenario)
    counts = {end: story.ends.count(end) for end in ("answered", "late", "never", "failed", "cancelled")}
    assert sum(counts.values()) == len(scenario.asks)
    assert story.leftovers == (0, 0)


@SLOW
@given(scenarios(trouble=False))
@example(QUIET)
def test_limits_that_are_configured_right_are_never_passed(lab, scenario):
    story = play(lab, replace(scenario, prober=False))
    assert story.refused == 0


@settings(SLOW, max_examples=40)
@given(scenarios())
def test_the_same_events_give_the_same_choices(lab, scenario):
    assert play(lab, scenario) == play(lab, scenario)
