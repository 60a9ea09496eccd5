"""The key store over Prefect blocks: one block for each credential, with everything in it sealed."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

from blocks.documents import BlockDocument, BlockDocuments
from qlf.errors import KeyStoreError, QlfError
from qlf.ledger.keys.document import (
    Held,
    Versions,
    read_document,
    rewrap_document,
    used_keks,
    write_document,
)
from qlf.ledger.keys.kek import Kek, KekRing
from qlf.ledger.keys.lock import exclusive
from qlf.ledger.keys.model import (
    KekMissing,
    KeyEvent,
    KeyExists,
    KeyInfo,
    KeyMissing,
    OnEvent,
    OpenKey,
    Stage,
    check_fields,
    check_name,
    tail_of,
)
from qlf.ledger.keys.protocol import Checkpoint, Fields, nothing

__all__ = ["BlockCredentialStore"]

_log = logging.getLogger(__name__)


class BlockCredentialStore:
    """Keeps credentials in Prefect blocks. A block filled in by hand works, and is sealed at its first use.

    Prefect has no conditional writes: two rotations are kept apart by a lock on this machine only.

    Args:
        documents: The blocks of the API.
        ring: The KEKs.
        lock_file: Held while something is rotated.
        on_event: Told of every change before it is written.
        extra: Non-secret fields of new blocks, such as `region` and `endpoint`.
        now: Seconds since 1970, UTC.
    """

    kept_in = "prefect"

    def __init__(
        self,
        documents: BlockDocuments,
        ring: KekRing,
        *,
        lock_file: Path,
        on_event: OnEvent | None = None,
        extra: Mapping[str, str] | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._documents = documents
        self.ring = ring
        self._lock_file = lock_file
        self._on_event = on_event
        self._extra = dict(extra or {})
        self._now = now

    def close(self) -> None:
        """Close the connections."""
        self._documents.close()

    def list(self) -> tuple[KeyInfo, ...]:
        """Every version in every block. A block that does not open is shown by what is known without."""
        return tuple(info for one in self._documents.all() for info in self._infos(one))

    def info(self, name: str) -> tuple[KeyInfo, ...]:
        """The versions of one name, the oldest first."""
        document = self._documents.find(check_name(name))
        return () if document is None else self._read(document).infos()

    def current(self, name: str) -> OpenKey:
        """The credential that calls are to use; a value in clear is sealed now.

        Raises:
            KeyMissing: If there is none.
        """
        document, versions = self._held(name)
        current = versions.of(Stage.CURRENT)
        if current is None:
            raise KeyMissing(f"there is no current key {name!r}", hint=f"add it: qlf keys add {name}")
        if versions.in_clear:
            self._seal_now(document, versions, current)
        return versions.opened(current)

    def get(self, name: str, version: int) -> OpenKey:
        """One version, also a pending or a previous one.

        Raises:
            KeyMissing: If there is none, or it is revoked.
        """
        _, versions = self._held(name)
        for one in versions.held:
            if one.version == version and one.stage is not Stage.REVOKED:
                return versions.opened(one)
        raise KeyMissing(f"there is no key {name}@{version} in use", hint="see: qlf keys list")

    def keks(self) -> Mapping[str, int]:
        """How many blocks need each KEK; the one for new values first, even with none."""
        newest = self.ring.newest()
        counts: dict[str, int] = {} if newest is None else {newest.id: 0}
        for document in self._documents.all():
            for kek in sorted(used_keks(document.kind, document.data)):
                counts[kek] = counts.get(kek, 0) + 1
        return counts

    def add(self, name: str, kind: str, fields: Fields) -> KeyInfo:
        """Keep a credential under a new name; it is current at once.

        Raises:
            KeyExists: If the name has a version that is not revoked.
        """
        checked = check_fields(kind, fields)
        document = self._documents.find(check_name(name))
        versions = Versions(name, kind, ()) if document is None else self._read(document)
        if versions.kind != kind or any(one.stage is not Stage.REVOKED for one in versions.held):
            raise KeyExists(
                f"there is a key {name!r} already", hint=f"replace its value: qlf keys rotate {name} --new -"
            )
        now = int(self._now())
        made = Held(versions.last + 1, Stage.CURRENT, checked, now, tail_of(checked), now)
        kek = self._kek()
        event = KeyEvent("added", f"{name}@{made.version}", self.kept_in, {"kind": kind, "kek": kek.id})
        data = {**self._extra, **write_document(versions.changed(made), kek)}
        self._tell(event)
        if document is None:
            self._documents.create(name, kind, data)
        else:
            self._documents.update(document, data)
        return self._only(name, made.version)

    def begin(self, name: str, token: str) -> str:
        """Record the token of a rotation; returns that of the one under way, if there is one."""
        document, versions = self._rotatable(name)
        if versions.token:
            return versions.token
        self._write(
            document, replace(versions, token=token), KeyEvent("rotation-started", name, self.kept_in)
        )
        return token

    def token(self, name: str) -> str:
        """The token of the rotation under way, empty if there is none."""
        document = self._documents.find(check_name(name))
        return "" if document is None else self._read(document).token

    def stage(self, name: str, fields: Fields) -> KeyInfo:
        """Keep the next version as pending.

        Raises:
            KeyMissing: If the name has no current credential.
            KeyExists: If another version is pending.
        """
        document, versions = self._rotatable(name)
        if versions.of(Stage.PENDING) is not None:
            raise KeyExists(
                f"a new value of {name!r} is waiting to be tested already",
                hint=f"go on: qlf keys rotate {name}; or drop it: qlf keys rotate {name} --abandon",
            )
        checked = check_fields(versions.kind, fields)
        made = Held(versions.last + 1, Stage.PENDING, checked, int(self._now()), tail_of(checked))
        event = KeyEvent("staged", f"{name}@{made.version}", self.kept_in)
        self._write(document, versions.changed(made), event)
        return self._only(name, made.version)

    def promote(self, name: str, *, grace_seconds: int) -> KeyInfo:
        """Make the pending version current, the current one previous, and forget the token: one step."""
        document, versions = self._rotatable(name)
        pending, current = versions.of(Stage.PENDING), versions.of(Stage.CURRENT)
        if pending is None or current is None:
            raise KeyMissing(
                f"no new value of {name!r} is waiting", hint=f"give one: qlf keys rotate {name} --new -"
            )
        now = int(self._now())
        changed = versions.changed(
            replace(current, stage=Stage.PREVIOUS, expires=now + grace_seconds),
            replace(pending, stage=Stage.CURRENT, promoted=now),
        )
        event = KeyEvent(
            "promoted", f"{name}@{pending.version}", self.kept_in, {"grace_seconds": grace_seconds}
        )
        self._write(document, replace(changed, token=""), event)
        return self._only(name, pending.version)

    def abandon(self, name: str) -> KeyInfo | None:
        """Drop the pending version and the rotation's token."""
        document, versions = self._held(name)
        pending = versions.of(Stage.PENDING)
        dropped = versions if pending is None else versions.changed(self._ended(pending))
        what = name if pending is None else f"{name}@{pending.version}"
        self._write(document, replace(dropped, token=""), KeyEvent("abandoned", what, self.kept_in))
        return None if pending is None else self._only(name, pending.version)

    def revoke(self, name: str, version: int | None = None) -> tuple[KeyInfo, ...]:
        """End one version, or all of them: the sealed value is erased.

        Raises:
            KeyMissing: If there is none of that version, or none at all.
        """
        document, versions = self._held(name)
        ended = [
            one for one in versions.held if one.stage is not Stage.REVOKED and version in (None, one.version)
        ]
        if not ended:
            what = name if version is None else f"{name}@{version}"
            raise KeyMissing(f"there is no key {what} in use", hint="see: qlf keys list")
        changed = versions.changed(*(self._ended(one) for one in ended))
        if any(one.stage in (Stage.CURRENT, Stage.PENDING) for one in ended):
            changed = replace(changed, token="")
        for one in ended:
            self._tell(KeyEvent("revoked", f"{name}@{one.version}", self.kept_in, {"stage": one.stage.value}))
        self._write(document, changed)
        numbers = {one.version for one in ended}
        return tuple(one for one in self.info(name) if one.version in numbers)

    def delete(self, name: str) -> int:
        """Delete the block of a name."""
        document = self._documents.find(check_name(name))
        if document is None:
            raise KeyMissing(f"there is no key {name!r}", hint="see: qlf keys list")
        count = len(self._infos(document))
        self._tell(KeyEvent("deleted", name, self.kept_in, {"versions": count}))
        self._documents.delete(document)
        return count

    def rewrap(self, new: Kek, *, checkpoint: Checkpoint = nothing) -> int:
        """Wrap the data keys of every block with `new`; each block is changed in one write."""
        done = 0
        for document in self._documents.all():
            changed = rewrap_document(document.name, document.kind, document.data, self.ring, new)
            if changed:
                self._tell(KeyEvent("rewrapped", document.name, self.kept_in, {"keys": 1, "kek": new.id}))
                self._documents.update(document, changed)
                done += 1
                checkpoint("batch")
        return done

    def lock(self) -> AbstractContextManager[None]:
        """Held by whoever rotates on this machine.

        Raises:
            KeyBusy: If somebody else holds it.
        """
        return exclusive(self._lock_file)

    # Inside

    def _seal_now(self, document: BlockDocument, versions: Versions, current: Held) -> None:
        event = KeyEvent("sealed", f"{versions.name}@{current.version}", self.kept_in)
        kek = self._kek()
        try:
            self._tell(event)
            self._documents.update(document, write_document(versions, kek))
        except QlfError as error:
            _log.warning(
                "the block %r could not be sealed (%s); its key stays in clear in Prefect",
                versions.name,
                error,
            )

    def _rotatable(self, name: str) -> tuple[BlockDocument, Versions]:
        document, versions = self._held(name)
        if versions.of(Stage.CURRENT) is None:
            raise KeyMissing(f"there is no current key {name!r}", hint=f"add it: qlf keys add {name}")
        return document, versions

    def _held(self, name: str) -> tuple[BlockDocument, Versions]:
        document = self._documents.find(check_name(name))
        if document is None:
            raise KeyMissing(f"there is no current key {name!r}", hint=f"add it: qlf keys add {name}")
        return document, self._read(document)

    def _read(self, document: BlockDocument) -> Versions:
        return read_document(document.name, document.kind, document.data, self.ring, now=int(self._now()))

    def _infos(self, document: BlockDocument) -> tuple[KeyInfo, ...]:
        try:
            return self._read(document).infos()
        except KekMissing:
            version = int(document.data.get("key_version") or 1)
            kek = min(used_keks(document.kind, document.data), default="")
            return (KeyInfo(document.name, document.kind, version, Stage.CURRENT, kek, "", 0),)
        except KeyStoreError:
            return (KeyInfo(document.name, document.kind, 0, Stage.CURRENT, "", "", 0),)

    def _only(self, name: str, version: int) -> KeyInfo:
        return next(one for one in self.info(name) if one.version == version)

    def _ended(self, one: Held) -> Held:
        return replace(one, stage=Stage.REVOKED, fields={}, revoked=int(self._now()))

    def _write(self, document: BlockDocument, versions: Versions, event: KeyEvent | None = None) -> None:
        data = write_document(versions, self._kek())
        if event is not None:
            self._tell(event)
        self._documents.update(document, data)

    def _kek(self) -> Kek:
        kek, made_in = self.ring.ensure()
        if made_in is not None:
            self._tell(KeyEvent("kek-created", kek.id, self.kept_in, {"source": made_in.name}))
        return kek

    def _tell(self, event: KeyEvent) -> None:
        if self._on_event is not None:
            self._on_event(event)
