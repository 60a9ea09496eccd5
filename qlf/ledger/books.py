"""The books of the gateway: reserve before a call, settle after it, both on the record.

books = LedgerBooks(Place(path, signing_key, heads), BudgetLimits(day_micros=5_000_000))
ticket = await books.open(intent)
...
await books.close(ticket, outcome)
await books.aclose()
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

from qlf.core.metering import Intent, Outcome, Served, Ticket
from qlf.errors import LedgerUnavailable
from qlf.ledger.batch import Total
from qlf.ledger.budget import BudgetLimits, Scope
from qlf.ledger.committer import Committer, Place
from qlf.ledger.entry import Kind, Value
from qlf.ledger.operation import Change, Close, Note, Open, Operation, Serve, Settle
from qlf.ledger.reader import LedgerReader
from qlf.ledger.writer import Writer

__all__ = ["LedgerBooks"]


class LedgerBooks:
    """`qlf.core.metering.Books` on a ledger. Usable from several event loops and beside other processes."""

    def __init__(
        self,
        path: Path,
        limits: BudgetLimits | None = None,
        *,
        signing_key: Path,
        heads: Path | None = None,
        ceiling: BudgetLimits | None = None,
        clock: Callable[[], float] = time.time,
        head_entries: int = 1024,
        head_seconds: float = 60.0,
        lock_seconds: float = 10.0,
    ) -> None:
        """Nothing is opened before the first call.

        Args:
            path: The database.
            limits: Hold where `qlf budget set` stored nothing. By default $100 a month.
            signing_key: The file of the key that signs heads; made at first use. Keep it elsewhere.
            heads: The file that signed heads are exported to. Keep it, or copies of it, elsewhere.
            ceiling: Holds as well, whatever is stored: the lower limit wins.
            clock: Seconds since 1970, UTC.
            head_entries: A head is signed after so many entries,
            head_seconds: or after so many seconds.
            lock_seconds: How long to wait for other processes before a call is refused.
        """
        limits = BudgetLimits() if limits is None else limits
        place = Place(path, signing_key, heads, head_entries, head_seconds, lock_seconds)
        self._writer = Writer(lambda: Committer(place, limits, ceiling, clock), sign_seconds=head_seconds)
        self._path = path
        self._closed = False

    async def open(self, intent: Intent) -> Ticket:
        """Reserve the money and record the intent; durable when it returns.

        If the caller is cancelled while it waits, the reservation is given back: nothing was sent.

        Raises:
            BudgetRefused: If a limit would be passed. That is recorded, and nothing is reserved.
            LedgerUnavailable: If the record cannot be written; the call must not be made.
            ValueError: If the reservation is no amount.
        """
        future = self._put(Open(intent))
        try:
            ticket: Ticket = await future
        except asyncio.CancelledError:
            # Cancelled in the instant in which the answer was there already.
            if future.done() and not future.cancelled() and future.exception() is None:
                self._writer.give_back(future.result())
            raise
        return ticket

    async def close(self, ticket: Ticket, outcome: Outcome) -> None:
        """Settle the reservation in the day and month in which it was made, and record the outcome.

        It is carried out even if the caller is cancelled while it waits.

        Raises:
            InternalError: If the ticket was settled before.
            LedgerUnavailable: If the record cannot be written; the reservation stays charged then.
        """
        await self._put(Close(ticket, outcome))

    async def served(self, served: Served) -> None:
        """Record a call that cost nothing.

        Raises:
            LedgerUnavailable: If the record cannot be written.
        """
        await self._put(Serve(served))

    async def note(self, kind: Kind, fields: Mapping[str, Value]) -> None:
        """Record something else, such as the rotation of a key.

        Raises:
            LedgerUnavailable: If the record cannot be written.
        """
        await self._put(Note(kind, fields))

    async def change_limits(self, who: str, limits: Mapping[str, int | None], *, reset: bool = False) -> None:
        """Store limits, by the names of `BudgetLimits.named`; each change is recorded.

        Raises:
            LedgerUnavailable: If the record cannot be written.
        """
        await self._put(Change(who, limits, reset))

    async def settle_abandoned(self) -> None:
        """Settle, as unknown, what processes that are gone left open. Also done at the first call.

        Raises:
            LedgerUnavailable: If the record cannot be written.
        """
        await self._put(Settle())

    def totals(self) -> dict[Scope, Total]:
        """What is spent and reserved in every scope, as of the latest commit.

        Raises:
            LedgerUnavailable: If there is no ledger yet, or it cannot be read.
        """
        with LedgerReader(self._path) as reader:
            return reader.totals()

    async def flush(self) -> None:
        """Wait until everything asked for so far is durable.

        Raises:
            LedgerUnavailable: If the ledger cannot be opened.
        """
        await self._put(None)

    async def aclose(self) -> None:
        """Write what is asked for, sign it and let go of the ledger. Tickets still open stay charged."""
        self._closed = True
        await asyncio.to_thread(self._writer.stop)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def _put(self, operation: Operation | None) -> asyncio.Future[Any]:
        if self._closed:
            raise LedgerUnavailable("the ledger was closed before this call", hint="make the books anew")
        future = asyncio.get_running_loop().create_future()
        self._writer.put(operation, future)
        return future
