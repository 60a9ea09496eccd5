"""The database of the local key store: one private file, opened so that what is committed is on the disk."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from qlf.errors import KeyStoreError

__all__ = ["BUSY_SECONDS", "guarded", "open_database"]

FORMAT = 1
BUSY_SECONDS = 10

_TABLES = """
CREATE TABLE names (
    name TEXT PRIMARY KEY,
    last_version INTEGER NOT NULL,
    token TEXT NOT NULL DEFAULT ''
) STRICT, WITHOUT ROWID;
CREATE TABLE keys (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    version INTEGER NOT NULL,
    stage TEXT NOT NULL CHECK (stage IN ('pending', 'current', 'previous', 'revoked')),
    kek TEXT NOT NULL,
    sealed TEXT NOT NULL,
    tail TEXT NOT NULL,
    created INTEGER NOT NULL,
    promoted INTEGER,
    expires INTEGER,
    used INTEGER,
    revoked INTEGER,
    CHECK ((stage = 'revoked') = (sealed = '')),
    CHECK ((sealed = '') = (kek = '')),
    UNIQUE (name, version)
) STRICT;
CREATE UNIQUE INDEX one_pending ON keys (name) WHERE stage = 'pending';
CREATE UNIQUE INDEX one_current ON keys (name) WHERE stage = 'current';
CREATE INDEX by_kek ON keys (kek);
CREATE TABLE facts (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
"""


def open_database(path: Path) -> sqlite3.Connection:
    """The database at `path`, made if it is not there; private, write-ahead log, synced at each commit.

    Raises:
        KeyStoreError: If it cannot be opened, is damaged, or was made by a newer release.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Made before SQLite opens it: its own files take their mode from the database's.
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            os.fchmod(handle, 0o600)
        finally:
            os.close(handle)
    except OSError as error:
        raise KeyStoreError(
            f"the key store {str(path)!r} cannot be opened: {error.strerror}",
            hint="check the folder, or set QLF_HOME to another",
        ) from error
    with guarded(path):
        connection = sqlite3.connect(
            path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        try:
            _to_wal(connection)
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA secure_delete = ON")
            _prepare(connection, path)
        except BaseException:
            connection.close()
            raise
    return connection


def _to_wal(connection: sqlite3.Connection) -> None:
    # SQLite does not wait by itself when two connections turn a new database to WAL at once.
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.005)
        else:
            return


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    found = connection.execute("PRAGMA user_version").fetchone()[0]
    if found == 0:
        connection.execute("BEGIN IMMEDIATE")
        try:
            # Another process may have made the tables while this one waited.
            if connection.execute("PRAGMA user_version").fetchone()[0] == 0:
                for statement in _TABLES.split(";\n"):
                    if statement.strip():
                        connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {FORMAT}")
            connection.execute("COMMIT")
        except BaseException:
            connection.execute("ROLLBACK")
            raise
    elif found != FORMAT:
        raise KeyStoreError(
            f"the key store {str(path)!r} was made by another release of qlf",
            hint="update qlf to that release",
        )


@contextmanager
def guarded(path: Path) -> Iterator[None]:
    """Turns errors of SQLite into one sentence.

    Raises:
        KeyStoreError: For a damaged, full, read-only or busy database.
    """
    try:
        yield
    except sqlite3.IntegrityError:
        # Callers know what it means where it can happen.
        raise
    except sqlite3.DatabaseError as error:
        text = str(error)
        if "locked" in text or "busy" in text:
            hint = "another process writes to it; try again"
        elif "disk" in text or "full" in text or "readonly" in text:
            hint = "check that the disk has room and the file can be written"
        else:
            hint = "restore it from a backup, or move it away and add the keys again"
        raise KeyStoreError(f"the key store {str(path)!r} cannot be used: {text}", hint=hint) from error
