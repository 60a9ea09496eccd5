"""What is known of a stored credential, and the errors that keep one from being used."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from qlf.core.secrets import find_secrets
from qlf.errors import KeyStoreError
from qlf.ledger.keys.secret import SecretText

__all__ = [
    "FIELDS",
    "KekMissing",
    "KeyBusy",
    "KeyEvent",
    "KeyExists",
    "KeyInfo",
    "KeyMissing",
    "OnEvent",
    "OpenKey",
    "SealBroken",
    "Stage",
    "check_fields",
    "check_name",
    "fields_of",
    "tail_of",
]

MAX_VALUE = 16_384
"""Characters of one field. A session token of AWS has about 1,000."""
MAX_NAME = 64

_NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*\Z")


class KeyMissing(KeyStoreError):
    """No such credential, or none of that version or stage."""


class KeyExists(KeyStoreError):
    """A credential of this name is there already."""


class KeyBusy(KeyStoreError):
    """Another process is rotating keys in this store."""


class KekMissing(KeyStoreError):
    """The key that seals the credentials (KEK) is not at hand, or may not be used."""


class SealBroken(KeyStoreError):
    """A sealed value was changed, or belongs to another credential."""


class Stage(StrEnum):
    """Where a version of a credential is in its life; a credential has at most one of the first two."""

    PENDING = "pending"
    """Kept, and not proven yet."""
    CURRENT = "current"
    """What calls use."""
    PREVIOUS = "previous"
    """Still valid at the provider, so that calls under way can end."""
    REVOKED = "revoked"
    """Ended; the sealed value is erased."""


@dataclass(frozen=True, slots=True)
class _Shape:
    required: tuple[str, ...]
    optional: tuple[str, ...] = ()


FIELDS: Mapping[str, _Shape] = MappingProxyType(
    {
        "bedrock": _Shape(("access_key_id", "secret_access_key"), ("session_token",)),
        "azure_openai": _Shape(("api_key",)),
        "openai_compatible": _Shape(("api_key",)),
    }
)
"""The secret fields of a credential by the kind of its provider."""


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """One version of a credential, without its value. Times are seconds since 1970, UTC."""

    name: str
    kind: str
    version: int
    stage: Stage
    kek: str
    """Id of the KEK that it is sealed with; empty for a value in clear or an erased one."""
    tail: str
    """The last four characters of a long key, to tell keys apart."""
    created: int
    promoted: int | None = None
    expires: int | None = None
    """When the grace period of a previous version ends."""
    used: int | None = None
    """Last use, to the hour."""
    revoked: int | None = None

    @property
    def key_id(self) -> str:
        """What records name it by: `NAME@VERSION`."""
        return f"{self.name}@{self.version}"

    def to_json(self) -> dict[str, Any]:
        """The facts as plain JSON data."""
        return {
            "key": self.key_id,
            "name": self.name,
            "kind": self.kind,
            "version": self.version,
            "stage": self.stage.value,
            "kek": self.kek,
            "tail": self.tail,
            "created": self.created,
            "promoted": self.promoted,
            "expires": self.expires,
            "used": self.used,
            "revoked": self.revoked,
        }


@dataclass(frozen=True, slots=True)
class OpenKey:
    """A credential that was opened, ready to be used."""

    name: str
    kind: str
    version: int
    fields: Mapping[str, SecretText]

    @property
    def key_id(self) -> str:
        """What records name it by: `NAME@VERSION`."""
        return f"{self.name}@{self.version}"


@dataclass(frozen=True, slots=True)
class KeyEvent:
    """Something that happened to a credential or a KEK; it holds no secret."""

    action: str
    """`added`, `staged`, `promoted`, `revoked`, `deleted`, `abandoned`, `rotation-started`, `tested`,
    `test-failed`, `sealed`, `rewrapped`, `kek-created`, `kek-retired`."""
    key: str = ""
    """`NAME@VERSION`, or the name where no version is meant."""
    store: str = ""
    """`local` or `prefect`."""
    details: Mapping[str, str | int] = field(default_factory=dict)


OnEvent = Callable[[KeyEvent], None]
"""Told before a change is committed: when it raises, the change does not happen."""


def check_name(name: str) -> str:
    """Return `name` if credentials may be called so; a Prefect block may too.

    Raises:
        KeyStoreError: Without repeating it, because somebody may have typed a key there.
    """
    if len(name) > MAX_NAME or not _NAME.match(name) or any(find_secrets(name)):
        raise KeyStoreError(
            "the name of a key is not allowed",
            hint=f"use lower-case words and digits joined by dashes, at most {MAX_NAME} characters",
        )
    return name


def fields_of(kind: str) -> _Shape:
    """The secret fields of a provider kind.

    Raises:
        KeyStoreError: For a kind that is not known.
    """
    shape = FIELDS.get(kind)
    if shape is None:
        raise KeyStoreError("there is no such kind of provider", hint=f"kinds are: {', '.join(FIELDS)}")
    return shape


def check_fields(kind: str, fields: Mapping[str, SecretText]) -> dict[str, SecretText]:
    """The fields in their fixed order, if they are what this kind of provider takes.

    Raises:
        KeyStoreError: Naming the field that is missing, unknown or no credential; never its value.
    """
    shape = fields_of(kind)
    known = (*shape.required, *shape.optional)
    for name in shape.required:
        if name not in fields:
            raise KeyStoreError(f"a {kind} key needs the field {name!r}", hint=f"fields: {', '.join(known)}")
    for name in fields:
        if name not in known:
            raise KeyStoreError(f"a {kind} key has no such field", hint=f"fields: {', '.join(known)}")
    for name in (name for name in known if name in fields):
        text = fields[name].reveal()
        # Keys travel in HTTP headers: visible ASCII only (RFC 9110 5.5).
        if not text or len(text) > MAX_VALUE or not all("!" <= one <= "~" for one in text):
            raise KeyStoreError(
                f"the value of {name!r} is no credential: it is empty, too long, or holds spaces, "
                "line ends or characters outside ASCII",
                hint="copy it again, as one line",
            )
    return {name: fields[name] for name in known if name in fields}


def tail_of(fields: Mapping[str, SecretText]) -> str:
    """By what people recognise a credential: the end of its id, or of the key itself."""
    shown = fields.get("access_key_id") or fields.get("api_key")
    return shown.tail() if shown is not None else ""
