"""Envelope encryption: every value under a data key of its own (DEK), that key wrapped by the KEK.

AES-256-GCM (NIST SP 800-38D) with random 96-bit nonces. A data key encrypts one value once; the additional
data bind the value to the name and version it was sealed for, and the wrapped key also to its KEK, so that
neither opens anywhere else. A sealed value is a text that describes itself:

    qlf:sealed:1:<kek id>:<base64 of nonce and wrapped DEK>:<base64 of nonce and ciphertext>
"""

from __future__ import annotations

import os
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Callable
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from qlf.ledger.keys.kek import Kek
from qlf.ledger.keys.model import SealBroken

__all__ = ["PREFIX", "Sealed", "is_sealed", "kek_of", "open_sealed", "rewrap", "seal"]

PREFIX = "qlf:sealed:"
_VERSION = "1"
_NONCE = 12
_TAG = 16
_DEK = 32

FindKek = Callable[[str], Kek]
"""Gives the KEK of an id, or raises `KekMissing`."""


@dataclass(frozen=True, slots=True, repr=False)
class Sealed:
    """The parts of a sealed value."""

    kek: str
    wrapped: bytes
    value: bytes

    def __str__(self) -> str:
        wrapped, value = b64encode(self.wrapped).decode("ascii"), b64encode(self.value).decode("ascii")
        return f"{PREFIX}{_VERSION}:{self.kek}:{wrapped}:{value}"


def is_sealed(text: str) -> bool:
    """Whether a text says that it is a sealed value."""
    return text.startswith(PREFIX)


def kek_of(text: str) -> str:
    """The id of the KEK that a sealed value needs.

    Raises:
        SealBroken: If it is no sealed value.
    """
    return _parse(text).kek


def seal(text: bytes, kek: Kek, *, name: str, version: int) -> str:
    """`text` sealed for one version of one name."""
    dek = os.urandom(_DEK)
    nonce = os.urandom(_NONCE)
    bound = _bound(name, version)
    value = nonce + AESGCM(dek).encrypt(nonce, text, bound)
    return str(Sealed(kek.id, _wrap(dek, kek, bound), value))


def open_sealed(text: str, find: FindKek, *, name: str, version: int) -> bytes:
    """What was sealed for this version of this name.

    Raises:
        SealBroken: If it was changed, or sealed for another name or version.
        KekMissing: If its KEK is not at hand.
    """
    sealed = _parse(text)
    bound = _bound(name, version)
    dek = _unwrap(sealed, find(sealed.kek), bound, name, version)
    try:
        return AESGCM(dek).decrypt(sealed.value[:_NONCE], sealed.value[_NONCE:], bound)
    except InvalidTag:
        raise _broken(name, version) from None


def rewrap(text: str, find: FindKek, new: Kek, *, name: str, version: int) -> str:
    """The same value with its data key wrapped by another KEK; the value itself is not opened.

    Raises:
        SealBroken: If the wrapped key was changed, or belongs to another name or version.
        KekMissing: If the KEK that it has is not at hand.
    """
    sealed = _parse(text)
    if sealed.kek == new.id:
        return text
    bound = _bound(name, version)
    dek = _unwrap(sealed, find(sealed.kek), bound, name, version)
    return str(Sealed(new.id, _wrap(dek, new, bound), sealed.value))


def _bound(name: str, version: int) -> bytes:
    # No name holds a bar, so that two different pairs never give the same bytes.
    return f"qlf:sealed:{_VERSION}|{name}|{version}".encode()


def _wrap(dek: bytes, kek: Kek, bound: bytes) -> bytes:
    nonce = os.urandom(_NONCE)
    return nonce + kek.cipher.encrypt(nonce, dek, bound + b"|" + kek.id.encode())


def _unwrap(sealed: Sealed, kek: Kek, bound: bytes, name: str, version: int) -> bytes:
    nonce, wrapped = sealed.wrapped[:_NONCE], sealed.wrapped[_NONCE:]
    try:
        return bytes(kek.cipher.decrypt(nonce, wrapped, bound + b"|" + kek.id.encode()))
    except InvalidTag:
        raise _broken(name, version) from None


def _parse(text: str) -> Sealed:
    parts = text.split(":")
    if len(parts) != 6 or not is_sealed(text):
        raise SealBroken("a stored key is no sealed value", hint="restore it from a backup, or add it again")
    if parts[2] != _VERSION:
        raise SealBroken(
            "a stored key was sealed by a newer release of qlf", hint="update qlf to that release"
        )
    try:
        wrapped, value = b64decode(parts[4], validate=True), b64decode(parts[5], validate=True)
    except (Base64Error, ValueError):
        wrapped = value = b""
    if len(wrapped) != _NONCE + _DEK + _TAG or len(value) < _NONCE + _TAG:
        raise SealBroken("a stored key is damaged", hint="restore it from a backup, or add it again")
    return Sealed(parts[3], wrapped, value)


def _broken(name: str, version: int) -> SealBroken:
    return SealBroken(
        f"the stored key {name}@{version} was changed, or was sealed for something else",
        hint="restore the key store from a backup, or revoke the key and add it again",
    )
