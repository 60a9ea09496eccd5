"""KEKs that something else keeps: the keyring of the desktop, an age identity, a program."""

from __future__ import annotations

import importlib
import shlex
import subprocess
from pathlib import Path
from typing import Any

from qlf.errors import KeyStoreError
from qlf.ledger.keys.kek import Kek, kek_text, make_kek, read_keks
from qlf.ledger.keys.kek_file import read_private
from qlf.ledger.keys.model import KekMissing

__all__ = ["KekAge", "KekCommand", "KekKeyring"]

_ACCOUNT = "kek"
_COMMAND_SECONDS = 30
_LARGEST = 65_536
_REFUSED_BACKENDS = ("keyring.backends.fail", "keyring.backends.null", "keyrings.alt.")
"""Modules of backends that keep nothing, or keep it in a plain file."""


class _Kept:
    """A source that keeps a list of KEKs as one text."""

    name = ""
    writable = True

    def load(self) -> tuple[Kek, ...]:
        """The KEKs of the text; none if there is no text yet."""
        text = self._read()
        return () if text is None else read_keks(text, self.name)

    def find(self, kek_id: str) -> Kek | None:
        """The KEK of this id."""
        return next((kek for kek in self.load() if kek.id == kek_id), None)

    def create(self) -> Kek:
        """Put a new KEK in front of the others."""
        made = make_kek()
        self._write(kek_text([made, *self.load()]))
        return made

    def remove(self, kek_id: str) -> bool:
        """Take a KEK out of the text."""
        known = self.load()
        kept = [kek for kek in known if kek.id != kek_id]
        if len(kept) == len(known):
            return False
        self._write(kek_text(kept))
        return True

    def _read(self) -> str | None:
        raise KekMissing(f"{self.name} cannot be read")

    def _write(self, text: str) -> None:
        raise KekMissing(f"{self.name} cannot take {len(text)} characters")


class KekKeyring(_Kept):
    """KEKs in the keyring of the operating system, under a service name."""

    def __init__(self, service: str) -> None:
        self.name = f"the keyring entry {service!r}"
        self._service = service

    def _read(self) -> str | None:
        keyring = self._keyring()
        try:
            text: str | None = keyring.get_password(self._service, _ACCOUNT)
        except keyring.errors.KeyringError as error:
            raise KekMissing(
                f"{self.name} cannot be read", hint="unlock the keyring and try again"
            ) from error
        return text

    def _write(self, text: str) -> None:
        keyring = self._keyring()
        try:
            keyring.set_password(self._service, _ACCOUNT, text)
        except keyring.errors.KeyringError as error:
            raise KekMissing(
                f"{self.name} cannot be written", hint="unlock the keyring and try again"
            ) from error

    def _keyring(self) -> Any:
        """The library, if what is behind it is a keyring."""
        keyring = _library("keyring", "keyring", "QLF_KEK_KEYRING")
        importlib.import_module("keyring.errors")
        backend = keyring.get_keyring()
        # A chain takes the first of its backends that answers.
        for one in getattr(backend, "backends", None) or [backend]:
            module = type(one).__module__
            if any(module.startswith(refused) for refused in _REFUSED_BACKENDS):
                raise KekMissing(
                    "this machine has no keyring that keeps secrets (the library found "
                    f"{module}.{type(one).__name__})",
                    hint="start a desktop keyring, or use QLF_KEK_FILE or another source instead",
                )
        return keyring


