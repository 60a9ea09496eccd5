"""What headers say of limits and waiting."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qlf.llm.adapters.headers import duration_seconds, rate_report, request_id, retry_after_seconds
from qlf.llm.reply import RateReport


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1s", 1.0),
        ("6m0s", 360.0),
        ("20ms", 0.02),
        ("1h2m3.5s", 3723.5),
        ("1m500ms", 60.5),
        ("17", 17.0),
        ("0.25", 0.25),
        (" 2s ", 2.0),
        ("2d", 86_400.0),
        ("", None),
        ("s", None),
        ("1x", None),
        ("-1s", None),
        ("1s?", None),
        ("nan", None),
        ("inf", None),
        ("\u0661s", None),
        ("2025-01-01T00:00:00Z", None),
    ],
)
def test_durations_are_read(text, seconds):
    assert duration_seconds(text) == seconds


@given(st.text(max_size=30))
def test_any_text_is_a_duration_or_none(text):
    seconds = duration_seconds(text)
    assert seconds is None or 0 <= seconds <= 86_400


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "3"}, 3.0),
        ({"retry-after-ms": "1500", "retry-after": "2"}, 1.5),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:30 GMT", "date": "Wed, 21 Oct 2015 07:28:00 GMT"}, 30.0),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "999999999"}, 86_400.0),
        ({"retry-after-ms": "x", "retry-after": "4"}, 4.0),
        ({}, None),
    ],
)
def test_how_long_to_wait(headers, seconds):
    assert retry_after_seconds(headers) == seconds


@given(st.dictionaries(st.sampled_from(["retry-after", "retry-after-ms", "date"]), st.text(max_size=40)))
def test_any_headers_give_a_wait_or_none(headers):
    seconds = retry_after_seconds(headers)
    assert seconds is None or 0 <= seconds <= 86_400


def test_limits_are_read():
    report = rate_report(
        {
            "x-ratelimit-limit-requests": "600",
            "x-ratelimit-remaining-requests": "0",
            "x-ratelimit-reset-requests": "100ms",
            "x-ratelimit-limit-tokens": "100000",
            "x-ratelimit-remaining-tokens": "99000",
            "x-ratelimit-reset-tokens": "6m0s",
        }
    )
    assert report == RateReport(600, 0, 0.1, 100_000, 99_000, 360.0)


@pytest.mark.parametrize("unknown", ["-1", "0", "", "many", "1e3", "99999999999999999999"])
def test_unknown_limits_are_none(unknown):
    headers = {f"x-ratelimit-limit-{what}": unknown for what in ("requests", "tokens")}
    headers |= {f"x-ratelimit-remaining-{what}": unknown for what in ("requests", "tokens")}
    assert rate_report(headers) == RateReport()


def test_what_is_left_counts_without_a_limit():
    assert rate_report({"x-ratelimit-remaining-tokens": "5"}).tokens_remaining == 5


def test_an_odd_request_id_is_not_kept():
    assert request_id({"x-request-id": "a b\x1b[0m"}) == ""
    assert request_id({"x-request-id": "", "apim-request-id": "abc-1"}) == "abc-1"
    assert request_id({"x-request-id": "x" * 500}) == ""
