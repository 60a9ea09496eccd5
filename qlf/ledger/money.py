"""Amounts of money: whole micro-dollars inside, dollars in front of people. No float anywhere."""

from __future__ import annotations

import re

from qlf.errors import UsageError

__all__ = ["MAX_MICROS", "format_usd", "parse_usd"]

MAX_MICROS = 10**15
"""A thousand million dollars; more than that is a typing error."""

_AMOUNT = re.compile(r"\$?([0-9]{1,10})(?:\.([0-9]{1,6}))?")


def parse_usd(text: str) -> int:
    """The micro-dollars in an amount such as `20`, `$0.05` or `12.345678`.

    Raises:
        UsageError: If it is no such amount.
    """
    match = _AMOUNT.fullmatch(text.strip())
    micros = int(match[1]) * 1_000_000 + int((match[2] or "").ljust(6, "0")) if match else MAX_MICROS + 1
    if micros > MAX_MICROS:
        raise UsageError(
            f"{text[:40]!r} is no amount in US dollars",
            hint="write it as 20 or 0.05, with at most 6 decimals",
        )
    return micros


def format_usd(micros: int) -> str:
    """An amount for a person, never rounded: `$12.34`, `$0.000125`."""
    dollars, rest = divmod(abs(micros), 1_000_000)
    decimals = f"{rest:06d}".rstrip("0").ljust(2, "0")
    return f"{'-' if micros < 0 else ''}${dollars:,}.{decimals}"
