"""Key-encryption keys (KEK): what one is, how its text is read, and the ring of those at hand."""

from __future__ import annotations

import hashlib
import re
import secrets
import threading
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from qlf.ledger.keys.model import KekMissing

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

__all__ = ["Kek", "KekRing", "KekSource", "kek_text", "make_kek", "read_keks"]

SIZE = 32
"""Bytes of a KEK: AES-256."""
_ID = re.compile(r"[a-z0-9.-]{8,100}\Z")
_HEX = re.compile(r"[0-9a-fA-F]{64}\Z")


@dataclass(frozen=True, repr=False, eq=False)
class Kek:
    """A key that wraps data keys. Its id says nothing of the key and stands in every sealed value."""

    id: str
    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.secret) != SIZE or not _ID.match(self.id):
            raise ValueError("a KEK has 32 bytes and a plain id")

    def __repr__(self) -> str:
        return f"Kek({self.id})"

    @cached_property
    def cipher(self) -> AESGCM:
        """The cipher of this key."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        return AESGCM(self.secret)


def make_kek(secret: bytes | None = None) -> Kek:
    """A KEK of these 32 bytes, or of new random ones."""
    value = secrets.token_bytes(SIZE) if secret is None else secret
    return Kek(hashlib.sha256(b"qlf:kek-id:1|" + value).hexdigest()[:16], value)


def kek_text(keks: Sequence[Kek]) -> str:
    """The KEKs as a file holds them: one line of base64 for each, the newest first."""
    return "".join(f"{b64encode(kek.secret).decode('ascii')}\n" for kek in keks)


def read_keks(text: str, source: str) -> tuple[Kek, ...]:
    """The KEKs in a text: 32 bytes each in base64 or hexadecimal, the newest first.

    Commas, spaces and lines part them; the rest of a line after `#` is a remark.

    Raises:
        KekMissing: Naming the source, never the text.
    """
    found: list[Kek] = []
    for line in text.splitlines():
        for word in line.partition("#")[0].replace(",", " ").split():
            kek = make_kek(_bytes(word, source))
            if kek.id not in {one.id for one in found}:
                found.append(kek)
    if not found:
        raise KekMissing(f"{source} holds no KEK", hint="it must hold 32 random bytes in base64")
    return tuple(found)


class KekSource(Protocol):
    """Somewhere that KEKs come from."""

    name: str
    """For messages: `QLF_KEK`, `the file '/run/secrets/kek'`."""
    writable: bool
    """Whether `create` and `remove` can work."""

    def load(self) -> tuple[Kek, ...]:
        """The KEKs that it holds, the newest first; none where it was not made yet."""
        ...

    def find(self, kek_id: str) -> Kek | None:
        """The KEK of this id."""
        ...

    def create(self) -> Kek:
        """Make a new KEK, keep it durably as the newest, and return it."""
        ...

    def remove(self, kek_id: str) -> bool:
        """Forget a KEK; whether it was there."""
        ...


class KekRing:
    """All KEKs at hand, by id, from all configured sources.

    Args:
        sources: The first one that holds a KEK gives it for new stores.
        may_create: Whether a first KEK may be made where a source can keep one. Not in production, where
            a KEK that is missing means a wrong mount, and a new one would hide it.
    """

    def __init__(self, sources: Sequence[KekSource], *, may_create: bool = False) -> None:
        self.sources = tuple(sources)
        self.may_create = may_create
        self._known: dict[str, Kek] = {}
        self._lock = threading.Lock()

    def get(self, kek_id: str) -> Kek:
        """The KEK of this id. Sources are asked again for one that was not seen yet.

        Raises:
            KekMissing: If no source has it.
        """
        known = self._known.get(kek_id)
        if known is not None:
            return known
        with self._lock:
            for source in self.sources:
                found = source.find(kek_id)
                if found is not None:
                    self._known[kek_id] = found
                    return found
        if not self.sources:
            raise _nothing()
        names = " and ".join(source.name for source in self.sources)
        raise KekMissing(
            f"a key is sealed with the KEK {kek_id}, which {names} does not hold",
            hint="give the KEK that was used when it was added (QLF_KEK_FILE or another QLF_KEK variable)",
        )

    def newest(self) -> Kek | None:
        """The newest KEK of the first source that has any."""
        for source in self.sources:
            found = source.load()
            if found:
                self._known[found[0].id] = found[0]
                return found[0]
        return None

    def ensure(self) -> tuple[Kek, KekSource | None]:
        """A KEK to seal with, and the source that it was just made in, if it was.

        Raises:
            KekMissing: If there is none and none may be made.
        """
        found = self.newest()
        if found is not None:
            return found, None
        if not self.sources:
            raise _nothing()
        if not self.may_create:
            raise KekMissing(
                f"{self.sources[0].name} holds no KEK, and in production none is made unasked",
                hint="check the mount, or make one: qlf keys rotate --kek",
            )
        return self.create()

    def create(self) -> tuple[Kek, KekSource]:
        """Make a new KEK in the first source that can keep one.

        Raises:
            KekMissing: If no source can.
        """
        for source in self.sources:
            if source.writable:
                made = source.create()
                self._known[made.id] = made
                return made, source
        names = " and ".join(source.name for source in self.sources)
        raise KekMissing(
            f"no KEK can be made in {names or 'any source'}, which qlf cannot write",
            hint="put the new KEK in front of the old one there (QLF_KEK=new,old), and run this again",
        )

    def adopt(self, source: KekSource) -> None:
        """Take another source in, in front of the others."""
        self.sources = (source, *self.sources)

    def remove(self, kek_id: str) -> tuple[str, ...]:
        """Forget a KEK in every source that can be written, and return the names of those that keep it."""
        self._known.pop(kek_id, None)
        kept = []
        for source in self.sources:
            if source.writable:
                source.remove(kek_id)
            elif source.find(kek_id) is not None:
                kept.append(source.name)
        return tuple(kept)


def _nothing() -> KekMissing:
    return KekMissing(
        "no KEK is configured, and in production none is made unasked",
        hint="set QLF_KEK_FILE to a file with 32 random bytes in base64 that only this user can read",
    )


def _bytes(word: str, source: str) -> bytes:
    from base64 import b64decode

    try:
        # Both alphabets of base64 (RFC 4648 4 and 5) are seen in the wild.
        value = (
            bytes.fromhex(word)
            if _HEX.match(word)
            else b64decode(word.replace("-", "+").replace("_", "/"), validate=True)
        )
    except ValueError:
        value = b""
    if len(value) != SIZE:
        raise KekMissing(
            f"{source} holds something that is no KEK",
            hint="a KEK is 32 random bytes in base64 or hexadecimal: openssl rand -base64 32",
        )
    return value
