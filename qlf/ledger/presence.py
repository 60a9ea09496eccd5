"""Which writers of the ledger are alive: each holds a lock on a file of its own, which dies with it.

A process id would not do: ids are used again, and mean nothing in another container.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from pathlib import Path

__all__ = ["Presence", "dead", "forget"]

_FOLDER = "writers"


class Presence:
    """The lock of this writer."""

    def __init__(self, path: Path, handle: int) -> None:
        self._path = path
        self._handle = handle
        self.name = path.name
        self.id = 0
        """Its number in the ledger."""

    @classmethod
    def join(cls, folder: Path) -> Presence:
        """Take a new lock beside the ledger in `folder`.

        Raises:
            OSError: If it cannot be made.
        """
        path = folder / _FOLDER / os.urandom(12).hex()
        path.parent.mkdir(mode=0o700, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return cls(path, handle)

    def leave(self, *, remove: bool) -> None:
        """Let go of the lock. What this writer left open may then be settled by others."""
        if remove:
            self._path.unlink(missing_ok=True)
        os.close(self._handle)


def forget(folder: Path, name: str) -> None:
    """Remove the file of a writer that is gone."""
    (folder / _FOLDER / Path(name).name).unlink(missing_ok=True)


def dead(db: sqlite3.Connection, folder: Path, *, besides: int = 0) -> list[tuple[int, str]]:
    """Number and name of each writer that is gone."""
    rows = db.execute("SELECT id, name FROM writer WHERE id <> ?", (besides,)).fetchall()
    return [(number, name) for number, name in rows if not _held(folder / _FOLDER / Path(name).name)]


def _held(path: Path) -> bool:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    except OSError:
        # When in doubt it lives: settling what is still under way would be wrong.
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(handle)
