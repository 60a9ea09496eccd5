"""What is inside a sealed value: the kind of provider and the secret fields."""

from __future__ import annotations

import json

from qlf.ledger.keys.model import SealBroken
from qlf.ledger.keys.protocol import Fields
from qlf.ledger.keys.secret import SecretText

__all__ = ["pack", "unpack"]


def pack(kind: str, fields: Fields) -> bytes:
    """The text that is sealed: the kind is inside, so that a key cannot be sent to another provider."""
    return json.dumps({"kind": kind, "fields": {name: one.reveal() for name, one in fields.items()}}).encode()


def unpack(text: bytes, kind: str, name: str, version: int) -> dict[str, SecretText]:
    """The fields of what `pack` gave.

    Raises:
        SealBroken: If it was packed for another kind of provider.
    """
    document = json.loads(text)
    if document["kind"] != kind:
        raise SealBroken(
            f"the stored key {name}@{version} was sealed for another kind of provider",
            hint="restore the key store from a backup, or revoke the key and add it again",
        )
    return {field: SecretText(value) for field, value in document["fields"].items()}
