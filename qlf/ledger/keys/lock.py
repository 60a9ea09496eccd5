"""A lock between processes that ends with its holder, whatever ends the holder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from qlf.errors import KeyStoreError
from qlf.ledger.keys.model import KeyBusy

__all__ = ["exclusive"]


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold the lock file at `path`. The kernel gives it back when the process ends, even by SIGKILL.

    Raises:
        KeyBusy: If somebody else holds it; nobody waits.
    """
    import fcntl

    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise KeyStoreError(
            f"the lock {str(path)!r} cannot be made: {error.strerror}", hint="check the folder"
        ) from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise KeyBusy(
                "another process is rotating keys here", hint="wait until it has ended, and try again"
            ) from None
        yield
    finally:
        os.close(handle)
