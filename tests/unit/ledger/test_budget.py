"""Limits: which one holds, what its refusal says."""

from __future__ import annotations

import pytest

from qlf.ledger.budget import BudgetLimits, Limits, day_of, refusal, scopes_of


def test_without_a_word_a_hundred_dollars_a_month_is_the_limit() -> None:
    limits = Limits({}, BudgetLimits())
    assert limits.of("month:2026-07") == 100_000_000
    assert limits.of("day:2026-07-31") is limits.of("run:r") is limits.of("project:shop") is None


def test_what_is_stored_wins_over_what_is_configured() -> None:
    limits = Limits({"month": 500, "day": None}, BudgetLimits(day_micros=7, run_micros=3))
    assert (limits.of("month:2026-07"), limits.of("day:2026-07-31"), limits.of("run:r")) == (500, None, 3)


def test_a_ceiling_holds_whatever_is_stored() -> None:
    limits = Limits({"month": 500}, BudgetLimits(), BudgetLimits(month_micros=400, run_micros=9))
    assert (limits.of("month:2026-07"), limits.of("run:r")) == (400, 9)


def test_a_project_of_its_own_wins_over_all_projects() -> None:
    limits = Limits({"project": 5, "project:shop": 9, "project:free": None}, BudgetLimits(tenant_micros=2))
    assert [limits.of(f"project:{name}") for name in ("shop", "other", "free")] == [9, 5, None]
    assert limits.of("tenant:acme") == 2


def test_a_run_cannot_name_itself_out_of_its_limit() -> None:
    limits = Limits({"run": 5}, BudgetLimits(projects={"x": 1}))
    assert [limits.of(scope) for scope in ("run:month", "run:project:x", "run:")] == [5, 5, 5]


def test_scopes_are_those_that_have_a_name() -> None:
    assert scopes_of("r", "", "t") == ("run:r", "tenant:t")


@pytest.mark.parametrize(
    ("milliseconds", "day"),
    [(0, "1970-01-01"), (1_785_542_399_999, "2026-07-31"), (1_785_542_400_000, "2026-08-01")],
)
def test_a_day_is_one_of_utc(milliseconds: int, day: str) -> None:
    assert day_of(milliseconds) == day


@pytest.mark.parametrize(
    ("scope", "resets", "command"),
    [
        ("month:2026-12", "on 2027-01-01 at 00:00 UTC", "qlf budget set --month 1.15"),
        ("day:2026-07-31", "on 2026-08-01 at 00:00 UTC", "qlf budget set --day 1.15"),
        ("run:r1", "another run has a budget of its own", "qlf budget set --run 1.15"),
        ("project:shop", "it does not start anew", "qlf budget set --project shop=1.15"),
        ("tenant:acme", "it does not start anew", "qlf budget set --tenant acme=1.15"),
    ],
)
def test_a_refusal_says_everything_there_is_to_know(scope: str, resets: str, command: str) -> None:
    error = refusal(scope, 1_000_000, 700_000, 250_000, 200_000)
    assert error.exit_code == 5
    assert "is $1.00: $0.70 is spent, $0.25 is reserved" in error.message
    assert "may cost $0.20" in error.message
    assert error.hint is not None
    assert resets in error.hint
    assert command in error.hint
