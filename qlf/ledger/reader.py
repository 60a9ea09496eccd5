"""Reading the ledger beside whoever writes it: entries, totals, limits, heads. Nothing is ever changed."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from qlf.errors import InputError
from qlf.ledger.batch import Total
from qlf.ledger.budget import Scope
from qlf.ledger.entry import Entry, decode
from qlf.ledger.heads import Head, parse_head
from qlf.ledger.merkle import Tree, leaf_hash
from qlf.ledger.presence import dead
from qlf.ledger.store import connect_reader, explained, translate

__all__ = ["LedgerReader", "Proof"]

_STEP = 1000


@dataclass(frozen=True, slots=True)
class Proof:
    """That one entry is in the ledger, for someone who holds a signed head and nothing else."""

    entry: bytes
    index: int
    """Of the leaf, from 0."""
    size: int
    path: tuple[bytes, ...]
    root: bytes


class LedgerReader:
    """A view of the ledger at `path`; use it as a context manager.

    Raises:
        LedgerUnavailable: From every method, if there is no ledger or it cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.db: sqlite3.Connection = connect_reader(path)
        """For the modules that derive reports; read only."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the ledger."""
        self.db.close()

    @property
    def id(self) -> str:
        """The id of the ledger."""
        return str(self._state("ledger"))

    def size(self) -> int:
        """How many entries there are."""
        with explained(self.path):
            return int(self.db.execute("SELECT coalesce(max(seq), 0) FROM entry").fetchone()[0])

    def raw(self, after: int = 0) -> Iterator[tuple[int, bytes, bytes]]:
        """Number, hash and bytes of the entries after number `after`, as they are stored."""
        while True:
            # In steps, so that nothing is held open while the caller works with what it got.
            with explained(self.path):
                rows = self.db.execute(
                    "SELECT seq, hash, body FROM entry WHERE seq > ? ORDER BY seq LIMIT ?", (after, _STEP)
                ).fetchall()
            yield from rows
            if len(rows) < _STEP:
                return
            after = rows[-1][0]

    def _state(self, column: str) -> object:
        with explained(self.path):
            row = self.db.execute("SELECT ledger, limits FROM state").fetchone()
            if row is None:
                raise sqlite3.DatabaseError("the state is gone")
        return row[0] if column == "ledger" else row[1]

    def entries(self, after: int = 0) -> Iterator[Entry]:
        """The entries after number `after`.

        Raises:
            InputError: At the first that is none; `qlf audit verify` says more.
        """
        for seq, _, body in self.raw(after):
            try:
                yield decode(body)
            except ValueError as error:
                raise InputError(
                    f"entry {seq} of the ledger cannot be read", hint="run `qlf audit verify`"
                ) from error

    def limits(self) -> dict[str, int | None]:
        """The limits that `qlf budget set` stored, by name, in micros."""
        try:
            found = json.loads(str(self._state("limits")))
        except ValueError as error:
            raise translate(sqlite3.DatabaseError(), self.path) from error
        return dict(found)

    def totals(self) -> dict[Scope, Total]:
        """What is spent and reserved in every scope."""
        with explained(self.path):
            rows = self.db.execute("SELECT scope, spent, reserved FROM total ORDER BY scope")
            return {scope: Total(spent, reserved) for scope, spent, reserved in rows}

    def heads(self) -> Iterator[Head]:
        """The signed heads, oldest first.

        Raises:
            ValueError: If one of them is none.
        """
        with explained(self.path):
            for (line,) in self.db.execute("SELECT line FROM head ORDER BY size, ts"):
                yield parse_head(line)

    def abandoned(self) -> frozenset[int]:
        """The numbers of the writers that are gone and left attempts open."""
        with explained(self.path):
            return frozenset(number for number, _ in dead(self.db, self.path.parent))

    def tree(self, size: int | None = None) -> Tree:
        """The Merkle tree over the first `size` entries, or over all."""
        bodies = (body for seq, _, body in self.raw() if size is None or seq <= size)
        return Tree(leaf_hash(body) for body in bodies)

    def prove(self, seq: int, size: int | None = None) -> Proof:
        """The proof that entry `seq` is among the first `size` entries, or among all.

        Raises:
            InputError: If it is not.
        """
        bodies = [body for number, _, body in self.raw() if size is None or number <= size]
        if not 1 <= seq <= len(bodies):
            raise InputError(f"the ledger has no entry {seq}", hint=f"its entries are 1 to {len(bodies)}")
        tree = Tree(leaf_hash(body) for body in bodies)
        return Proof(bodies[seq - 1], seq - 1, tree.size, tuple(tree.inclusion(seq - 1)), tree.root())
