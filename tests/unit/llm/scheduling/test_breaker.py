"""When a deployment is left alone, and how it comes back."""

from __future__ import annotations

import math

import pytest

from qlf.llm.breaker import Breaker, BreakerPolicy
from qlf.llm.failure import FailureKind

COUNTED = ["UNAVAILABLE", "TIMEOUT", "CUT", "MALFORMED", "WRONG_MODEL"]


def tripped(now=0.0):
    breaker = Breaker()
    for _ in range(2):
        breaker.failed(FailureKind.UNAVAILABLE, now, probe=False)
    assert breaker.state == "open"
    return breaker


@pytest.mark.parametrize("kind", COUNTED)
def test_two_failures_in_a_row_open_it(kind):
    breaker = Breaker()
    breaker.failed(FailureKind[kind], 0.0, probe=False)
    assert breaker.closed
    breaker.failed(FailureKind[kind], 0.0, probe=False)
    assert breaker.state == "open"
    assert not breaker.closed
    assert breaker.opened == 1


def test_an_answer_in_between_keeps_it_closed():
    breaker = Breaker()
    for _ in range(4):
        breaker.failed(FailureKind.CUT, 0.0, probe=False)
        breaker.answered(probe=False)
    assert breaker.closed


def test_half_of_the_recent_attempts_failing_opens_it_too():
    breaker = Breaker()
    for _ in range(5):
        assert breaker.closed
        breaker.answered(probe=False)
        breaker.failed(FailureKind.CUT, 0.0, probe=False)
    assert breaker.state == "open"


@pytest.mark.parametrize("kind", ["THROTTLED", "BAD_REQUEST", "TOO_LONG", "FILTERED", "SCHEMA"])
def test_what_is_not_the_fault_of_the_deployment_never_opens_it(kind):
    breaker = Breaker()
    for _ in range(50):
        breaker.failed(FailureKind[kind], 0.0, probe=False)
    assert breaker.closed


def test_refusals_do_not_hide_failures_around_them():
    breaker = Breaker()
    breaker.failed(FailureKind.UNAVAILABLE, 0.0, probe=False)
    breaker.failed(FailureKind.THROTTLED, 0.0, probe=False)
    breaker.failed(FailureKind.UNAVAILABLE, 0.0, probe=False)
    assert breaker.state == "open"


def test_one_probe_at_a_time_after_a_while():
    breaker = tripped(now=100.0)
    assert breaker.ready_at == 101.0
    assert breaker.begin_probe()
    assert breaker.state == "half_open"
    assert breaker.ready_at == math.inf
    assert not breaker.begin_probe()
    breaker.answered(probe=True)
    assert breaker.closed
    assert not breaker.begin_probe()


def test_the_pause_doubles_up_to_the_probe_interval():
    breaker, now, pauses = tripped(), 0.0, []
    for _ in range(6):
        pauses.append(breaker.ready_at - now)
        now = breaker.ready_at
        assert breaker.begin_probe()
        breaker.failed(FailureKind.TIMEOUT, now, probe=True)
    assert pauses == [1, 2, 4, 8, 10, 10]


@pytest.mark.parametrize("kind", ["THROTTLED", "BAD_REQUEST", "FILTERED"])
def test_a_probe_that_is_answered_with_a_refusal_shows_that_it_is_well(kind):
    breaker = tripped()
    breaker.begin_probe()
    breaker.failed(FailureKind[kind], 1.0, probe=True)
    assert breaker.closed


def test_an_abandoned_probe_frees_its_place():
    breaker = tripped()
    breaker.begin_probe()
    breaker.abandoned(probe=True)
    assert breaker.state == "open"
    assert breaker.begin_probe()


def test_late_news_of_requests_from_before_change_nothing():
    breaker = tripped(now=0.0)
    breaker.answered(probe=False)
    assert breaker.state == "open"
    breaker.failed(FailureKind.UNAVAILABLE, 0.9, probe=False)
    assert breaker.ready_at == 1.0
    assert breaker.opened == 1


@pytest.mark.parametrize("kind", ["AUTH", "NOT_FOUND"])
def test_a_misconfigured_deployment_is_out_until_reinstated(kind):
    breaker = Breaker()
    breaker.failed(FailureKind[kind], 0.0, probe=False)
    assert breaker.state == "out"
    assert breaker.out is FailureKind[kind]
    assert breaker.ready_at == math.inf
    assert not breaker.begin_probe()
    breaker.answered(probe=False)
    assert breaker.state == "out"
    breaker.reinstate()
    assert breaker.closed


def test_a_probe_that_finds_it_misconfigured_takes_it_out():
    breaker = tripped()
    breaker.begin_probe()
    breaker.failed(FailureKind.AUTH, 1.0, probe=True)
    assert breaker.state == "out"
    breaker.reinstate()
    assert breaker.closed


def test_the_thresholds_are_the_users():
    breaker = Breaker(BreakerPolicy(consecutive=1, first_probe_seconds=7, probe_seconds=5))
    breaker.failed(FailureKind.CUT, 0.0, probe=False)
    assert breaker.ready_at == 5.0
