"""The connection of a key store: shared by threads, with whole transactions and errors as sentences."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from qlf.ledger.keys.schema import BUSY_SECONDS, guarded, open_database

__all__ = ["Database"]

Value = str | int | None


class Database:
    """One open database.

    Raises:
        KeyStoreError: From every method, if the database is damaged, full, read-only or busy.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._mutex = threading.RLock()
        self._connection = open_database(path)

    def close(self) -> None:
        """Close it. Closing twice is no error."""
        with self._mutex:
            self._connection.close()

    def one(self, query: str, *values: Value) -> tuple[Any, ...] | None:
        """The first row of a query."""
        with self._guarded():
            found: tuple[Any, ...] | None = self._connection.execute(query, values).fetchone()
        return found

    def all(self, query: str, *values: Value) -> list[tuple[Any, ...]]:
        """Every row of a query."""
        with self._guarded():
            return self._connection.execute(query, values).fetchall()

    def run(self, statement: str, *values: Value) -> int:
        """Change rows, and return how many."""
        with self._guarded():
            return self._connection.execute(statement, values).rowcount

    def try_to_run(self, statement: str, *values: Value) -> None:
        """Change rows if nobody else is writing; where it fails, nothing happens and nobody waits."""
        with self._mutex:
            try:
                self._connection.execute("PRAGMA busy_timeout = 0")
                self._connection.execute(statement, values)
            except sqlite3.DatabaseError:
                # A store on a read-only mount, or one that is being written.
                return
            finally:
                self._connection.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}")

    def fact(self, name: str) -> str | None:
        """Something that the store remembers about itself."""
        row = self.one("SELECT value FROM facts WHERE name = ?", name)
        return None if row is None else str(row[0])

    def set_fact(self, name: str, value: str) -> None:
        """Remember something about the store itself."""
        self.run("INSERT OR REPLACE INTO facts (name, value) VALUES (?, ?)", name, value)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything inside, or nothing of it."""
        with self._guarded():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        with self._mutex, guarded(self._path):
            yield
