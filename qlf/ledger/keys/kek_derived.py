"""KEKs from a passphrase, by Argon2id (RFC 9106)."""

from __future__ import annotations

import hashlib
import re
import secrets
from functools import lru_cache
from pathlib import Path

from qlf.ledger.keys.kek import SIZE, Kek
from qlf.ledger.keys.kek_file import read_private, write_private
from qlf.ledger.keys.model import KekMissing
from qlf.ledger.keys.secret import SecretText

__all__ = ["KekPassphrase"]

_MEMORY_KIB = 65_536
_PASSES = 3
_LANES = 4
"""The second recommended setting of RFC 9106 section 4: 64 MiB, three passes, four lanes."""
_SHORTEST = 12
"""Characters of a passphrase."""
_ID = re.compile(r"argon2id-1\.([0-9a-f]{32})\.([0-9a-f]{16})\Z")


class KekPassphrase:
    """A KEK that is computed from a passphrase and a salt.

    The salt stands in the id of the KEK, so that a sealed value says all that is needed but the
    passphrase; the file only says which salt new values take.

    Args:
        passphrase: One a line, the newest first; older ones open what was sealed before.
        salt_file: Where the salt is kept. It is no secret.
    """

    name = "QLF_KEK_PASSPHRASE"
    writable = True

    def __init__(self, passphrase: SecretText, salt_file: Path) -> None:
        self._phrases = [line for line in passphrase.reveal().splitlines() if line]
        if not self._phrases or len(self._phrases[0]) < _SHORTEST:
            raise KekMissing(
                f"{self.name} is shorter than {_SHORTEST} characters", hint="use five or more random words"
            )
        self._file = salt_file

    def load(self) -> tuple[Kek, ...]:
        """The KEK of the newest passphrase and the kept salt; none before the salt is made."""
        text = read_private(self._file, f"the file {str(self._file)!r}")
        if text is None:
            return ()
        salt = text.strip()
        if not re.fullmatch(r"[0-9a-f]{32}", salt):
            raise KekMissing(f"the file {str(self._file)!r} holds no salt", hint="restore it from a backup")
        return (_derive(self._phrases[0], salt),)

    def find(self, kek_id: str) -> Kek | None:
        """The KEK of this id: its salt with the passphrase that fits."""
        match = _ID.match(kek_id)
        if match is None:
            return None
        derived = (_derive(phrase, match[1]) for phrase in self._phrases)
        return next((kek for kek in derived if kek.id == kek_id), None)

    def create(self) -> Kek:
        """The KEK of the newest passphrase with a new salt, which is kept."""
        salt = secrets.token_hex(16)
        write_private(self._file, f"{salt}\n")
        return _derive(self._phrases[0], salt)

    def remove(self, kek_id: str) -> bool:  # noqa: ARG002 - the signature is the protocol's
        """Nothing is kept that could be removed: without its sealed values an old salt means nothing."""
        return False


@lru_cache(maxsize=16)
def _derive(phrase: str, salt: str) -> Kek:
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

    secret = Argon2id(
        salt=bytes.fromhex(salt), length=SIZE, iterations=_PASSES, lanes=_LANES, memory_cost=_MEMORY_KIB
    ).derive(phrase.encode())
    check = hashlib.sha256(b"qlf:kek-id:1|" + secret).hexdigest()[:16]
    return Kek(f"argon2id-1.{salt}.{check}", secret)
