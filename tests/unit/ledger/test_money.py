"""Amounts in dollars, exact to the millionth."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qlf.errors import UsageError
from qlf.ledger.money import MAX_MICROS, format_usd, parse_usd


@pytest.mark.parametrize(
    ("text", "micros"),
    [
        ("20", 20_000_000),
        ("$0.05", 50_000),
        ("0.1", 100_000),
        ("12.345678", 12_345_678),
        (" 7 ", 7_000_000),
        ("0", 0),
    ],
)
def test_an_amount_is_read(text: str, micros: int) -> None:
    assert parse_usd(text) == micros


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-1",
        "1e3",
        "nan",
        "inf",
        "0.1234567",
        "1,000",
        ".5",
        "5.",
        "1_000",
        "٣",
        "$",
        "$$1",
        "1000000001",
        "9" * 40,
    ],
)
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="no amount in US dollars"):
        parse_usd(text)


@given(st.integers(0, MAX_MICROS))
def test_an_amount_is_shown_without_loss(micros: int) -> None:
    assert parse_usd(format_usd(micros).replace(",", "")) == micros


def test_amounts_are_shown_for_people() -> None:
    shown = [format_usd(micros) for micros in (0, 1, 500_000, 12_340_000, 1_234_567_890_000, -5)]
    assert shown == ["$0.00", "$0.000001", "$0.50", "$12.34", "$1,234,567.89", "-$0.000005"]
