"""The database file of the ledger: opening it safely, its tables, and its errors as sentences.

The table `entry` is the record. All others are derived from it, so that budgets and reports need not read
it whole; `qlf audit verify` derives them again and compares.
"""

from __future__ import annotations

import os
import sqlite3
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from qlf.errors import LedgerUnavailable

__all__ = ["BUSY", "FULL", "State", "connect_reader", "connect_writer", "explained", "translate"]

_APPLICATION = 0x716C6662
_VERSION = 1
_PATIENCE = 10.0
"""Seconds to wait for others who make the same ledger."""
_MAGIC = b"SQLite format 3\0"
BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
FULL = sqlite3.SQLITE_FULL

_TABLES = """
CREATE TABLE entry (seq INTEGER PRIMARY KEY, hash BLOB NOT NULL, body BLOB NOT NULL) STRICT;
CREATE TABLE state (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    ledger TEXT NOT NULL,
    size INTEGER NOT NULL,
    last TEXT NOT NULL,
    frontier BLOB NOT NULL,
    head_size INTEGER NOT NULL,
    head_ts INTEGER NOT NULL,
    head_key TEXT NOT NULL,
    limits TEXT NOT NULL
) STRICT;
CREATE TABLE head (
    size INTEGER NOT NULL, ts INTEGER NOT NULL, line BLOB NOT NULL, PRIMARY KEY (size, ts)
) STRICT, WITHOUT ROWID;
CREATE TABLE dims (
    id INTEGER PRIMARY KEY,
    run TEXT NOT NULL,
    project TEXT NOT NULL,
    tenant TEXT NOT NULL,
    agent TEXT NOT NULL,
    overlay TEXT NOT NULL,
    provider TEXT NOT NULL,
    deployment TEXT NOT NULL,
    model TEXT NOT NULL,
    UNIQUE (run, project, tenant, agent, overlay, provider, deployment, model)
) STRICT;
CREATE TABLE spend (
    seq INTEGER PRIMARY KEY,
    dims INTEGER NOT NULL,
    ts INTEGER NOT NULL,
    first INTEGER NOT NULL,
    writer INTEGER NOT NULL,
    state INTEGER NOT NULL,
    reserve INTEGER NOT NULL,
    charge INTEGER NOT NULL,
    saved INTEGER NOT NULL,
    input INTEGER NOT NULL,
    output INTEGER NOT NULL,
    cache_read INTEGER NOT NULL,
    cache_write INTEGER NOT NULL,
    reasoning INTEGER NOT NULL,
    ms INTEGER NOT NULL
) STRICT;
CREATE INDEX spend_open ON spend (writer) WHERE state = 0;
CREATE TABLE total (
    scope TEXT PRIMARY KEY, spent INTEGER NOT NULL, reserved INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE writer (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
"""


class State:
    """States of a row of `spend`."""

    OPEN = 0
    ANSWERED = 1
    REFUSED = 2
    UNKNOWN = 3
    SERVED = 4


def connect_writer(path: Path) -> sqlite3.Connection:
    """Open the ledger for writing, making it if it is not there. Transactions are begun by the caller.

    Raises:
        LedgerUnavailable: If it cannot be opened, or is no ledger of this version.
    """
    with explained(path):
        _make_private(path)
        _check_magic(path)
        # Waiting for a lock is done by the caller, whose pauses are shorter than SQLite's.
        db = sqlite3.connect(
            path, timeout=0, isolation_level=None, check_same_thread=False, cached_statements=256
        )
        try:
            _prepare_patiently(db, path)
        except BaseException:
            db.close()
            raise
    return db


def connect_reader(path: Path) -> sqlite3.Connection:
    """Open the ledger for reading; whatever happens, nothing in it is changed.

    Raises:
        LedgerUnavailable: If there is none, or it is no ledger of this version.
    """
    with explained(path):
        if not path.exists() or not path.stat().st_size:
            raise _missing(path)
        _check_magic(path)
        address = f"{path.absolute().as_uri()}?mode=ro"
        db = sqlite3.connect(address, uri=True, timeout=10, isolation_level=None, check_same_thread=False)
        try:
            db.execute("PRAGMA query_only = ON")
            if not _has_tables(db):
                raise _missing(path)
            _check_version(db, path)
        except BaseException:
            db.close()
            raise
    return db


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn errors of SQLite and of the system into `LedgerUnavailable`."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise translate(error, path) from error


