"""Credentials in a local file: sealed rows in SQLite, each with its version and its stage.

store = KeyStore(folder / "keys.db", ring)
store.add("openai-main", "openai_compatible", {"api_key": SecretText(...)})
key = store.current("openai-main")
key.fields["api_key"].reveal(), key.key_id
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from qlf.ledger.keys.database import Database
from qlf.ledger.keys.kek import Kek, KekRing
from qlf.ledger.keys.lock import exclusive
from qlf.ledger.keys.model import (
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
from qlf.ledger.keys.payload import pack, unpack
from qlf.ledger.keys.protocol import Checkpoint, Fields, nothing

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

__all__ = ["BATCH", "KeyStore"]

BATCH = 200
"""Rows that one transaction of a rewrap holds: short enough for calls to get through between two."""
_USE_STEP = 3_600
"""Seconds between two notes of a use: each costs a sync of the disk."""

_COLUMNS = "name, kind, version, stage, kek, tail, created, promoted, expires, used, revoked"


class KeyStore:
    """The key store in one file. Threads may share it; processes may open it beside one another.

    Args:
        path: The database.
        ring: The KEKs. They must be kept elsewhere.
        on_event: Told of every change before it is committed.
        now: Seconds since 1970, UTC.
    """

    kept_in = "local"

    def __init__(
        self,
        path: Path,
        ring: KekRing,
        *,
        on_event: OnEvent | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.path = path
        self.ring = ring
        self._on_event = on_event
        self._now = now
        self._database = Database(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the database. Closing twice is no error."""
        self._database.close()

    # Reading

    def list(self) -> tuple[KeyInfo, ...]:
        """Every version that is kept, by name and version."""
        return self._infos("ORDER BY name, version")

    def info(self, name: str) -> tuple[KeyInfo, ...]:
        """The versions of one name, the oldest first."""
        return self._infos("WHERE name = ? ORDER BY version", check_name(name))

    def current(self, name: str) -> OpenKey:
        """The credential that calls are to use.

        Raises:
            KeyMissing: If there is none.
            KekMissing: If its KEK is not at hand.
            SealBroken: If its row was changed.
        """
        row = self._row("name = ? AND stage = 'current'", check_name(name))
        if row is None:
            raise KeyMissing(f"there is no current key {name!r}", hint=f"add it: qlf keys add {name}")
        return self._open(row)

    def get(self, name: str, version: int) -> OpenKey:
        """One version, also a pending or a previous one.

        Raises:
            KeyMissing: If there is none, or it is revoked.
        """
        row = self._row("name = ? AND version = ? AND stage <> 'revoked'", check_name(name), version)
        if row is None:
            raise KeyMissing(f"there is no key {name}@{version} in use", hint="see: qlf keys list")
        return self._open(row)

    def keks(self) -> Mapping[str, int]:
        """How many rows use each KEK; the one for new rows first, even with none."""
        rows = self._database.all("SELECT kek, count(*) FROM keys WHERE kek <> '' GROUP BY kek ORDER BY kek")
        chosen = self._database.fact("kek")
        counts: dict[str, int] = {} if chosen is None else {chosen: 0}
        counts.update((str(kek), int(count)) for kek, count in rows)
        return counts

    # Changing

    def add(self, name: str, kind: str, fields: Fields) -> KeyInfo:
        """Keep a credential under a new name; it is current at once.

        Raises:
            KeyExists: If the name has a version that is not revoked.
        """
        checked = check_fields(kind, fields)
        with self._change() as told:
            if any(one.stage is not Stage.REVOKED for one in self.info(check_name(name))):
                raise KeyExists(
                    f"there is a key {name!r} already",
                    hint=f"replace its value: qlf keys rotate {name} --new -",
                )
            made = self._insert(name, kind, checked, Stage.CURRENT)
            told(KeyEvent("added", made.key_id, self.kept_in, {"kind": kind, "kek": made.kek}))
        return made

    def begin(self, name: str, token: str) -> str:
        """Record the token of a rotation; returns that of the one under way, if there is one."""
        with self._change() as told:
            self._current_info(name)
            known = self.token(name)
            if known:
                return known
            self._database.run("UPDATE names SET token = ? WHERE name = ?", token, name)
            told(KeyEvent("rotation-started", name, self.kept_in))
        return token

    def token(self, name: str) -> str:
        """The token of the rotation under way, empty if there is none."""
        row = self._database.one("SELECT token FROM names WHERE name = ?", name)
        return "" if row is None else str(row[0])

    def stage(self, name: str, fields: Fields) -> KeyInfo:
        """Keep the next version as pending.

        Raises:
            KeyMissing: If the name has no current credential.
            KeyExists: If another version is pending.
        """
        with self._change() as told:
            kind = self._current_info(name).kind
            if any(one.stage is Stage.PENDING for one in self.info(name)):
                raise KeyExists(
                    f"a new value of {name!r} is waiting to be tested already",
                    hint=f"go on: qlf keys rotate {name}; or drop it: qlf keys rotate {name} --abandon",
                )
            made = self._insert(name, kind, check_fields(kind, fields), Stage.PENDING)
            told(KeyEvent("staged", made.key_id, self.kept_in, {"kek": made.kek}))
        return made

    def promote(self, name: str, *, grace_seconds: int) -> KeyInfo:
        """Make the pending version current, the current one previous, and forget the token: one step."""
        with self._change() as told:
            pending = next((one for one in self.info(name) if one.stage is Stage.PENDING), None)
            if pending is None:
                raise KeyMissing(
                    f"no new value of {name!r} is waiting", hint=f"give one: qlf keys rotate {name} --new -"
                )
            now = int(self._now())
            # The old label leaves first: an index allows one current version at every instant, and
            # nobody sees the moment between, because both are one transaction.
            self._database.run(
                "UPDATE keys SET stage = 'previous', expires = ? WHERE name = ? AND stage = 'current'",
                now + grace_seconds,
                name,
            )
            self._database.run(
                "UPDATE keys SET stage = 'current', promoted = ? WHERE name = ? AND stage = 'pending'",
                now,
                name,
            )
            self._forget_token(name)
            told(KeyEvent("promoted", pending.key_id, self.kept_in, {"grace_seconds": grace_seconds}))
        return next(one for one in self.info(name) if one.stage is Stage.CURRENT)

    def abandon(self, name: str) -> KeyInfo | None:
        """Drop the pending version and the rotation's token."""
        with self._change() as told:
            pending = next((one for one in self.info(name) if one.stage is Stage.PENDING), None)
            self._forget_token(name)
            if pending is None:
                return None
            self._erase(name, pending.version)
            told(KeyEvent("abandoned", pending.key_id, self.kept_in))
        return pending

    def revoke(self, name: str, version: int | None = None) -> tuple[KeyInfo, ...]:
        """End one version, or all of them: the sealed value is erased.

        Raises:
            KeyMissing: If there is none of that version, or none at all.
        """
        with self._change() as told:
            ended = [
                one
                for one in self.info(name)
                if one.stage is not Stage.REVOKED and version in (None, one.version)
            ]
            if not ended:
                what = name if version is None else f"{name}@{version}"
                raise KeyMissing(f"there is no key {what} in use", hint="see: qlf keys list")
            for one in ended:
                self._erase(name, one.version)
                told(KeyEvent("revoked", one.key_id, self.kept_in, {"stage": one.stage.value}))
            if any(one.stage in (Stage.CURRENT, Stage.PENDING) for one in ended):
                self._forget_token(name)
        versions = {one.version for one in ended}
        return tuple(one for one in self.info(name) if one.version in versions)

    def delete(self, name: str) -> int:
        """Remove a name with all its versions; the number of the last one is kept, so none comes again."""
        with self._change() as told:
            count = self._database.run("DELETE FROM keys WHERE name = ?", check_name(name))
            if count == 0:
                raise KeyMissing(f"there is no key {name!r}", hint="see: qlf keys list")
            self._forget_token(name)
            told(KeyEvent("deleted", name, self.kept_in, {"versions": count}))
        return count

    def rewrap(self, new: Kek, *, checkpoint: Checkpoint = nothing) -> int:
        """Wrap every data key with `new`. New rows use it from the first moment, so that the work ends.

        Each batch is one transaction: at every instant each row opens with the KEK that it names, and
        a run that was cut off goes on where it stopped.
        """
        with self._change():
            self._database.set_fact("kek", new.id)
        checkpoint("chosen")
        done = 0
        while batch := self._rewrap_batch(new):
            done += batch
            checkpoint("batch")
        return done

    def lock(self) -> AbstractContextManager[None]:
        """Held by whoever rotates in this store; ends with the process.

        Raises:
            KeyBusy: If somebody else holds it.
        """
        return exclusive(self.path.with_name(f".{self.path.name}.rotate"))

    # Inside

    def _rewrap_batch(self, new: Kek) -> int:
        from qlf.ledger.keys.envelope import rewrap

        with self._change() as told:
            rows = self._database.all(
                "SELECT id, name, version, sealed FROM keys WHERE kek <> ? AND kek <> '' LIMIT ?",
                new.id,
                BATCH,
            )
            changed = [
                (rewrap(sealed, self.ring.get, new, name=name, version=version), new.id, row)
                for row, name, version, sealed in rows
            ]
            for row in changed:
                self._database.run("UPDATE keys SET sealed = ?, kek = ? WHERE id = ?", *row)
            if changed:
                told(KeyEvent("rewrapped", "", self.kept_in, {"keys": len(changed), "kek": new.id}))
        return len(changed)

    def _insert(self, name: str, kind: str, fields: Fields, stage: Stage) -> KeyInfo:
        from qlf.ledger.keys.envelope import seal

        kek = self._kek()
        self._database.run(
            "INSERT INTO names (name, last_version) VALUES (?, 1)"
            " ON CONFLICT (name) DO UPDATE SET last_version = last_version + 1",
            name,
        )
        version = int(self._database.all("SELECT last_version FROM names WHERE name = ?", name)[0][0])
        now = int(self._now())
        sealed = seal(pack(kind, fields), kek, name=name, version=version)
        promoted = now if stage is Stage.CURRENT else None
        tail = tail_of(fields)
        self._database.run(
            "INSERT INTO keys (name, kind, version, stage, kek, sealed, tail, created, promoted)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            name,
            kind,
            version,
            stage.value,
            kek.id,
            sealed,
            tail,
            now,
            promoted,
        )
        return KeyInfo(name, kind, version, stage, kek.id, tail, now, promoted)

    def _kek(self) -> Kek:
        """The KEK for new rows: the one this store chose before, else the newest of the ring."""
        chosen = self._database.fact("kek")
        if chosen is not None:
            return self.ring.get(chosen)
        kek, made_in = self.ring.ensure()
        self._database.set_fact("kek", kek.id)
        if made_in is not None and self._on_event is not None:
            self._on_event(KeyEvent("kek-created", kek.id, self.kept_in, {"source": made_in.name}))
        return kek

    def _open(self, row: tuple[Any, ...]) -> OpenKey:
        from qlf.ledger.keys.envelope import open_sealed

        key, name, kind, version, sealed, used = row
        fields = unpack(open_sealed(sealed, self.ring.get, name=name, version=version), kind, name, version)
        self._note_use(key, used)
        return OpenKey(name, kind, version, fields)

    def _note_use(self, key: int, used: int | None) -> None:
        now = int(self._now())
        hour = now - now % _USE_STEP
        if used is not None and used >= hour:
            return
        self._database.try_to_run("UPDATE keys SET used = ? WHERE id = ?", hour, key)

    def _erase(self, name: str, version: int) -> None:
        self._database.run(
            "UPDATE keys SET stage = 'revoked', sealed = '', kek = '', revoked = ?"
            " WHERE name = ? AND version = ?",
            int(self._now()),
            name,
            version,
        )

    def _forget_token(self, name: str) -> None:
        self._database.run("UPDATE names SET token = '' WHERE name = ?", name)

    def _current_info(self, name: str) -> KeyInfo:
        found = next((one for one in self.info(name) if one.stage is Stage.CURRENT), None)
        if found is None:
            raise KeyMissing(f"there is no current key {name!r}", hint=f"add it: qlf keys add {name}")
        return found

    def _row(self, where: str, *values: str | int) -> tuple[Any, ...] | None:
        query = f"SELECT id, name, kind, version, sealed, used FROM keys WHERE {where}"  # noqa: S608 - fixed texts
        return self._database.one(query, *values)

    def _infos(self, rest: str, *values: str) -> tuple[KeyInfo, ...]:
        query = f"SELECT {_COLUMNS} FROM keys {rest}"  # noqa: S608 - fixed texts
        return tuple(
            KeyInfo(**{**dict(zip(_COLUMNS.split(", "), row, strict=True)), "stage": Stage(row[3])})
            for row in self._database.all(query, *values)
        )

    @contextmanager
    def _change(self) -> Iterator[Callable[[KeyEvent], None]]:
        """One transaction; its events are told before it is committed."""
        events: list[KeyEvent] = []
        with self._database.transaction():
            yield events.append
            for event in events:
                if self._on_event is not None:
                    self._on_event(event)
