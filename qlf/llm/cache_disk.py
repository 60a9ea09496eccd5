"""Answers on disk: bytes in, bytes out, nothing that is read is ever executed.

diskcache keeps values that it does not know as pickles, and runs whatever pickle it finds in its database
(CVE-2025-69872, not fixed in 5.6.3). `BytesDisk` refuses that form both ways. It also keeps everything in
the database itself: a row that names a file could else make it read or remove a file elsewhere.

A value is the digest of its key and body, then the body: JSON, compressed. What does not match its digest
is a miss and is removed.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import sqlite3
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import diskcache
import orjson
import zstandard

__all__ = ["MAX_VALUE_BYTES", "AnswerStore", "BytesDisk", "StoreUnusable", "pack", "unpack"]

MAX_VALUE_BYTES = 16_000_000
"""Of one value, not compressed. No model writes a longer answer."""

_MODE_RAW = 1
_KEPT_SECONDS = 10 * 365 * 86_400
"""Rows never expire on their own; pruning by age counts back from here."""
_TIMEOUT_SECONDS = 60.0
_LEVEL = 3
_T = TypeVar("_T")


class StoreUnusable(Exception):
    """The folder cannot be used for the cache; the message says why."""


class BytesDisk(diskcache.Disk):  # type: ignore[misc]  # diskcache ships no types
    """Keys are text, values are bytes in the database. Everything else is refused."""

    def put(self, key: Any) -> tuple[str, bool]:
        """The form of a key in the database."""
        if type(key) is not str:
            raise TypeError(f"a key must be text, not {type(key).__name__}")
        return key, True

    def get(self, key: Any, raw: bool) -> str:  # noqa: FBT001 - the signature is diskcache's
        """A key from its form in the database."""
        if not raw or type(key) is not str:
            raise ValueError("the database holds a key that this program did not write")
        return key

    def store(self, value: Any, read: bool, key: Any = None) -> tuple[int, int, None, Any]:  # noqa: ARG002, FBT001
        """The form of a value in the database."""
        if type(value) is not bytes or read:
            raise TypeError(f"a value must be bytes, not {type(value).__name__}")
        return 0, _MODE_RAW, None, sqlite3.Binary(value)

    def fetch(self, mode: Any, filename: Any, value: Any, read: bool) -> bytes:  # noqa: FBT001
        """A value from its form in the database."""
        if mode != _MODE_RAW or filename is not None or type(value) is not bytes or read:
            raise ValueError("the database holds a value that this program did not write")
        return value

    def remove(self, file_path: Any) -> None:
        """No value has a file, so a row that names one does not get it removed."""


def pack(key: str, record: Any) -> bytes:
    """The bytes to keep for a record of JSON values.

    Raises:
        ValueError: If it is too large to keep.
    """
    body = orjson.dumps(record)
    if len(body) > MAX_VALUE_BYTES:
        raise ValueError("the answer is too large to keep")
    squeezed = zstandard.ZstdCompressor(level=_LEVEL, write_content_size=True).compress(body)
    return _digest(key, squeezed) + squeezed


def unpack(key: str, data: bytes) -> Any:
    """The record in `data`.

    Raises:
        ValueError: If it is not what `pack` wrote for this key.
    """
    digest, squeezed = data[:32], data[32:]
    if digest != _digest(key, squeezed):
        raise ValueError("the digest does not match")
    try:
        size = zstandard.frame_content_size(squeezed)
        # The size is checked first, because the decompressor believes it and allocates as much.
        if not 0 < size <= MAX_VALUE_BYTES:
            raise ValueError("the size is out of bounds")
        body = zstandard.ZstdDecompressor().decompress(
            squeezed, max_output_size=MAX_VALUE_BYTES, allow_extra_data=False
        )
    except zstandard.ZstdError as error:
        raise ValueError("it cannot be decompressed") from error
    return orjson.loads(body)


def _digest(key: str, squeezed: bytes) -> bytes:
    return hashlib.sha256(b"%b\0%b" % (key.encode(), squeezed)).digest()


class AnswerStore:
    """The database of answers in one folder. Slow by nature; call it off the event loop.

    Args:
        folder: Made with mode 0700 if it is not there.
        max_bytes: What is beyond is removed, the longest kept first.
        tell: Called with a sentence when a damaged database was set aside.
    """

    def __init__(self, folder: Path, max_bytes: int, tell: Callable[[str], None]) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._tell = tell
        prepare_folder(folder)
        self._cache = self._open()

    def get(self, key: str) -> Any | None:
        """The record kept under `key`; what is damaged is removed and counts as not there."""

        def read() -> Any | None:
            try:
                data = self._cache.get(key, retry=True)
                return None if data is None else unpack(key, data)
            except (ValueError, TypeError):
                pass
            except sqlite3.OperationalError as error:
                # A planted value may claim to be text without being any.
                if "decode" not in str(error):
                    raise
            self._cache.delete(key, retry=True)
            return None

        return self._guarded(read)

    def put(self, key: str, record: Any) -> bool:
        """Keep a record; false if it cannot be kept."""
        try:
            data = pack(key, record)
        except ValueError:
            return False
        # A full disk is no reason to fail the call that was answered.
        kept = self._guarded(lambda: self._cache.set(key, data, expire=_KEPT_SECONDS, retry=True))
        return bool(kept)

    def remove(self, key: str) -> None:
        """Forget what is kept under `key`."""
        self._guarded(lambda: self._cache.delete(key, retry=True))

    def keys(self) -> list[str]:
        """Every key, the longest kept first."""

        def read() -> list[str]:
            return [str(key) for key in self._cache]

        return self._guarded(read) or []

    def size(self) -> tuple[int, int]:
        """How many answers are kept, and their size on disk in bytes."""
        return self._guarded(lambda: (len(self._cache), int(self._cache.volume()))) or (0, 0)

    def prune(self, max_bytes: int | None, max_age_seconds: float | None) -> int:
        """Remove what is too old, then the longest kept until the rest fits. Returns how many."""

        def work() -> int:
            count = 0
            if max_age_seconds is not None:
                count += int(self._cache.expire(time.time() + _KEPT_SECONDS - max_age_seconds, retry=True))
            if max_bytes is not None:
                self._cache.reset("size_limit", max_bytes)
                count += int(self._cache.cull(retry=True))
                self._cache.reset("size_limit", self._max_bytes)
            return count

        return self._guarded(work) or 0

    def clear(self) -> int:
        """Remove every answer. The number of them."""
        return self._guarded(lambda: int(self._cache.clear(retry=True))) or 0

    def close(self) -> None:
        """Close the connection of this thread."""
        self._cache.close()

    def _open(self) -> Any:
        path = self._folder / "cache.db"
        if not _settings_known(path):
            self._set_aside()
        for last in (False, True):
            try:
                return diskcache.Cache(
                    str(self._folder),
                    timeout=_TIMEOUT_SECONDS,
                    disk=BytesDisk,
                    eviction_policy="least-recently-stored",
                    size_limit=self._max_bytes,
                    statistics=0,
                    tag_index=0,
                    # A mapped file that another process cuts short kills this one.
                    sqlite_mmap_size=0,
                )
            except (sqlite3.DatabaseError, diskcache.Timeout, OSError) as error:
                if last or _is_busy(error):
                    raise StoreUnusable(f"the cache of answers in {self._folder} cannot be opened") from error
                self._set_aside()
        raise AssertionError("the loop returns or raises")

    def _guarded(self, work: Callable[[], _T]) -> _T | None:
        """Do it; on a damaged database set that aside and do it once more."""
        try:
            return work()
        except diskcache.Timeout:
            return None
        except (sqlite3.DatabaseError, OSError) as error:
            if not _is_damage(error):
                return None
        self._cache.close()
        self._set_aside()
        self._cache = self._open()
        try:
            return work()
        except (diskcache.Timeout, sqlite3.DatabaseError, OSError):
            return None

    def _set_aside(self) -> None:
        """Move a damaged database away, unless another process has just done so."""
        path = self._folder / "cache.db"
        with _locked(self._folder / "repair.lock"):
            if _sound(path):
                return
            number = 1
            while (aside := self._folder / f"cache.db.damaged-{number}").exists():
                number += 1
            for ending in ("-wal", "-shm", "-journal"):
                (self._folder / f"cache.db{ending}").unlink(missing_ok=True)
            with contextlib.suppress(FileNotFoundError):
                path.rename(aside)
        self._tell(f"the cache of answers was damaged; it was moved to {aside} and a new one begun")


def prepare_folder(folder: Path) -> None:
    """Make a folder that only this user can enter.

    Raises:
        StoreUnusable: If that is not possible.
    """
    if "$" in str(folder) or str(folder).startswith("~"):
        raise StoreUnusable(f"the folder {folder} has a character that the cache cannot have in its path")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode):
            raise StoreUnusable(f"{folder} is no folder, so no answers are kept")
        if found.st_uid != os.geteuid():
            raise StoreUnusable(f"the folder {folder} belongs to another user, so no answers are kept")
        if stat.S_IMODE(found.st_mode) != 0o700:
            folder.chmod(0o700)
    except OSError as error:
        raise StoreUnusable(f"the folder {folder} cannot be used, so no answers are kept") from error


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _settings_known(path: Path) -> bool:
    """Whether the settings in the database are diskcache's own; it sets each as an attribute of itself."""
    if not path.exists():
        return True
    try:
        with contextlib.closing(sqlite3.connect(path, timeout=_TIMEOUT_SECONDS)) as connection:
            found = {key for (key,) in connection.execute("SELECT key FROM Settings")}
    except sqlite3.DatabaseError as error:
        # Another process may just be making the table.
        return _is_busy(error) or "no such table" in str(error)
    return found <= {*diskcache.core.DEFAULT_SETTINGS, *diskcache.core.METADATA}


def _sound(path: Path) -> bool:
    """Whether the file is a database that can be read and has the tables."""
    if not path.exists():
        return True
    if not _settings_known(path):
        return False
    try:
        with contextlib.closing(sqlite3.connect(path, timeout=_TIMEOUT_SECONDS)) as connection:
            (result,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            connection.execute("SELECT key, value FROM Settings LIMIT 1").fetchall()
            connection.execute("SELECT key, raw, mode, value FROM Cache LIMIT 1").fetchall()
    except sqlite3.DatabaseError as error:
        return _is_busy(error)
    return bool(result == "ok")


def _is_busy(error: BaseException) -> bool:
    return isinstance(error, sqlite3.OperationalError) and "locked" in str(error)


def _is_damage(error: BaseException) -> bool:
    text = str(error)
    return isinstance(error, sqlite3.DatabaseError) and any(
        word in text for word in ("malformed", "not a database", "no such table", "no such column", "corrupt")
    )