def translate(error: BaseException, path: Path) -> LedgerUnavailable:
    """What an error of SQLite or of the system means for the ledger."""
    where = f"the ledger {str(path)!r}"
    code = getattr(error, "sqlite_errorcode", None)
    primary = None if code is None else code & 0xFF
    if primary in BUSY:
        return LedgerUnavailable(
            f"{where} is locked by another process for too long",
            hint="wait for it or stop it, then run this again",
        )
    if primary == FULL:
        return LedgerUnavailable(f"{where} cannot grow: the disk is full", hint="free some space")
    if primary in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT) or (
        code is None and isinstance(error, sqlite3.Error)
    ):
        return _damaged(path)
    reason = getattr(error, "strerror", None) or str(error)
    return LedgerUnavailable(
        f"{where} cannot be used: {reason}", hint="make its folder readable and writable, with free space"
    )


def _missing(path: Path) -> LedgerUnavailable:
    return LedgerUnavailable(
        f"there is no ledger at {str(path)!r}", hint="the first run that asks a model makes it"
    )


def _damaged(path: Path, how: str = "is damaged or is no ledger") -> LedgerUnavailable:
    return LedgerUnavailable(
        f"the file {str(path)!r} {how}; it was left as it is",
        hint="restore it from a copy, or move it away to begin a new ledger",
    )


def _make_private(path: Path) -> None:
    folder = path.parent
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if stat.S_IMODE(folder.stat().st_mode) & 0o077:
        folder.chmod(0o700)
    # The files beside it (-wal, -shm) get the mode of the database.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))


def _check_magic(path: Path) -> None:
    with path.open("rb") as file:
        start = file.read(len(_MAGIC))
    # An empty file is a ledger whose first transaction was never committed.
    if start and start != _MAGIC:
        raise _damaged(path)


def _prepare_patiently(db: sqlite3.Connection, path: Path) -> None:
    # SQLite does not wait by itself when two connections turn a new database to WAL at once.
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            return _prepare(db, path)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF not in BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.005)


def _prepare(db: sqlite3.Connection, path: Path) -> None:
    if db.execute("PRAGMA application_id").fetchone()[0] == 0 and not _has_tables(db):
        _create(db)
    _check_version(db, path)
    db.execute("PRAGMA synchronous = FULL")
    # At 16 MiB instead of 4: pages that change with each transaction are copied less often.
    db.execute("PRAGMA wal_autocheckpoint = 4000")
    db.execute("PRAGMA journal_size_limit = 67108864")
    db.execute("PRAGMA cache_size = -8192")


def _create(db: sqlite3.Connection) -> None:
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    # One transaction: whoever is killed in it leaves no half a ledger.
    db.execute("BEGIN IMMEDIATE")
    try:
        if not _has_tables(db):
            for statement in _TABLES.split(";\n"):
                if statement.strip():
                    db.execute(statement)
            db.execute(f"PRAGMA application_id = {_APPLICATION}")
            db.execute(f"PRAGMA user_version = {_VERSION}")
            db.execute(
                "INSERT INTO state VALUES (1, ?, 0, ?, x'', 0, 0, '', '{}')", (os.urandom(16).hex(), "0" * 64)
            )
        db.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):
            db.execute("ROLLBACK")
        raise


def _has_tables(db: sqlite3.Connection) -> bool:
    return bool(db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])


def _check_version(db: sqlite3.Connection, path: Path) -> None:
    application = db.execute("PRAGMA application_id").fetchone()[0]
    version = db.execute("PRAGMA user_version").fetchone()[0]
    if application != _APPLICATION:
        raise _damaged(path, "is no ledger")
    if version != _VERSION:
        raise LedgerUnavailable(
            f"the ledger {str(path)!r} has format {version}; this qlf writes format {_VERSION}",
            hint="use the qlf that wrote it, or move it away to begin a new ledger",
        )
