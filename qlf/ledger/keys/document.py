"""A credential with all its versions in one document, such as a Prefect block.

The secret fields of the document hold the current value, each sealed on its own, so that a person may put a
new value in clear over one of them; `key_state` holds the other versions, sealed as one text. One write of
the document moves the label `current`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from qlf.ledger.keys.envelope import is_sealed, kek_of, open_sealed, rewrap, seal
from qlf.ledger.keys.kek import Kek, KekRing
from qlf.ledger.keys.model import KeyInfo, OpenKey, SealBroken, Stage, check_fields, fields_of, tail_of
from qlf.ledger.keys.protocol import Fields
from qlf.ledger.keys.secret import SecretText

__all__ = [
    "STATE",
    "VERSION",
    "Held",
    "Versions",
    "read_document",
    "rewrap_document",
    "used_keks",
    "write_document",
]

VERSION = "key_version"
STATE = "key_state"


@dataclass(frozen=True, slots=True)
class Held:
    """One version and when it came to its stage. Times are seconds since 1970, UTC."""

    version: int
    stage: Stage
    fields: Fields
    created: int
    tail: str = ""
    promoted: int | None = None
    expires: int | None = None
    revoked: int | None = None


@dataclass(frozen=True, slots=True)
class Versions:
    """Every version of one credential."""

    name: str
    kind: str
    held: tuple[Held, ...]
    token: str = ""
    kek: str = ""
    """The KEK that the document is sealed with; empty while it holds a value in clear."""
    last: int = field(default=0)
    """The highest number that was ever given."""

    @property
    def in_clear(self) -> bool:
        """Whether a person put a value in that was not sealed yet."""
        return not self.kek

    def of(self, stage: Stage) -> Held | None:
        """The version of a stage, the oldest if there are several."""
        return next((one for one in self.held if one.stage is stage), None)

    def opened(self, one: Held) -> OpenKey:
        """A version as calls use it."""
        return OpenKey(self.name, self.kind, one.version, one.fields)

    def infos(self) -> tuple[KeyInfo, ...]:
        """The versions without their values, the oldest first."""
        return tuple(
            KeyInfo(
                self.name,
                self.kind,
                one.version,
                one.stage,
                self.kek if one.stage is not Stage.REVOKED else "",
                one.tail,
                one.created,
                one.promoted,
                one.expires,
                None,
                one.revoked,
            )
            for one in sorted(self.held, key=lambda one: one.version)
        )

    def changed(self, *ones: Held) -> Versions:
        """With these versions in place of those of their numbers."""
        numbers = {one.version for one in ones}
        kept = [one for one in self.held if one.version not in numbers]
        return replace(self, held=(*kept, *ones), last=max(self.last, *numbers))


def read_document(name: str, kind: str, data: Mapping[str, Any], ring: KekRing, *, now: int) -> Versions:
    """What a document holds. A value in clear counts as the next version.

    Raises:
        KeyStoreError: If a field is missing or is no credential.
        SealBroken: If a sealed value was changed or belongs elsewhere.
        KekMissing: If its KEK is not at hand.
    """
    known = data.get(VERSION)
    version = known if isinstance(known, int) and known > 0 else 1
    texts = _texts(kind, data)
    fields, clear = {}, False
    for field_name, text in texts.items():
        if is_sealed(text):
            value = open_sealed(text, ring.get, name=_bound(kind, name, field_name), version=version)
            fields[field_name] = SecretText(value.decode())
        else:
            fields[field_name], clear = SecretText(text), True
    state = _state(name, kind, data, ring, version)
    others = [_held(one) for one in state.get("others", [])]
    last = max([version, int(state.get("last", 0)), *(one.version for one in others)])
    dates = state.get("current", {})
    if clear and (state or any(is_sealed(text) for text in texts.values())):
        # Somebody replaced a sealed value by hand: what is sealed for the old number stays that number's.
        version, last, dates = last + 1, last + 1, {}
    current: tuple[Held, ...] = ()
    if fields:
        checked = check_fields(kind, fields)
        created, promoted = int(dates.get("created", now)), int(dates.get("promoted", now))
        current = (Held(version, Stage.CURRENT, checked, created, tail_of(checked), promoted),)
    kek = "" if clear else next((kek_of(text) for text in _sealed_texts(kind, data)), "")
    return Versions(name, kind, (*others, *current), str(state.get("token", "")), kek, last)


def write_document(versions: Versions, kek: Kek) -> dict[str, Any]:
    """The fields of the document that hold these versions, everything sealed."""
    name, kind = versions.name, versions.kind
    shape = fields_of(kind)
    current = versions.of(Stage.CURRENT)
    number = current.version if current is not None else max(1, versions.last)
    data: dict[str, Any] = {VERSION: number}
    for field_name in (*shape.required, *shape.optional):
        value = current.fields.get(field_name) if current is not None else None
        data[field_name] = (
            None
            if value is None
            else seal(value.reveal().encode(), kek, name=_bound(kind, name, field_name), version=number)
        )
    state = {
        "token": versions.token,
        "last": versions.last,
        "current": {} if current is None else {"created": current.created, "promoted": current.promoted},
        "others": [_plain(one) for one in versions.held if one is not current],
    }
    data[STATE] = seal(json.dumps(state).encode(), kek, name=_bound(kind, name, STATE), version=number)
    return data


def rewrap_document(name: str, kind: str, data: Mapping[str, Any], ring: KekRing, new: Kek) -> dict[str, Any]:
    """The sealed fields whose data keys another KEK wraps, wrapped by `new`."""
    version = int(data.get(VERSION) or 1)
    found = {}
    for field_name, text in {**_texts(kind, data), STATE: data.get(STATE)}.items():
        if isinstance(text, str) and is_sealed(text) and kek_of(text) != new.id:
            found[field_name] = rewrap(
                text, ring.get, new, name=_bound(kind, name, field_name), version=version
            )
    return found


def used_keks(kind: str, data: Mapping[str, Any]) -> set[str]:
    """The ids of the KEKs that a document needs. No KEK is needed to tell."""
    return {kek_of(text) for text in _sealed_texts(kind, data)}


def _bound(kind: str, name: str, field_name: str) -> str:
    return f"{kind}/{name}#{field_name}"


def _texts(kind: str, data: Mapping[str, Any]) -> dict[str, str]:
    shape = fields_of(kind)
    known = (*shape.required, *shape.optional)
    # A person's paste often ends with a line end.
    return {
        name: data[name].strip() for name in known if isinstance(data.get(name), str) and data[name].strip()
    }


def _sealed_texts(kind: str, data: Mapping[str, Any]) -> list[str]:
    texts = [*_texts(kind, data).values(), data.get(STATE)]
    return [text for text in texts if isinstance(text, str) and is_sealed(text)]


def _state(name: str, kind: str, data: Mapping[str, Any], ring: KekRing, version: int) -> dict[str, Any]:
    text = data.get(STATE)
    if not text:
        return {}
    if not isinstance(text, str):
        raise SealBroken(f"the state of the stored key {name!r} is no text", hint="restore it from a backup")
    opened = open_sealed(text, ring.get, name=_bound(kind, name, STATE), version=version)
    state: dict[str, Any] = json.loads(opened)
    return state


def _plain(one: Held) -> dict[str, Any]:
    return {
        "version": one.version,
        "stage": one.stage.value,
        "fields": {name: value.reveal() for name, value in one.fields.items()},
        "created": one.created,
        "tail": one.tail,
        "promoted": one.promoted,
        "expires": one.expires,
        "revoked": one.revoked,
    }


def _held(plain: Mapping[str, Any]) -> Held:
    fields = {name: SecretText(value) for name, value in plain["fields"].items()}
    return Held(**{**plain, "stage": Stage(plain["stage"]), "fields": fields})
