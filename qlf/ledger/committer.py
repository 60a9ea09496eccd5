"""The one place that writes to the ledger: operations in, one durable transaction, results out.

Not safe for threads: each writer thread has its own. Safe for processes: the state is read inside the
transaction, which holds the write lock of the database.
"""

from __future__ import annotations

import contextlib
import random
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from qlf.core.metering import Ending, Intent, Outcome, Ticket
from qlf.errors import InternalError, LedgerUnavailable, QlfError
from qlf.ledger.batch import Batch, Opened, Total
from qlf.ledger.budget import BudgetLimits, Limits, Scope, day_of, refusal, scopes_of
from qlf.ledger.counted import Counting
from qlf.ledger.entry import (
    Kind,
    Value,
    clean,
    clean_name,
    outcome_counts,
    outcome_fields,
    served_fields,
)
from qlf.ledger.heads import Head, Signer, append_heads
from qlf.ledger.money import MAX_MICROS
from qlf.ledger.operation import Change, Close, Note, Open, Operation, Serve, Settle
from qlf.ledger.presence import Presence, dead, forget
from qlf.ledger.store import BUSY, FULL, State, connect_writer, translate

__all__ = ["Committer", "Place", "Result"]

Result = Ticket | QlfError | ValueError | None
_ABANDONED = Outcome(Ending.UNKNOWN, error="abandoned")
_MISTAKES = (
    TypeError,
    ValueError,
    OverflowError,
    AttributeError,
    sqlite3.IntegrityError,
    sqlite3.ProgrammingError,
    sqlite3.InterfaceError,
    sqlite3.DataError,
)
_STATES = {Ending.ANSWERED: State.ANSWERED, Ending.REFUSED: State.REFUSED, Ending.UNKNOWN: State.UNKNOWN}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a ledger is kept, and how often it is signed."""

    path: Path
    signing_key: Path
    heads: Path | None = None
    """The file that signed heads are exported to."""
    head_entries: int = 1024
    head_seconds: float = 60.0
    lock_seconds: float = 10.0
    """How long to wait for other processes."""


class Committer:
    """Writes batches of operations.

    Raises:
        LedgerUnavailable: If the ledger or its signing key cannot be used.
    """

    def __init__(
        self,
        place: Place,
        limits: BudgetLimits,
        ceiling: BudgetLimits | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._place = place
        self._configured = limits
        self._ceiling = ceiling
        self._clock = clock
        self._signer = Signer.load(place.signing_key)
        self._db = connect_writer(place.path)
        self._counted = Counting()
        self._open: dict[int, Opened] = {}
        self._unexported: list[Head] = []
        self._broken: QlfError | None = None
        self._presence: Presence | None = None
        self.unsigned = False
        """Whether there are entries that no head covers."""

    @property
    def under_way(self) -> int:
        """How many attempts are open."""
        return len(self._open)

    def commit(self, operations: Sequence[Operation], *, sign: bool = False) -> list[Result]:
        """Apply all operations in one transaction; durable when it returns.

        Args:
            operations: What to write, in order.
            sign: Make a head now, if there is anything new.

        Returns:
            One result for each: a ticket, nothing, or the error that its caller gets.
        """
        if self._broken is not None:
            return [self._broken] * len(operations)
        exported = self._export()
        try:
            results = self._transaction(operations, sign=sign, exported=exported)
        except _MISTAKES as error:
            self._roll_back()
            if len(operations) > 1:
                # One caller's mistake is nobody else's.
                return [self.commit((one,), sign=sign)[0] for one in operations]
            return [InternalError(f"the ledger cannot record this: {error}")] * len(operations)
        except (sqlite3.Error, OSError) as error:
            return [self._failed(error)] * len(operations)
        except QlfError as error:
            self._roll_back()
            return [error] * len(operations)
        self._export()
        return results

    def close(self) -> QlfError | None:
        """Sign what is unsigned, and let go of the files; what kept a head from being exported."""
        try:
            if self._broken is None and self.unsigned:
                self.commit((), sign=True)
            if self._presence is not None:
                if self._broken is None and not self._open:
                    self._leave(self._presence)
                self._presence.leave(remove=not self._open)
        finally:
            self._db.close()
        return self._export()

    def _transaction(
        self, operations: Sequence[Operation], *, sign: bool, exported: QlfError | None
    ) -> list[Result]:
        self._begin()
        batch = Batch.begin(self._db, int(self._clock() * 1000))
        self._check_key(batch)
        batch.start(self._signer.key)
        joined: Presence | None = None
        if self._presence is None and any(isinstance(one, Open) for one in operations):
            joined = Presence.join(self._place.path.parent)
            joined.id = self._enter(joined)
            self._presence = joined
        opened: dict[int, Opened] = {}
        closed: list[int] = []
        try:
            tickets = [one.ticket.id for one in operations if isinstance(one, Close)]
            still_open = batch.still_open(tickets) if tickets else set()
            results = [self._apply(batch, one, opened, closed, still_open, exported) for one in operations]
            head = self._sign(batch, force=sign)
            batch.write()
            self._db.execute("COMMIT")
        except BaseException:
            # Numbers given in a transaction that is undone mean nothing.
            self._counted.clear()
            if joined is not None:
                self._presence = None
                joined.leave(remove=True)
            raise
        self._open.update(opened)
        for ticket in closed:
            self._open.pop(ticket, None)
        self.unsigned = batch.head_size < batch.frontier.size
        if head is not None:
            self._unexported.append(head)
        return results

    def _begin(self) -> None:
        deadline = time.monotonic() + self._place.lock_seconds
        while True:
            try:
                self._db.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF not in BUSY or time.monotonic() > deadline:
                    raise
                # Short and uneven, so that no process is always the one that comes too late.
                time.sleep(random.uniform(0.0005, 0.003))  # noqa: S311 - nobody gains by guessing it
            else:
                return

    def _apply(
        self,
        batch: Batch,
        operation: Operation,
        opened: dict[int, Opened],
        closed: list[int],
        still_open: set[int],
        exported: QlfError | None,
    ) -> Result:
        match operation:
            case Open(intent):
                return exported or self._reserve(batch, intent, opened)
            case Close(ticket, outcome):
                if ticket.id not in still_open:
                    return InternalError(f"the ticket {ticket.id} is not open: it was settled before")
                still_open.discard(ticket.id)
                closed.append(ticket.id)
                self._settle(batch, ticket.id, outcome)
            case Serve(served):
                fields = served_fields(served)
                counted = self._counted.served(served)
                batch.served_row(batch.add(Kind.SERVED, fields), counted, served.saved_micros)
            case Change(who, limits, reset):
                self._change(batch, who, limits, reset=reset)
            case Note(kind, fields):
                batch.add(kind, {k: clean(v) if isinstance(v, str) else v for k, v in fields.items()})
            case Settle():
                self._settle_abandoned(batch, still_open)
        return None

    def _reserve(self, batch: Batch, intent: Intent, opened: dict[int, Opened]) -> Result:
        asked = intent.reserve_micros
        if not 0 <= asked <= MAX_MICROS:
            return ValueError(f"a reservation is 0 to {MAX_MICROS} micros, not {asked!r}")
        counted = self._counted.intent(intent)
        scopes = batch.scopes(counted)
        totals = batch.totals_of(scopes)
        fields: dict[str, Value] = counted.fields.copy()
        fields["call"] = clean(intent.call)
        fields["attempt"] = intent.attempt
        for scope, limit, total in self._limited(batch, scopes):
            if total.spent + total.reserved + asked > limit:
                facts = {"limit": limit, "spent": total.spent, "reserved": total.reserved, "asked": asked}
                batch.add(Kind.REFUSED, {**fields, **facts, "scope": scope})
                return refusal(scope, limit, total.spent, total.reserved, asked)
        writer = 0
        if intent.lasting:
            # Of no writer, so that nobody takes it for abandoned when this one is gone.
            fields["lasting"] = 1
        else:
            assert self._presence is not None
            writer = fields["writer"] = self._presence.id
        fields["reserve"] = asked
        if intent.request_digest:
            fields["request"] = clean(intent.request_digest)
        seq = batch.add(Kind.INTENT, fields)
        batch.open_row(seq, counted, first=intent.attempt == 1, writer=writer, reserve=asked)
        for total in totals:
            total.reserved += asked
        if writer:
            opened[seq] = Opened(asked, scopes)
        return Ticket(seq, asked)

    def _settle(self, batch: Batch, seq: int, outcome: Outcome) -> None:
        opened = self._open.get(seq) or _find_open(batch, seq)
        reserve, ending = opened.reserve, outcome.ending
        charge = 0
        if ending is Ending.UNKNOWN:
            charge = reserve
        elif ending is Ending.ANSWERED:
            charge = outcome.cost_micros
            if not 0 <= charge <= MAX_MICROS:
                # Closing must not fail for it: the money may be spent. The reservation is the safe side.
                charge = reserve
        counts = outcome_counts(outcome)
        batch.add(Kind.OUTCOME, outcome_fields(seq, outcome, counts, charge, max(0, charge - reserve)))
        batch.closes += (seq, _STATES[ending], charge, *counts[:6])
        for total in batch.totals_of(opened.scopes):
            total.reserved -= reserve
            total.spent += charge

    def _settle_abandoned(self, batch: Batch, still_open: set[int]) -> None:
        mine = self._presence.id if self._presence is not None else 0
        settled = set(batch.closes[::9])
        for writer, name in dead(batch.db, self._place.path.parent, besides=mine):
            rows = batch.db.execute("SELECT seq FROM spend WHERE state = 0 AND writer = ?", (writer,))
            for (seq,) in rows.fetchall():
                if seq not in settled:
                    self._settle(batch, seq, _ABANDONED)
                    still_open.discard(seq)
            batch.db.execute("DELETE FROM writer WHERE id = ?", (writer,))
            forget(self._place.path.parent, name)

    def _change(self, batch: Batch, who: str, limits: Mapping[str, int | None], *, reset: bool) -> None:
        wanted: dict[str, int | None] = dict.fromkeys(batch.stored) if reset else {}
        for name, micros in {**wanted, **limits}.items():
            forgotten = reset and name not in limits
            fields: dict[str, str | int] = {"who": clean_name(who), "limit": clean_name(name)}
            fields["old"] = _shown(batch.stored, name)
            fields["new"] = "default" if forgotten else _shown({name: micros}, name)
            batch.add(Kind.BUDGET, fields)
            if forgotten:
                del batch.stored[name]
            else:
                batch.stored[name] = micros
        # What was worked out from the old limits holds no more.
        batch.limited.clear()

    def _limited(self, batch: Batch, scopes: tuple[Scope, ...]) -> list[tuple[Scope, int, Total]]:
        """The scopes that have a limit, with it and their totals."""
        found = batch.limited.get(scopes)
        if found is None:
            limits = Limits(batch.stored, self._configured, self._ceiling)
            found = batch.limited[scopes] = [
                (scope, limit, total)
                for scope, total in zip(scopes, batch.totals_of(scopes), strict=True)
                if (limit := limits.of(scope)) is not None
            ]
        return found

    def _sign(self, batch: Batch, *, force: bool) -> Head | None:
        size = batch.frontier.size
        new = size - batch.head_size
        due = new >= self._place.head_entries or batch.now - batch.head_ts >= self._place.head_seconds * 1000
        if not new or not (due or force):
            return None
        head = self._signer.sign(batch.ledger, size, batch.frontier.root(), batch.now)
        batch.heads.append((size, head.ts, head.to_line()))
        batch.head_size, batch.head_ts, batch.head_key = size, head.ts, head.public_key
        return head

    def _check_key(self, batch: Batch) -> None:
        if batch.head_key and batch.head_key != self._signer.public_key:
            raise LedgerUnavailable(
                f"the key {str(self._place.signing_key)!r} is not the one that signed this ledger",
                hint="restore the key file, or move the folder of the ledger away to begin a new one",
            )

    def _export(self) -> QlfError | None:
        if not self._unexported or self._place.heads is None:
            self._unexported.clear()
            return None
        try:
            append_heads(self._place.heads, self._unexported)
        except OSError as error:
            return LedgerUnavailable(
                f"the signed heads cannot be written to {str(self._place.heads)!r}: {error.strerror}",
                hint="make the file writable, with free space",
            )
        self._unexported.clear()
        return None

    def _failed(self, error: BaseException) -> QlfError:
        self._roll_back()
        found = translate(error, self._place.path)
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if isinstance(error, OSError) or code in BUSY or code == FULL:
            return found
        # After a failed write or fsync nobody knows what is on the disk, and asking again may succeed
        # although the data is lost. So this process writes no more.
        self._broken = found
        return found

    def _roll_back(self) -> None:
        with contextlib.suppress(sqlite3.Error):
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")

    def _enter(self, presence: Presence) -> int:
        cursor = self._db.execute("INSERT INTO writer (name) VALUES (?)", (presence.name,))
        assert cursor.lastrowid is not None
        return cursor.lastrowid

    def _leave(self, presence: Presence) -> None:
        with contextlib.suppress(sqlite3.Error):
            self._begin()
            self._db.execute("DELETE FROM writer WHERE id = ?", (presence.id,))
            self._db.execute("COMMIT")
        self._roll_back()


def _find_open(batch: Batch, seq: int) -> Opened:
    """An attempt that another process opened."""
    reserve, ts, run, project, tenant = batch.db.execute(
        "SELECT reserve, ts, run, project, tenant FROM spend JOIN dims ON dims.id = spend.dims WHERE seq = ?",
        (seq,),
    ).fetchone()
    day = day_of(ts)
    return Opened(reserve, (*scopes_of(run, project, tenant), f"day:{day}", f"month:{day[:7]}"))


def _shown(limits: Mapping[str, int | None], name: str) -> str | int:
    if name not in limits:
        return "default"
    micros = limits[name]
    return "none" if micros is None else micros
