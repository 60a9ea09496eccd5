"""Which deployment each strategy picks."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from qlf.llm.router import STRATEGIES, Latency, chooser


@dataclass
class Option:
    name: str
    index: int = 0
    in_flight: int = 0
    weight: float = 1.0
    last_used: int = 0
    latency: Latency = field(default_factory=Latency)


def picks(strategy, options, count, costs=None, now=0.0, *, hold=False):
    names = []
    for _ in range(count):
        option = chooser(strategy)(options, costs or {}, now)
        option.last_used = max(other.last_used for other in options) + 1
        option.in_flight += hold
        names.append(option.name)
    return names


def options(**more):
    return [Option(name, index, **more) for index, name in enumerate("abc")]


def test_round_robin_takes_turns_and_passes_over_those_that_are_missing():
    three = options()
    assert picks("round_robin", three, 4) == ["a", "b", "c", "a"]
    assert picks("round_robin", three[1:], 3) == ["b", "c", "b"]


def test_least_busy_counts_what_is_under_way():
    three = options()
    three[0].in_flight, three[1].in_flight = 2, 1
    assert picks("least_busy", three, 3, hold=True) == ["c", "b", "c"]


def test_least_busy_knows_that_a_larger_one_takes_more():
    small, large = Option("small", 0, weight=60), Option("large", 1, weight=600)
    names = picks("least_busy", [small, large], 22, hold=True)
    assert names.count("small") == 2


def test_lowest_latency_prefers_the_quicker_one_until_it_is_busy():
    slow, quick = Option("slow", 0), Option("quick", 1)
    slow.latency.observe(10.0, 100, 0.0)
    quick.latency.observe(2.0, 100, 0.0)
    assert picks("lowest_latency", [slow, quick], 6, hold=True) == ["quick"] * 4 + ["slow", "quick"]


def test_lowest_latency_compares_by_token_and_not_by_answer():
    long, short = Option("long", 0), Option("short", 1)
    long.latency.observe(20.0, 2000, 0.0)
    short.latency.observe(3.0, 100, 0.0)
    assert picks("lowest_latency", [long, short], 1) == ["long"]


def test_lowest_latency_tries_one_that_was_never_seen_but_not_for_everything():
    known, new = Option("known", 0), Option("new", 1)
    known.latency.observe(2.0, 100, 0.0)
    known.last_used = 5
    assert picks("lowest_latency", [known, new], 4, hold=True) == ["new", "known", "new", "known"]


def test_one_that_was_slow_once_is_seen_again():
    slow, quick = Option("slow", 0), Option("quick", 1)
    slow.latency.observe(20.0, 100, 0.0)
    seen = []
    for second in range(300):
        quick.latency.observe(2.0, 100, float(second))
        (name,) = picks("lowest_latency", [slow, quick], 1, now=float(second))
        seen.append(name)
        if name == "slow":
            break
    assert 10 < len(seen) < 120


def test_latency_jumps_up_at_once_and_comes_down_slowly():
    latency = Latency()
    assert latency.expected(0.0) is None
    latency.observe(1.0, 100, 0.0)
    latency.observe(9.0, 100, 1.0)
    assert latency.expected(1.0) == pytest.approx(0.09)
    latency.observe(1.0, 100, 2.0)
    assert 0.05 < latency.expected(2.0) < 0.09
    latency.observe(1.0, 100, 62.0)
    assert latency.expected(62.0) == pytest.approx(0.01, rel=0.2)


def test_lowest_cost_spends_least_and_the_unknown_comes_last():
    three = options()
    assert picks("lowest_cost", three, 2, {"b": 5, "c": 7}) == ["b", "b"]
    assert picks("lowest_cost", [three[0], three[2]], 1, {"b": 5, "c": 7}) == ["c"]


def test_lowest_cost_shares_between_those_that_cost_the_same():
    assert picks("lowest_cost", options(), 4, {"a": 5, "b": 5, "c": 6}, hold=True) == ["a", "b", "a", "b"]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_strategy_picks_the_same_from_the_same(strategy):
    assert picks(strategy, options(), 9, hold=True) == picks(strategy, options(), 9, hold=True)
