"""One question, one asker: equal calls that come while the first is under way wait for its answer.

Within a process they share a future; between processes a lock on a file. The kernel drops the lock of a
process that dies, so a crashed asker holds up nobody. When an asker fails, each waiter tries for itself, one
after the other, because the failure may have been its own: its deadline, its cancellation.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Generic, Literal, TypeVar

__all__ = ["Flights", "Source"]

Source = Literal["made", "cache", "flight"]
"""Where an answer came from: asked by this caller, kept before, or asked by another meanwhile."""

_T = TypeVar("_T")
_FIRST_WAIT = 0.01
_LONGEST_WAIT = 0.25


class Flights(Generic[_T]):
    """The calls under way in this process, and a folder of locks that processes share.

    Args:
        folder: For the locks; without it, or when it cannot be used, only this process is looked at.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._here: dict[str, asyncio.Future[_T]] = {}

    async def run(
        self,
        key: str,
        find: Callable[[], Awaitable[_T | None]],
        make: Callable[[], Awaitable[_T]],
    ) -> tuple[_T, Source]:
        """Answer `key` once, however many ask at the same time.

        Args:
            key: Hexadecimal digits; equal keys are equal questions.
            find: Looks whether the answer is kept; called again once this process has the lock, because
                another one may have kept it meanwhile.
            make: Asks, and keeps the answer. Only one caller runs it at a time.

        Raises:
            Exception: Whatever `make` raises for this caller. Failures of others are not passed on.
        """
        while True:
            under_way = self._here.get(key)
            if under_way is None:
                return await self._lead(key, find, make)
            # Shielded, because a waiter that gives up must not take the answer from the others.
            done, _ = await asyncio.wait({under_way})
            future = done.pop()
            if not future.cancelled() and future.exception() is None:
                return future.result(), "flight"

    async def _lead(
        self, key: str, find: Callable[[], Awaitable[_T | None]], make: Callable[[], Awaitable[_T]]
    ) -> tuple[_T, Source]:
        future: asyncio.Future[_T] = asyncio.get_running_loop().create_future()
        self._here[key] = future
        try:
            result, source = await self._alone(key, find, make)
        except BaseException:
            future.cancel()
            raise
        else:
            future.set_result(result)
            return result, source
        finally:
            del self._here[key]

    async def _alone(
        self, key: str, find: Callable[[], Awaitable[_T | None]], make: Callable[[], Awaitable[_T]]
    ) -> tuple[_T, Source]:
        found = await find()
        if found is not None:
            return found, "cache"
        if self._folder is None:
            return await make(), "made"
        lock: _FileLock | None = _FileLock(self._folder / f"{key}.lock")
        wait = _FIRST_WAIT
        try:
            while lock is not None:
                state = lock.try_acquire()
                if state == "held":
                    break
                if state == "unusable":
                    lock = None
                    break
                await asyncio.sleep(wait)
                wait = min(wait * 1.5, _LONGEST_WAIT)
            found = await find()
            if found is not None:
                return found, "flight"
            return await make(), "made"
        finally:
            if lock is not None:
                lock.release()


class _FileLock:
    """A lock that dies with its process (flock(2)). The file is removed with the lock."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None

    def try_acquire(self) -> Literal["held", "busy", "unusable"]:
        """Try once."""
        try:
            import fcntl

            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except (ImportError, OSError):
            return "unusable"
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            return "busy"
        except OSError:
            os.close(file)
            return "unusable"
        if not self._still_there(file):
            # Its last holder removed the file between our opening and locking it.
            os.close(file)
            return "busy"
        self._file = file
        return "held"

    def release(self) -> None:
        """Let the next one in."""
        file, self._file = self._file, None
        if file is not None:
            with contextlib.suppress(OSError):
                self._path.unlink()
            os.close(file)

    def _still_there(self, file: int) -> bool:
        try:
            named = self._path.stat()
        except OSError:
            return False
        held = os.fstat(file)
        return (named.st_ino, named.st_dev) == (held.st_ino, held.st_dev)
