"""One thread that writes to the ledger: whatever waits is committed together, with one fsync."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any

from qlf.core.metering import Ending, Outcome, Ticket
from qlf.errors import InternalError, QlfError
from qlf.ledger.committer import Committer, Result
from qlf.ledger.operation import Close, Open, Operation, Settle

__all__ = ["Writer"]

_MOST = 256
_CROWD = 8
"""From this many attempts under way, operations are gathered for a moment before they are committed."""
_GATHER_SECONDS = 0.004
"""A commit costs as much for one as for ten, and the wait is nothing beside that for a model."""
_NEVER_SENT = Outcome(Ending.REFUSED, error="cancelled-before-sending")
_Waiting = tuple[Operation | None, "asyncio.Future[Any] | None"]


class Writer:
    """Takes operations from any event loop of this process and answers through futures."""

    def __init__(self, make: Callable[[], Committer], *, sign_seconds: float) -> None:
        """`make` opens the ledger; it is called in the thread, at the first operation."""
        self._make = make
        self._sign_seconds = sign_seconds
        self._queue: SimpleQueue[_Waiting] = SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stopped = False
        self._ended: QlfError | None = None

    def put(self, operation: Operation | None, future: asyncio.Future[Any] | None) -> None:
        """Queue an operation; `None` only waits for those before it. The future gets the result."""
        if self._thread is None:
            with self._lock:
                if self._thread is None:
                    self._thread = threading.Thread(target=self._run, name="qlf-ledger", daemon=True)
                    self._thread.start()
        self._queue.put((operation, future))

    def stop(self) -> None:
        """Write what is queued, sign it, close the ledger and end the thread. Blocks.

        Raises:
            LedgerUnavailable: If the last head could not be exported.
        """
        self._stopped = True
        if self._thread is not None:
            self._queue.put((None, None))
            self._thread.join()
        if self._ended is not None:
            raise self._ended

    def _run(self) -> None:
        committer: Committer | None = None
        try:
            while True:
                waiting = self._gather(committer)
                try:
                    if committer is None:
                        committer = self._make()
                        committer.commit((Settle(),))
                    self._commit(committer, waiting)
                except QlfError as error:
                    self._answer([(future, error) for _, future in waiting])
                except BaseException as error:  # noqa: BLE001 - a caller must never wait for ever
                    failed = InternalError(f"the ledger failed: {type(error).__name__}: {error}")
                    self._answer([(future, failed) for _, future in waiting])
                if self._stopped and self._queue.empty():
                    return
        finally:
            if committer is not None:
                self._ended = committer.close()

    def _gather(self, committer: Committer | None) -> list[_Waiting]:
        unsigned = committer is not None and committer.unsigned
        try:
            waiting = [self._queue.get(timeout=self._sign_seconds if unsigned else None)]
        except Empty:
            return []
        if committer is not None and committer.under_way >= _CROWD and not self._stopped:
            time.sleep(_GATHER_SECONDS)
        # This thread alone takes from the queue, so what is counted is there.
        waiting += [self._queue.get_nowait() for _ in range(min(_MOST, self._queue.qsize()))]
        return waiting

    def _commit(self, committer: Committer, waiting: list[_Waiting]) -> None:
        operations: list[Operation] = []
        futures: list[asyncio.Future[Any] | None] = []
        for operation, future in waiting:
            # Who was cancelled before anything was written need not be written at all.
            if isinstance(operation, Open) and future is not None and future.cancelled():
                continue
            if operation is not None:
                operations.append(operation)
                futures.append(future)
        answers: list[tuple[asyncio.Future[Any] | None, Result]] = []
        if operations or not waiting:
            answers += zip(futures, committer.commit(operations, sign=not waiting), strict=True)
        answers += [(future, None) for operation, future in waiting if operation is None]
        self._answer(answers)

    def _answer(self, answers: list[tuple[asyncio.Future[Any] | None, Result]]) -> None:
        """Hand out results: one wake-up for each event loop, however many futures it has."""
        loops: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Any], Result]]] = defaultdict(list)
        for future, result in answers:
            if future is None:
                continue
            if future.cancelled():
                # Asked here too: when the books are being closed, the loop may be too late to say it.
                self.give_back(result)
            else:
                loops[future.get_loop()].append((future, result))
        for loop, part in loops.items():
            try:
                loop.call_soon_threadsafe(self._resolve, part)
            except RuntimeError:
                # The loop was closed, so nobody waits there and nothing will be sent.
                for _, result in part:
                    self.give_back(result)

    def _resolve(self, answers: list[tuple[asyncio.Future[Any], Result]]) -> None:
        for future, result in answers:
            if future.cancelled():
                self.give_back(result)
            elif isinstance(result, Exception):
                future.set_exception(result)
            else:
                future.set_result(result)

    def give_back(self, result: Result) -> None:
        """Settle the reservation of a call that was never sent, if there is one."""
        if isinstance(result, Ticket):
            self._queue.put((Close(result, _NEVER_SENT), None))
