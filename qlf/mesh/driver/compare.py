"""Whether an answer says what was sent."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

__all__ = ["differing"]


def differing(sent: Mapping[str, Any], received: Mapping[str, Any]) -> list[str]:
    """The fields of `sent` that came back with another value; fields that do not come back are left out."""
    return [name for name, value in sent.items() if name in received and not _same(value, received[name])]


def _same(sent: Any, received: Any) -> bool:
    if sent == received:
        return True
    if isinstance(sent, bool) or isinstance(received, bool) or sent is None or received is None:
        return False
    if isinstance(sent, list) and isinstance(received, list):
        return sorted(map(str, sent)) == sorted(map(str, received))
    # The forms of one value: a decimal as number or text, a time with or without its zone spelled out.
    for form in (_number, _moment):
        left, right = form(sent), form(received)
        if left is not None and left == right:
            return True
    return str(sent).casefold() == str(received).casefold()


def _number(value: Any) -> Decimal | None:
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return None


def _moment(value: Any) -> float | None:
    try:
        return datetime.fromisoformat(str(value)).timestamp()
    except (ValueError, OverflowError):
        return None
