"""Whether the ledger is what was written: every hash, every link, every head, every sum.

What is found depends on what is compared: with the ledger alone an edit, a removal, a swap and an insertion
are found; with a head that was kept elsewhere also that its tail was cut off or that all of it was written
anew. Heads count only if the key that was expected signed them.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from qlf.ledger.derive import Derived
from qlf.ledger.entry import FIRST_PREVIOUS, Kind, decode
from qlf.ledger.heads import Head
from qlf.ledger.merkle import EMPTY_ROOT, Frontier
from qlf.ledger.reader import LedgerReader
from qlf.ledger.store import explained

__all__ = ["Verification", "verify"]

_KINDS = frozenset(Kind)
_SPEND = """SELECT seq, ts, first, state, reserve, charge, saved, input, output, cache_read, cache_write,
    reasoning, ms, run, project, tenant, agent, overlay, provider, deployment, model
    FROM spend LEFT JOIN dims ON dims.id = spend.dims ORDER BY seq"""


@dataclass(frozen=True, slots=True)
class Verification:
    """The result."""

    entries: int
    root: str
    """The root over all entries, in hexadecimal."""
    heads: int = 0
    """Signed heads that were compared."""
    problem: str = ""
    """One sentence; empty if everything fits."""
    seq: int = 0
    """The first entry that is wrong; 0 if the problem is none of an entry."""
    notes: tuple[str, ...] = field(default=())

    @property
    def intact(self) -> bool:
        """Whether everything fits."""
        return not self.problem


class _Broken(Exception):
    def __init__(self, problem: str, seq: int = 0) -> None:
        super().__init__(problem)
        self.seq = seq


def verify(
    reader: LedgerReader,
    *,
    public_key: str | None = None,
    heads: Iterable[Head] = (),
    progress: Callable[[int, int], None] | None = None,
) -> Verification:
    """Check the whole ledger.

    Args:
        reader: The ledger.
        public_key: The key that heads must be signed with, in hexadecimal; without it heads of any one
            key are believed, which is said in the notes.
        heads: Heads that were kept elsewhere.
        progress: Called now and then with how many entries of how many are checked.

    Raises:
        LedgerUnavailable: If it cannot be read.
    """
    db = reader.db
    frontier = Frontier()
    checked = 0
    notes: list[str] = []
    with explained(reader.path), _snapshot(db):
        try:
            wanted, checked, key = _heads(reader, heads, public_key)
            if public_key is None and checked:
                notes.append(f"the signing key is not here, so heads by the key {key} were believed")
            _walk(reader, frontier, wanted, notes, progress)
        except _Broken as broken:
            return Verification(frontier.size, frontier.root().hex(), checked, str(broken), broken.seq)
    if not checked:
        notes.append("there is no signed head to compare with")
    return Verification(frontier.size, frontier.root().hex(), checked, notes=tuple(notes))


@contextmanager
def _snapshot(db: sqlite3.Connection) -> Iterator[None]:
    """The same state for everything that is read, whatever is written meanwhile."""
    db.execute("BEGIN")
    try:
        yield
    finally:
        with suppress(sqlite3.Error):
            db.execute("ROLLBACK")


def _heads(
    reader: LedgerReader, others: Iterable[Head], public_key: str | None
) -> tuple[dict[int, list[Head]], int, str]:
    """Heads by size, after a check of their signatures."""
    # Before the snapshot is taken: a head that is exported later may be ahead of it.
    others = list(others)
    try:
        own = list(reader.heads())
    except ValueError as error:
        raise _Broken(f"a stored head is damaged: {error}") from None
    found: dict[Head, None] = dict.fromkeys([*others, *own])
    wanted: dict[int, list[Head]] = defaultdict(list)
    expected = public_key
    ledger = reader.id
    for head in found:
        expected = expected or head.public_key
        if head.ledger != ledger:
            raise _Broken(
                f"the head of {_when(head)} over {head.size} entries is of another ledger "
                f"({head.ledger[:8]}…), this one is {ledger[:8]}…: it was replaced or begun anew"
            )
        if not head.signed_by(expected):
            raise _Broken(
                f"the head of {_when(head)} over {head.size} entries is not signed by the ledger's key"
            )
        wanted[head.size].append(head)
    return wanted, len(found), expected[:8] + "…" if expected else ""


def _walk(
    reader: LedgerReader,
    frontier: Frontier,
    wanted: dict[int, list[Head]],
    notes: list[str],
    progress: Callable[[int, int], None] | None,
) -> None:
    derived = Derived()
    previous = FIRST_PREVIOUS
    lowest = reader.db.execute("SELECT coalesce(min(seq), 1) FROM entry").fetchone()[0]
    if lowest < 1:
        raise _Broken(f"entry {lowest} was put before the first", lowest)
    latest = back = 0
    total = reader.size()
    kinds = _KINDS
    for number, (seq, stored, body) in enumerate(reader.raw(), start=1):
        if seq != number:
            raise _Broken(f"entry {number} is missing: entry {seq} comes in its place", number)
        if not isinstance(body, bytes):
            raise _Broken(f"entry {seq} was changed after it was written", seq)
        digest = sha256(body)
        if digest.digest() != stored:
            raise _Broken(f"entry {seq} was changed after it was written", seq)
        try:
            entry = decode(body)
            if entry.fields["prev"] != previous:
                raise _Broken(f"entry {seq} does not follow entry {seq - 1}: one of them was exchanged", seq)
            if entry.seq != seq or entry.kind not in kinds:
                raise ValueError("its number or kind is wrong")
            derived.add(entry)
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
            raise _Broken(f"entry {seq} is no entry that this ledger writes: {error}", seq) from None
        previous = digest.hexdigest()
        frontier.add(body)
        if seq in wanted:
            root = frontier.root().hex()
            for head in wanted.pop(seq):
                if head.root != root:
                    raise _Broken(
                        f"the first {seq} entries are not those that were signed on {_when(head)}: "
                        "an entry among them was written anew",
                        seq,
                    )
        if entry.ts < latest:
            back += 1
        latest = entry.ts
        if progress is not None and seq % 5000 == 0:
            progress(seq, total)
    if back:
        notes.append(f"the clock of the machine went back {back} times")
    _compare_rest(reader, frontier, previous, wanted, derived)


def _compare_rest(
    reader: LedgerReader,
    frontier: Frontier,
    previous: str,
    wanted: dict[int, list[Head]],
    derived: Derived,
) -> None:
    for size in sorted(wanted):
        head = wanted[size][0]
        if size:
            raise _Broken(
                f"the tail is missing: on {_when(head)} there were {size} entries, "
                f"now there are {frontier.size}",
                frontier.size + 1,
            )
        if head.root != EMPTY_ROOT.hex():
            raise _Broken(f"the head of {_when(head)} is wrong: no entry, but a root")
    state = reader.db.execute("SELECT size, last, frontier FROM state").fetchone()
    if state is None or state != (frontier.size, previous, frontier.to_bytes()):
        size = state[0] if state else 0
        raise _Broken(
            f"the tail is missing or was changed: the ledger says that it has {size} entries, "
            f"and {frontier.size} are there",
            min(size, frontier.size) + 1 if size != frontier.size else frontier.size,
        )
    if reader.limits() != derived.limits:
        raise _Broken("the stored limits are not those that the entries say")
    rows = derived.rows
    found: Sequence[Any]
    for found in reader.db.execute(_SPEND):
        seq = found[0]
        if rows.pop(seq, None) != tuple(found[1:]):
            raise _Broken(f"the table of spend does not fit entry {seq}", seq)
    if rows:
        seq = min(rows)
        raise _Broken(f"the table of spend lacks entry {seq}", seq)
    totals = {scope: (total.spent, total.reserved) for scope, total in derived.totals.items()}
    kept = {scope: (total.spent, total.reserved) for scope, total in reader.totals().items()}
    for scope in sorted(totals.keys() | kept.keys()):
        if totals.get(scope, (0, 0)) != kept.get(scope, (0, 0)):
            raise _Broken(f"the total of {scope!r} is not the sum of its entries")


def _when(head: Head) -> str:
    return datetime.fromtimestamp(head.ts / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
