"""Signed tree heads: a signature over how many entries there are and the root above them.

A chain alone does not show that its tail was cut off or that all of it was written anew. A head that was
kept elsewhere does: it is exported to a file as soon as it is made, and whoever keeps a copy can compare.
Signatures are Ed25519 (RFC 8032).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from qlf.errors import LedgerUnavailable

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

__all__ = ["Head", "Signer", "append_heads", "key_id", "load_public", "parse_head", "parse_heads"]

_CONTEXT = b"qlf ledger head v1\n"
_MAX_LINE = 4096


@dataclass(frozen=True, slots=True)
class Head:
    """The first `size` entries of one ledger, under one root, signed."""

    ledger: str
    """The id of the ledger, made at random when it was begun."""
    size: int
    root: str
    """64 hexadecimal digits."""
    ts: int
    """When it was signed: milliseconds since 1970, UTC."""
    public_key: str
    """The raw Ed25519 key in hexadecimal."""
    signature: str = ""

    @property
    def key(self) -> str:
        """The id of the key."""
        return key_id(bytes.fromhex(self.public_key))

    def to_json(self) -> dict[str, Any]:
        """The document that `parse_head` reads."""
        return {
            "ledger": self.ledger,
            "size": self.size,
            "root": self.root,
            "ts": self.ts,
            "key": self.key,
            "public_key": self.public_key,
            "signature": self.signature,
        }

    def to_line(self) -> bytes:
        """The document on one line."""
        return orjson.dumps(self.to_json(), option=orjson.OPT_SORT_KEYS) + b"\n"

    def message(self) -> bytes:
        """The bytes that are signed."""
        document = self.to_json()
        del document["signature"]
        return _CONTEXT + orjson.dumps(document, option=orjson.OPT_SORT_KEYS)

    def signed_by(self, public_key: str) -> bool:
        """Whether the signature is good, and by this key."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        if self.public_key != public_key:
            return False
        try:
            key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key))
            key.verify(bytes.fromhex(self.signature), self.message())
        except (InvalidSignature, ValueError):
            return False
        return True


class Signer:
    """The key that signs heads. It is kept outside the ledger, so that writing to one is not enough."""

    __slots__ = ("_key", "public_key")

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.public_key = key.public_key().public_bytes_raw().hex()

    def __repr__(self) -> str:
        return f"Signer({self.key!r})"

    @property
    def key(self) -> str:
        """The id of the key."""
        return key_id(bytes.fromhex(self.public_key))

    def sign(self, ledger: str, size: int, root: bytes, ts: int) -> Head:
        """The signed head of a tree."""
        head = Head(ledger, size, root.hex(), ts, self.public_key)
        return Head(ledger, size, root.hex(), ts, self.public_key, self._key.sign(head.message()).hex())

    @classmethod
    def load(cls, path: Path, *, create: bool = True) -> Signer:
        """The key in the file `path`, made there at first use. The file holds PEM and is its owner's alone.

        Raises:
            LedgerUnavailable: If it cannot be read or made.
        """
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        try:
            if create and not path.exists():
                _write_new_key(path)
            data = path.read_bytes()
        except OSError as error:
            raise LedgerUnavailable(
                f"the signing key of the ledger {str(path)!r} cannot be used: {error.strerror or error}",
                hint="restore the file or make its folder writable",
            ) from error
        try:
            key = load_pem_private_key(data, password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            key = None
        if not isinstance(key, Ed25519PrivateKey):
            raise LedgerUnavailable(
                f"the signing key of the ledger {str(path)!r} is damaged", hint="restore the file"
            )
        return cls(key)


def key_id(public_key: bytes) -> str:
    """A short name for a public key."""
    return sha256(public_key).hexdigest()[:16]


def load_public(path: Path) -> str | None:
    """The public key that belongs to the signing key in `path`, in hexadecimal; `None` without the file.

    Raises:
        LedgerUnavailable: If the file is there and cannot be used.
    """
    return Signer.load(path, create=False).public_key if path.exists() else None


def parse_head(data: bytes) -> Head:
    """A head from its JSON.

    Raises:
        ValueError: If it is none.
    """
    found = orjson.loads(data[:_MAX_LINE]) if len(data) <= _MAX_LINE else None
    if not isinstance(found, dict):
        raise ValueError("a head is one small JSON object")
    texts = [found.get(name) for name in ("ledger", "root", "public_key", "signature")]
    numbers = [found.get(name) for name in ("size", "ts")]
    if not all(type(text) is str and len(text) % 2 == 0 for text in texts):
        raise ValueError("a head has a ledger, a root, a public_key and a signature")
    if not all(type(number) is int and number >= 0 for number in numbers):
        raise ValueError("a head has a size and a ts")
    for text in texts:
        bytes.fromhex(str(text))
    ledger, root, public_key, signature = (str(text) for text in texts)
    return Head(ledger, found["size"], root, found["ts"], public_key, signature)


def append_heads(path: Path, heads: list[Head]) -> None:
    """Add heads to the file of exported heads, durably.

    Raises:
        OSError: If it cannot be written.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _drop_torn_line(handle)
        # One write of whole lines: those of other processes never land in between.
        os.write(handle, b"".join(head.to_line() for head in heads))
        os.fsync(handle)
    finally:
        os.close(handle)


def parse_heads(data: bytes) -> list[Head]:
    """The heads in a file of them, one on each line.

    A last line without its end that is no head was cut off by a crash and is left out.

    Raises:
        ValueError: Naming the line that is no head.
    """
    heads = []
    lines = data.split(b"\n")
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            heads.append(parse_head(line))
        except ValueError as error:
            if number == len(lines):
                break
            raise ValueError(f"line {number} is no head: {error}") from None
    return heads


def _drop_torn_line(handle: int) -> None:
    """Cut off what a crash left of a line; a head that was durable ends in a line end."""
    end = os.fstat(handle).st_size
    tail = os.pread(handle, _MAX_LINE, max(0, end - _MAX_LINE))
    if tail and not tail.endswith(b"\n"):
        os.ftruncate(handle, end - len(tail) + tail.rfind(b"\n") + 1)


def _write_new_key(path: Path) -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.urandom(8).hex()}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        try:
            os.write(handle, pem)
            os.fsync(handle)
        finally:
            os.close(handle)
        try:
            # Whole or not at all, and never over a key that another process made meanwhile.
            os.link(draft, path)
        except FileExistsError:
            return
    finally:
        draft.unlink()
