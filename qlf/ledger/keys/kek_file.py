"""KEKs in a variable, or in a file that only its owner can read."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from qlf.errors import KeyStoreError
from qlf.ledger.keys.kek import Kek, kek_text, make_kek, read_keks
from qlf.ledger.keys.model import KekMissing
from qlf.ledger.keys.secret import SecretText

__all__ = ["KekFile", "KekValue", "read_private", "write_private"]

_LARGEST = 65_536
"""Bytes of a KEK file; a thousand rotations fit."""


class KekValue:
    """KEKs in a text that the environment gave, such as `new,old`."""

    writable = False

    def __init__(self, value: SecretText, name: str = "QLF_KEK") -> None:
        self.name = name
        self._keks = read_keks(value.reveal(), name)

    def load(self) -> tuple[Kek, ...]:
        """The KEKs of the variable."""
        return self._keks

    def find(self, kek_id: str) -> Kek | None:
        """The KEK of this id."""
        return next((kek for kek in self._keks if kek.id == kek_id), None)

    def create(self) -> Kek:
        """Refused: a program cannot change the environment that it was started with."""
        raise KekMissing(f"{self.name} cannot be changed from here", hint=f"set {self.name} to new,old")

    def remove(self, kek_id: str) -> bool:  # noqa: ARG002 - the signature is the protocol's
        """Nothing is removed from a variable."""
        return False


class KekFile:
    """KEKs in a file: a mounted secret, or the one that `qlf` makes for a developer.

    Args:
        path: The file.
        required: Whether it must be there already. A mount that is missing must not be made up for.
    """

    writable = True

    def __init__(self, path: Path, *, required: bool) -> None:
        self.path = path
        self.name = f"the file {str(path)!r}"
        self._required = required

    def load(self) -> tuple[Kek, ...]:
        """The KEKs of the file, read anew, so that a rotation elsewhere is seen.

        Raises:
            KekMissing: If others may read it, or it holds no KEK.
        """
        text = read_private(self.path, self.name)
        if text is None:
            if self._required:
                raise KekMissing(f"{self.name} for the KEK is not there", hint="check the path and the mount")
            return ()
        return read_keks(text, self.name)

    def find(self, kek_id: str) -> Kek | None:
        """The KEK of this id."""
        return next((kek for kek in self.load() if kek.id == kek_id), None)

    def create(self) -> Kek:
        """Put a new KEK in front of the others."""
        made = make_kek()
        known = self.load() if self.path.exists() else ()
        if known:
            write_private(self.path, kek_text([made, *known]))
        elif not write_private(self.path, kek_text([made]), only_new=True):
            # Somebody else made the first one in this moment: that one counts.
            return self.load()[0]
        return made

    def remove(self, kek_id: str) -> bool:
        """Take a KEK out of the file."""
        known = self.load()
        kept = [kek for kek in known if kek.id != kek_id]
        if len(kept) == len(known):
            return False
        write_private(self.path, kek_text(kept))
        return True


def read_private(path: Path, name: str) -> str | None:
    """The text of a file that nobody else may read; `None` if there is none.

    Raises:
        KekMissing: If group or others may read or write it, if it belongs to another user, or if it
            cannot be read.
    """
    try:
        # Not blocking, because opening a pipe would wait for its writer for ever.
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise KekMissing(f"{name} cannot be read: {error.strerror}", hint="check who may read it") from error
    try:
        facts = os.fstat(handle)
        if not stat.S_ISREG(facts.st_mode):
            raise KekMissing(f"{name} is no file", hint="name a file with the KEK")
        if facts.st_mode & 0o077 or facts.st_uid not in (0, os.geteuid()):
            raise KekMissing(
                f"{name} can be read by other users, so it is not used",
                hint="chmod 600 it, and make a new KEK if others may have read it",
            )
        data = os.read(handle, _LARGEST + 1)
    finally:
        os.close(handle)
    if len(data) > _LARGEST:
        raise KekMissing(f"{name} is too large for a list of KEKs", hint="check which file it is")
    try:
        return data.decode("ascii")
    except UnicodeDecodeError:
        raise KekMissing(f"{name} holds something that is no KEK", hint="it is a text in base64") from None


def write_private(path: Path, text: str, *, only_new: bool = False) -> bool:
    """Write a file that only its owner can read, whole or not at all, and durably.

    Returns:
        False if it should be new and is there already.

    Raises:
        KeyStoreError: If it cannot be written.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        beside.unlink(missing_ok=True)
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(handle, "w", encoding="ascii") as file:
                file.write(text)
                file.flush()
                os.fsync(handle)
            if only_new:
                try:
                    os.link(beside, path)
                except FileExistsError:
                    return False
            else:
                beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
        _sync_folder(path.parent)
    except OSError as error:
        raise KeyStoreError(
            f"the file {str(path)!r} cannot be written: {error.strerror}", hint="check the folder"
        ) from error
    return True


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