class KekAge(_Kept):
    """KEKs in a file that is encrypted to an age identity.

    Args:
        identity: The identity file (`AGE-SECRET-KEY-1…`), kept apart.
        path: The encrypted file.
    """

    def __init__(self, identity: Path, path: Path) -> None:
        self.name = f"the age file {str(path)!r}"
        self._identity_file = identity
        self._path = path

    def _read(self) -> str | None:
        try:
            data = self._path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise KekMissing(f"{self.name} cannot be read: {error.strerror}") from error
        pyrage, identity = self._opened()
        try:
            return bytes(pyrage.decrypt(data, [identity])).decode("ascii")
        except (pyrage.DecryptError, UnicodeDecodeError):
            raise KekMissing(
                f"{self.name} does not open with {str(self._identity_file)!r}",
                hint="check QLF_KEK_AGE_IDENTITY",
            ) from None

    def _write(self, text: str) -> None:
        from qlf.ledger.keys.kek_file import write_private

        pyrage, identity = self._opened()
        # The armoured form is a text, which one function writes whole or not at all.
        data = pyrage.encrypt(text.encode(), [identity.to_public()], armored=True)
        write_private(self._path, bytes(data).decode("ascii"))

    def _opened(self) -> tuple[Any, Any]:
        pyrage = _library("pyrage", "pyrage", "QLF_KEK_AGE_IDENTITY")
        text = read_private(self._identity_file, f"the age identity {str(self._identity_file)!r}")
        lines = [line.strip() for line in (text or "").splitlines()]
        found = next((line for line in lines if line.startswith("AGE-SECRET-KEY-1")), None)
        if found is None:
            raise KekMissing(
                f"the file {str(self._identity_file)!r} holds no age identity",
                hint="name the file that age-keygen wrote in QLF_KEK_AGE_IDENTITY",
            )
        try:
            return pyrage, pyrage.x25519.Identity.from_str(found)
        except pyrage.IdentityError:
            raise KekMissing(
                f"the age identity in {str(self._identity_file)!r} is damaged",
                hint="restore it from a backup",
            ) from None


class KekCommand(_Kept):
    """KEKs that a program prints: the command line of a key service or a vault.

    The program is started without a shell and gets this environment, where its own credentials are.
    """

    writable = False

    def __init__(self, command: str) -> None:
        self.name = "the program of QLF_KEK_COMMAND"
        try:
            self._words = shlex.split(command)
        except ValueError:
            self._words = []
        if not self._words:
            raise KekMissing("QLF_KEK_COMMAND is no command line", hint="name a program that prints the KEK")
        self._keks: tuple[Kek, ...] = ()

    def load(self) -> tuple[Kek, ...]:
        """The KEKs as printed at the first call."""
        if not self._keks:
            self._keks = super().load()
        return self._keks

    def find(self, kek_id: str) -> Kek | None:
        """The KEK of this id; the program is asked again for one that it has not printed."""
        found = super().find(kek_id)
        if found is None:
            self._keks = ()
            found = super().find(kek_id)
        return found

    def create(self) -> Kek:
        """Refused: where it keeps keys is known to the program only."""
        raise KekMissing(f"{self.name} cannot keep a new KEK", hint="make it there, and print it first")

    def remove(self, kek_id: str) -> bool:  # noqa: ARG002 - the signature is the protocol's
        """Nothing is removed from here."""
        return False

    def _read(self) -> str | None:
        hint = "run it by hand: it must print 32 bytes in base64 and end with 0"
        try:
            done = subprocess.run(
                self._words,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                timeout=_COMMAND_SECONDS,
                check=False,
            )
        except (OSError, ValueError, subprocess.TimeoutExpired):
            # The error would carry the command line, which may hold a token.
            raise KekMissing(f"{self.name} did not start, or did not end in time", hint=hint) from None
        if done.returncode != 0 or len(done.stdout) > _LARGEST:
            raise KekMissing(f"{self.name} failed with code {done.returncode}", hint=hint)
        try:
            return done.stdout.decode("ascii")
        except UnicodeDecodeError:
            raise KekMissing(f"{self.name} printed something that is no KEK", hint=hint) from None


def _library(module: str, package: str, variable: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError:
        raise KeyStoreError(
            f"{variable} needs the package {package!r}, which is not installed",
            hint=f"install it beside qlf: pip install {package}",
        ) from None
