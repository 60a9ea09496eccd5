"""The pace of one deployment: windows, tokens, gates, and what it learns."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qlf.llm.pacing import Pace, PacePolicy, Reservation
from qlf.llm.reply import RateReport


def sends(pace, count, now=0.0, tokens=0):
    """When so many requests leave, each as soon as it may."""
    times = []
    for _ in range(count):
        now = max(now, pace.free_at(tokens, now))
        pace.take(tokens, now)
        times.append(now)
    return times


def pace_of(lab, kind="openai_compatible", policy=None, **limits):
    return Pace(lab.deployment("a", kind, **limits), policy)


def test_without_limits_nothing_waits(lab):
    pace = pace_of(lab)
    assert sends(pace, 1000) == [0.0] * 1000
    assert pace.requests_per_minute is None
    assert pace.fits(10**12)


def test_a_whole_second_may_leave_at_once_and_no_more(lab):
    times = sends(pace_of(lab, requests_per_minute=600), 25)
    assert times == pytest.approx([0.0] * 10 + [1.05] * 10 + [2.1] * 5)


def test_ten_seconds_count_too(lab):
    times = sends(pace_of(lab, requests_per_minute=600), 300)
    for start in times:
        assert sum(start <= at < start + 10 for at in times) <= 100


def test_a_limit_that_is_no_whole_number_in_a_second_is_spaced_evenly(lab):
    times = sends(pace_of(lab, requests_per_minute=90), 30)
    gaps = [b - a for a, b in pairwise(times)]
    assert gaps == pytest.approx([60 / 90 * 1.02] * 29)


def test_less_than_one_request_a_second_is_spaced_evenly(lab):
    assert sends(pace_of(lab, requests_per_minute=2), 3) == pytest.approx([0, 30.6, 61.2])


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.integers(1, 5000))
def test_no_window_ever_holds_more_than_its_share_rounded_up(lab, limit):
    times = sends(pace_of(lab, requests_per_minute=limit), 60)
    for seconds in (1.0, 10.0, 60.0):
        most = max(1, math.ceil(limit * seconds / 60))
        for first, last in zip(times, times[most:], strict=False):
            assert last - first >= seconds, "one more than allowed within the window"


def test_the_pace_is_close_to_the_limit(lab):
    for limit in (7, 60, 70, 90, 100, 599, 600, 1234, 9000):
        times = sends(pace_of(lab, requests_per_minute=limit), 10 * max(1, limit // 6))
        assert len(times) / (times[-1] + 60 / limit) * 60 >= 0.93 * limit


def test_tokens_are_reserved_and_leave_after_a_minute(lab):
    pace = pace_of(lab, tokens_per_minute=1000)
    assert sends(pace, 3, tokens=400) == pytest.approx([0.0, 0.0, 60.05])
    assert pace.tokens_in_use(60.05) == 400


def test_true_use_is_settled_where_the_provider_gives_back(lab):
    pace = pace_of(lab, "bedrock", tokens_per_minute=1000)
    reservation = pace.take(900, 0.0)
    assert pace.free_at(500, 1.0) > 1.0
    pace.settle(reservation, 100)
    assert pace.tokens_in_use(1.0) == 100
    assert pace.free_at(900, 1.0) <= 1.0


@pytest.mark.parametrize("kind", ["azure_openai", "openai_compatible"])
def test_a_provider_that_keeps_its_estimate_gets_the_same_from_us(lab, kind):
    pace = pace_of(lab, kind, tokens_per_minute=1000)
    reservation = pace.take(900, 0.0)
    pace.settle(reservation, 100)
    assert pace.tokens_in_use(1.0) == 900
    pace.settle(reservation, 950)
    assert pace.tokens_in_use(1.0) == 950, "what was used beyond the estimate counts"


def test_who_gives_back_can_be_said(lab):
    policy = PacePolicy(refunding=frozenset({"azure_openai"}))
    pace = pace_of(lab, "azure_openai", policy, tokens_per_minute=1000)
    pace.settle(pace.take(900, 0.0), 100)
    assert pace.tokens_in_use(0.0) == 100


def test_settling_after_the_minute_is_over_changes_nothing(lab):
    pace = pace_of(lab, "bedrock", tokens_per_minute=1000)
    late = pace.take(900, 0.0)
    pace.take(300, 61.0)
    assert pace.tokens_in_use(61.0) == 300
    pace.settle(late, 100)
    assert pace.tokens_in_use(61.0) == 300


def test_a_request_that_never_left_counts_nowhere(lab):
    pace = pace_of(lab, requests_per_minute=1, tokens_per_minute=1000)
    reservation = pace.take(1000, 5.0)
    assert pace.free_at(1, 5.0) > 5.0
    pace.give_back(reservation)
    assert pace.free_at(1000, 5.0) <= 5.0


def test_a_request_larger_than_the_minute_never_fits(lab):
    pace = pace_of(lab, tokens_per_minute=1000)
    assert not pace.fits(1001)
    assert pace.free_at(1001, 0.0) == math.inf
    assert pace.fits(1000)


def test_a_request_that_fits_the_limit_but_not_what_is_left_of_it_goes_out_alone(lab):
    pace = pace_of(lab, tokens_per_minute=1000)
    pace.refused(pace.take(0, 0.0), 1.0, 0.5)
    assert pace.tokens_per_minute == 700
    assert pace.free_at(900, 5.0) <= 5.0
    pace.take(900, 5.0)
    assert pace.free_at(1, 5.0) > 5.0


def test_a_refusal_lowers_the_pace_at_most_every_two_seconds(lab):
    pace = pace_of(lab, requests_per_minute=600)
    pace.refused(pace.take(0, 0.0), 0.0, 0.1)
    assert pace.requests_per_minute == pytest.approx(420)
    pace.refused(pace.take(0, 1.0), 0.0, 1.1)
    assert pace.requests_per_minute == pytest.approx(420)
    pace.refused(pace.take(0, 2.2), 0.0, 2.3)
    assert pace.requests_per_minute == pytest.approx(294)


def test_requests_from_before_a_decrease_do_not_lower_it_again(lab):
    pace = pace_of(lab, requests_per_minute=600)
    early = [pace.take(0, 0.0) for _ in range(10)]
    for number, reservation in enumerate(early):
        pace.refused(reservation, 0.0, 0.1 + 3.0 * number)
    assert pace.requests_per_minute == pytest.approx(420)


def test_the_pace_climbs_back_to_the_whole_limit(lab):
    pace = pace_of(lab, requests_per_minute=600)
    pace.refused(pace.take(0, 0.0), 0.0, 0.1)
    seen = []
    for second in range(1, 600):
        pace.free_at(0, float(second))
        seen.append(pace.scale)
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
    assert seen[30] < 0.9, "not in one leap"
    assert sends(pace, 11, now=700.0)[9] == 700.0, "bursts are allowed again"


def test_after_a_refusal_requests_are_spaced_evenly(lab):
    pace = pace_of(lab, requests_per_minute=600)
    pace.refused(pace.take(0, 0.0), 0.0, 0.1)
    times = sends(pace, 5, now=2.0)
    assert all(b - a >= 0.9 * 60 / 420 for a, b in pairwise(times))


@pytest.mark.parametrize("asked", [0.25, 7.0, 90.0])
def test_retry_after_closes_the_whole_deployment(lab, asked):
    pace = pace_of(lab)
    pace.refused(pace.take(0, 0.0), asked, 1.0)
    assert pace.gate_until == pytest.approx(1.0 + asked + 0.05)
    assert pace.free_at(0, 1.0) >= pace.gate_until


@pytest.mark.parametrize("asked", [math.nan, math.inf, -5.0, None])
def test_a_senseless_or_missing_retry_after_gives_a_short_pause(lab, asked):
    pace = pace_of(lab, requests_per_minute=600)
    pace.refused(pace.take(0, 0.0), asked, 1.0)
    assert 1.8 <= pace.gate_until <= 2.3


def test_an_absurd_retry_after_is_cut(lab):
    pace = pace_of(lab)
    pace.refused(pace.take(0, 0.0), 1e12, 0.0)
    assert pace.gate_until == pytest.approx(600.05)


def test_pauses_grow_with_refusals_in_a_row_and_are_short_again_after_an_answer(lab):
    pace, now, pauses = pace_of(lab, requests_per_minute=600), 0.0, []
    for _ in range(8):
        pace.refused(pace.take(0, now), None, now)
        pauses.append(pace.gate_until - now)
        now = pace.gate_until
    for number, pause in enumerate(pauses):
        assert 0.79 * min(30, 2**number) <= pause - 0.05 <= 1.21 * min(30, 2**number)
    assert max(pauses) <= 30.05
    pace.answered(pace.take(0, now))
    pace.refused(pace.take(0, now), None, now)
    assert pace.gate_until - now < 1.3


def test_refused_again_after_the_time_it_was_told_it_waits_longer(lab):
    pace, now, pauses = pace_of(lab, requests_per_minute=600), 0.0, []
    for _ in range(4):
        pace.refused(pace.take(0, now), 0.0, now)
        pauses.append(pace.gate_until - now)
        now = pace.gate_until
    assert pauses[0] == pytest.approx(0.05)
    assert pauses[1] < pauses[2] < pauses[3]


def test_requests_refused_together_count_as_one_refusal(lab):
    pace = pace_of(lab, requests_per_minute=600)
    together = [pace.take(0, 0.0) for _ in range(10)]
    for reservation in together:
        pace.refused(reservation, None, 0.2)
    assert pace.gate_until < 1.6


def test_pauses_differ_between_deployments_but_not_between_runs(lab):
    def pause(name):
        pace = Pace(lab.deployment(name))
        pace.refused(pace.take(0, 0.0), None, 0.0)
        return pace.gate_until

    assert pause("a") == pause("a")
    assert len({pause(name) for name in "abcdef"}) > 3


def test_reported_limits_are_taken_over_in_both_directions_within_the_configured_ones(lab):
    pace = pace_of(lab, requests_per_minute=600, tokens_per_minute=1000)
    reservation = pace.take(0, 0.0)
    pace.learn(RateReport(requests_limit=300, tokens_limit=500), reservation, 1.0)
    assert (pace.requests_per_minute, pace.tokens_per_minute) == (300, 500)
    pace.learn(RateReport(), reservation, 1.0)
    assert (pace.requests_per_minute, pace.tokens_per_minute) == (300, 500)
    pace.learn(RateReport(requests_limit=9000, tokens_limit=9000), reservation, 2.0)
    assert (pace.requests_per_minute, pace.tokens_per_minute) == (600, 1000)


def test_limits_nobody_configured_are_learned_from_the_first_report(lab):
    pace = pace_of(lab)
    pace.learn(RateReport(requests_limit=60, tokens_limit=500), pace.take(100, 0.0), 1.0)
    assert (pace.requests_per_minute, pace.tokens_per_minute) == (60, 500)
    assert not pace.fits(501)
    pace.learn(RateReport(requests_limit=120, tokens_limit=800), pace.take(100, 1.0), 2.0)
    assert (pace.requests_per_minute, pace.tokens_per_minute) == (120, 800)


@pytest.mark.parametrize("odd", [0, -1])
def test_limits_of_zero_or_less_mean_nothing(lab, odd):
    pace = pace_of(lab, requests_per_minute=600, tokens_per_minute=1000)
    pace.learn(RateReport(requests_limit=odd, tokens_limit=odd), pace.take(0, 0.0), 1.0)
    assert (pace.requests_per_minute, pace.tokens_per_minute) == (600, 1000)


def test_a_lower_report_after_a_refusal_does_not_lower_the_pace_twice(lab):
    pace = pace_of(lab, requests_per_minute=600)
    pace.refused(pace.take(0, 0.0), 0.0, 0.1)
    pace.learn(RateReport(requests_limit=500), pace.take(0, 1.0), 1.1)
    assert pace.requests_per_minute == pytest.approx(420)


def test_what_others_use_of_the_same_quota_counts(lab):
    pace = pace_of(lab, tokens_per_minute=1000)
    reservation = pace.take(100, 0.0)
    pace.learn(RateReport(tokens_limit=1000, tokens_remaining=300), reservation, 1.0)
    assert pace.tokens_in_use(1.0) == 700
    pace.learn(RateReport(tokens_limit=1000, tokens_remaining=300), reservation, 1.0)
    assert pace.tokens_in_use(1.0) == 700
    assert pace.free_at(400, 1.0) > 1.0


def test_without_any_known_limit_a_refusal_teaches_one_that_is_forgotten_again(lab):
    pace = pace_of(lab)
    for number in range(100):
        pace.take(0, number / 10)
    pace.refused(pace.take(0, 10.0), 0.0, 10.0)
    assert pace.requests_per_minute is not None
    assert pace.requests_per_minute < 600
    second = 11.0
    while pace.requests_per_minute is not None and second < 5000:
        pace.free_at(0, second)
        second += 1.0
    assert pace.requests_per_minute is None
    assert 100 < second < 1000


def test_a_limit_rounded_down_by_the_provider_is_kept_rounded_down_after_one_refusal(lab):
    pace = pace_of(lab, requests_per_minute=90)
    pace.refused(pace.take(0, 0.0), 0.0, 0.1)
    for second in range(1, 600):
        pace.free_at(0, float(second))
    assert pace.scale == 1.0
    times = sends(pace, 10, now=1000.0)
    assert min(b - a for a, b in pairwise(times)) >= 1.0


def test_what_holds_a_request_back_is_said(lab):
    pace = pace_of(lab, requests_per_minute=60, tokens_per_minute=1000)
    assert pace.hold(10, 0.0) is None
    pace.take(900, 0.0)
    assert pace.hold(10, 0.0).limit == "its 60 requests per minute"
    assert pace.hold(200, 0.0).limit == "its 1,000 tokens per minute"
    pace.refused(pace.take(0, 0.0), 300.0, 0.0)
    assert pace.hold(0, 0.0).limit == "its Retry-After"


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    st.lists(
        st.tuples(st.floats(0, 30), st.integers(0, 1000), st.sampled_from(["settle", "back", "refund", ""])),
        max_size=60,
    )
)
def test_the_sum_of_tokens_is_always_what_the_last_minute_holds(lab, steps):
    pace, now = pace_of(lab, "bedrock", tokens_per_minute=10**6), 0.0
    model: list[Reservation] = []
    for wait, tokens, what in steps:
        now += wait
        reservation = pace.take(tokens, now)
        model.append(reservation)
        if what == "settle":
            pace.settle(model[len(model) // 2], tokens // 2)
        elif what == "back":
            pace.give_back(reservation)
        elif what == "refund":
            pace.refund(model[len(model) // 3])
        held = sum(entry.tokens for entry in model if entry.at + 60.05 > now)
        assert pace.tokens_in_use(now) == held
