"""One transaction of the ledger: reads the state, applies operations in order, writes everything at once.

Rows are gathered and written by few statements of many rows each. Besides being faster, this matters for
the threads beside the writer: SQLite lets go of the interpreter lock at each step, and may have to wait
for it five milliseconds each time.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, NamedTuple

from qlf.ledger.budget import Scope, day_of
from qlf.ledger.counted import Counted
from qlf.ledger.entry import Kind, Value, encode
from qlf.ledger.merkle import Frontier
from qlf.ledger.store import State

__all__ = ["Batch", "Opened", "Total"]

_ZEROS = (0,) * 6


@dataclass(frozen=True, slots=True)
class _Rows:
    """A statement that writes rows of so many values, several at a time."""

    head: str
    columns: int
    tail: str = ""


_ENTRY = _Rows("INSERT INTO entry (seq, hash, body) VALUES ", 3)
_SPEND = _Rows("INSERT INTO spend VALUES ", 15)
_TOTAL = _Rows(
    "INSERT INTO total (scope, spent, reserved) VALUES ",
    3,
    " ON CONFLICT (scope) DO UPDATE SET spent = excluded.spent, reserved = excluded.reserved",
)
_CLOSE = _Rows(
    """UPDATE spend SET state = column2, charge = column3, input = column4, output = column5,
    cache_read = column6, cache_write = column7, reasoning = column8, ms = column9 FROM (VALUES """,
    9,
    ") WHERE seq = column1",
)
_TOTALS = "SELECT json_group_array(json_array(scope, spent, reserved)) FROM total WHERE scope IN "
_STILL_OPEN = "SELECT json_group_array(seq) FROM spend WHERE state = 0 AND seq IN "
_DIMS = """SELECT id FROM dims WHERE run = ? AND project = ? AND tenant = ? AND agent = ? AND overlay = ?
    AND provider = ? AND deployment = ? AND model = ?"""


class Opened(NamedTuple):
    """An attempt that is not settled, as far as money is concerned."""

    reserve: int
    scopes: tuple[Scope, ...]


@dataclass(slots=True)
class Total:
    """Money of one scope, in micros."""

    spent: int = 0
    reserved: int = 0


@dataclass(slots=True)
class Batch:
    """The state at the start of a transaction, and the rows that it adds."""

    db: sqlite3.Connection
    now: int
    """Milliseconds since 1970, UTC."""
    ledger: str = ""
    last: str = ""
    frontier: Frontier = field(default_factory=Frontier)
    head_size: int = 0
    head_ts: int = 0
    head_key: str = ""
    stored: dict[str, int | None] = field(default_factory=dict)
    totals: dict[Scope, Total] = field(default_factory=dict)
    day: str = ""
    # The values of rows, one row after the other: many small tuples would keep the garbage collector busy.
    entries: list[int | bytes] = field(default_factory=list)
    spends: list[int] = field(default_factory=list)
    closes: list[int] = field(default_factory=list)
    touched: set[Scope] = field(default_factory=set)
    groups: dict[tuple[Scope, ...], list[Total]] = field(default_factory=dict)
    limited: dict[tuple[Scope, ...], list[tuple[Scope, int, Total]]] = field(default_factory=dict)
    heads: list[tuple[int, int, bytes]] = field(default_factory=list)

    @classmethod
    def begin(cls, db: sqlite3.Connection, now: int) -> Batch:
        """Read the state; the caller has begun the transaction."""
        row = db.execute(
            "SELECT ledger, size, last, frontier, head_size, head_ts, head_key, limits FROM state"
        ).fetchone()
        if row is None:
            raise sqlite3.DatabaseError("the state is gone")
        ledger, size, last, peaks, head_size, head_ts, head_key, limits = row
        try:
            frontier = Frontier.from_bytes(size, peaks)
            stored = json.loads(limits)
        except ValueError as error:
            raise sqlite3.DatabaseError(str(error)) from error
        return cls(db, now, ledger, last, frontier, head_size, head_ts, head_key, stored, day=day_of(now))

    def scopes(self, counted: Counted) -> tuple[Scope, ...]:
        """All scopes that a call made now counts for."""
        if counted.day != self.day:
            counted.day = self.day
            counted.dated = (*counted.scopes, f"day:{self.day}", f"month:{self.day[:7]}")
        return counted.dated

    def totals_of(self, scopes: tuple[Scope, ...]) -> list[Total]:
        """The totals of these scopes, which are about to change."""
        found = self.groups.get(scopes)
        if found is None:
            missing = [scope for scope in scopes if scope not in self.totals]
            self.totals.update((scope, Total()) for scope in missing)
            for scope, spent, reserved in self._all(_TOTALS, missing, ""):
                self.totals[scope] = Total(spent, reserved)
            found = self.groups[scopes] = [self.totals[scope] for scope in scopes]
            self.touched.update(scopes)
        return found

    def still_open(self, tickets: Sequence[int]) -> set[int]:
        """Those of the tickets that are not settled yet."""
        return set(self._all(_STILL_OPEN, tickets, 0))

    def _all(self, query: str, values: Sequence[Any], padding: Any) -> list[Any]:
        """What the query finds for any of the values; it returns one JSON array."""
        found: list[Any] = []
        for start in range(0, len(values), 128):
            part = values[start : start + 128]
            # Padded to powers of two, so that few statements are ever prepared.
            width = 1 << (len(part) - 1).bit_length()
            marks = ",".join("?" * width)
            answer = self.db.execute(f"{query}({marks})", [*part, *[padding] * (width - len(part))])
            found += json.loads(answer.fetchone()[0])
        return found

    def add(self, kind: str, fields: dict[str, Value]) -> int:
        """Append an entry, whose fields are handed over; its number."""
        seq = self.frontier.size + 1
        body = encode(seq, self.now, self.last, kind, fields)
        digest = sha256(body)
        self.last = digest.hexdigest()
        self.frontier.add(body)
        self.entries += (seq, digest.digest(), body)
        return seq

    def dims(self, counted: Counted) -> int:
        """The number of a key, given to it if it has none."""
        if not counted.dims:
            self.db.execute("INSERT OR IGNORE INTO dims VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?)", counted.key)
            counted.dims = self.db.execute(_DIMS, counted.key).fetchone()[0]
        return counted.dims

    def write(self) -> None:
        """Write everything that was added; the caller commits."""
        _many(self.db, _ENTRY, self.entries)
        _many(self.db, _SPEND, self.spends)
        _many(self.db, _CLOSE, self.closes)
        changed = [(scope, self.totals[scope]) for scope in sorted(self.touched)]
        rows = [value for scope, total in changed for value in (scope, total.spent, total.reserved)]
        _many(self.db, _TOTAL, rows)
        for head in self.heads:
            self.db.execute("INSERT OR REPLACE INTO head VALUES (?, ?, ?)", head)
        self.db.execute(
            "UPDATE state SET size = ?, last = ?, frontier = ?, head_size = ?, head_ts = ?, head_key = ?, "
            "limits = ?",
            (
                self.frontier.size,
                self.last,
                self.frontier.to_bytes(),
                self.head_size,
                self.head_ts,
                self.head_key,
                json.dumps(self.stored, sort_keys=True),
            ),
        )

    def open_row(self, seq: int, counted: Counted, *, first: bool, writer: int, reserve: int) -> None:
        """Add the row of an attempt."""
        self.spends += (seq, self.dims(counted), self.now, first, writer, State.OPEN, reserve, 0, 0, *_ZEROS)

    def served_row(self, seq: int, counted: Counted, saved: int) -> None:
        """Add the row of a call that cost nothing."""
        self.spends += (seq, self.dims(counted), self.now, 1, 0, State.SERVED, 0, 0, saved, *_ZEROS)

    def start(self, key: str) -> None:
        """Write the first entry of a new ledger."""
        if self.frontier.size == 0:
            self.add(Kind.START, {"ledger": self.ledger, "key": key})


def _many(db: sqlite3.Connection, statement: _Rows, values: Sequence[Any]) -> None:
    columns = statement.columns
    row = f"({','.join('?' * columns)})"
    start, rows = 0, len(values) // columns
    while start < rows:
        # Powers of two again: 64, 32, … rows at a time.
        count = min(64, 1 << (rows - start).bit_length() - 1)
        part = values[start * columns : (start + count) * columns]
        db.execute(statement.head + ",".join([row] * count) + statement.tail, part)
        start += count
