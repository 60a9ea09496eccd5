"""What follows from the entries: the rows of spend, the totals of every scope, and the limits.

The writer keeps these up to date as it goes; here they are derived from nothing but the record.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qlf.ledger.batch import Total
from qlf.ledger.budget import Scope, day_of, scopes_of
from qlf.ledger.entry import Entry, Kind
from qlf.ledger.store import State

__all__ = ["Derived", "Row"]

Row = tuple[Any, ...]
"""ts, first, state, reserve, charge, saved, five counts of tokens, milliseconds, and the key."""

_STATES = {"answered": State.ANSWERED, "refused": State.REFUSED, "unknown": State.UNKNOWN}


class Derived:
    """Takes entries in order and keeps what follows from them."""

    def __init__(self) -> None:
        self.rows: dict[int, Row] = {}
        self.totals: dict[Scope, Total] = {}
        self.limits: dict[str, int | None] = {}
        self._open: dict[int, tuple[Scope, ...]] = {}
        self._day = (0, "")

    def add(self, entry: Entry) -> None:
        """Take one more entry.

        Raises:
            ValueError: If it cannot follow those before it.
        """
        fields = entry.fields
        if entry.kind == Kind.INTENT:
            self._intent(entry.seq, entry.ts, fields)
        elif entry.kind == Kind.OUTCOME:
            self._outcome(entry.seq, fields)
        elif entry.kind == Kind.SERVED:
            self.rows[entry.seq] = (
                entry.ts,
                1,
                State.SERVED,
                0,
                0,
                fields.get("saved", 0),
                *(0,) * 6,
                *_key(fields),
            )
        elif entry.kind == Kind.BUDGET:
            self._change(fields)

    def _intent(self, seq: int, ts: int, fields: Mapping[str, Any]) -> None:
        reserve = fields.get("reserve", 0)
        key = _key(fields)
        number = ts // 86_400_000
        if number != self._day[0]:
            self._day = (number, day_of(ts))
        day = self._day[1]
        scopes = (*scopes_of(key[0], key[1], key[2]), f"day:{day}", f"month:{day[:7]}")
        self.rows[seq] = (ts, int(fields["attempt"] == 1), State.OPEN, reserve, *(0,) * 8, *key)
        self._open[seq] = scopes
        for scope in scopes:
            total = self.totals.get(scope)
            if total is None:
                total = self.totals[scope] = Total()
            total.reserved += reserve

    def _outcome(self, seq: int, fields: Mapping[str, Any]) -> None:
        intent = fields["intent"]
        scopes = self._open.pop(intent, None)
        if scopes is None:
            raise ValueError(f"entry {seq} settles {intent}, which is not open")
        before = self.rows[intent]
        charge = fields.get("charge", 0)
        get = fields.get
        self.rows[intent] = (
            before[0],
            before[1],
            _STATES[fields["ending"]],
            before[3],
            charge,
            0,
            get("input", 0),
            get("output", 0),
            get("cache_read", 0),
            get("cache_write", 0),
            get("reasoning", 0),
            get("ms", 0),
            *before[12:],
        )
        for scope in scopes:
            total = self.totals[scope]
            total.reserved -= before[3]
            total.spent += charge

    def _change(self, fields: Mapping[str, Any]) -> None:
        name, new = fields["limit"], fields.get("new", 0)
        if new == "default":
            self.limits.pop(name, None)
        else:
            self.limits[name] = None if new == "none" else new


def _key(fields: Mapping[str, Any]) -> tuple[str, ...]:
    get = fields.get
    return (
        get("run", ""),
        get("project", ""),
        get("tenant", ""),
        get("agent", ""),
        get("overlay", ""),
        get("provider", ""),
        get("deployment", ""),
        get("model", ""),
    )
