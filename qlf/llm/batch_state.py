"""Batches under way at providers, each in a file of its own, so that another process can collect them.

A file is written before anything is sent, and removed when every line of its batch is settled. It holds no
prompt and no answer: keys of the cache, tickets of the ledger, and the schemas that answers are checked by.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Literal

import orjson

from qlf.core.metering import Attribution, Ticket
from qlf.errors import OutputError
from qlf.llm.cache_key import CacheKey
from qlf.llm.clock import Clock
from qlf.llm.request import Schema

__all__ = ["BatchFolder", "Line", "Pending"]

_FORMAT = 1
_LARGEST = 256_000_000
_LONGEST_WAIT = 1.0


@dataclass(frozen=True, slots=True)
class Line:
    """One request of a batch."""

    id: str
    """Names it in the batch, and is the id of its call in the ledger."""
    digest: str
    """The key of its answer in the cache."""
    ticket: Ticket
    attribution: Attribution
    schema: Schema | None = None

    def key(self) -> CacheKey:
        """The key to keep its answer under."""
        who = self.attribution
        return CacheKey(self.digest, who.agent, who.task, self.schema is not None, ())


@dataclass(frozen=True, slots=True)
class Pending:
    """A batch that is being sent or worked on."""

    id: str
    """Ours; the batch bears it as its mark."""
    deployment: str
    model: str
    remote: str
    """What the provider's batch API calls the model."""
    price: Decimal
    """Share of the usual price that was reserved by."""
    batch: str = ""
    """The provider's id; empty while it is not known whether there is a batch."""
    file: str = ""
    """The provider's id of the file of requests."""
    created: int = field(default_factory=lambda: int(time.time()))
    """UNIX time."""
    lines: tuple[Line, ...] = ()


class BatchFolder:
    """The folder of these files, private to this user.

    Args:
        path: Made when the first batch is sent.
        clock: For waiting on another process.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self.path = path
        self._clock = clock

    def load(self) -> tuple[list[Pending], list[str]]:
        """All batches that are under way, the oldest first, and a sentence for each file that is none."""
        found: list[Pending] = []
        problems: list[str] = []
        for path in sorted(self.path.glob("*.json")) if self.path.is_dir() else ():
            try:
                if path.is_symlink() or path.stat().st_size > _LARGEST:
                    raise ValueError("it is no such file")
                found.append(_read(path.stem, orjson.loads(path.read_bytes())))
            except FileNotFoundError:
                # Another process has just collected it.
                continue
            except (OSError, ValueError, TypeError, KeyError, InvalidOperation):
                problems.append(
                    f"{path} does not describe a batch and is left alone; what it stands for stays charged"
                )
        return sorted(found, key=lambda one: (one.created, one.id)), problems

    def save(self, pending: Pending) -> None:
        """Write a batch down; on disk when it returns.

        Raises:
            OutputError: If that fails; nothing may be sent then.
        """
        path = self._file(pending.id)
        draft = path.with_suffix(".draft")
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = os.open(
                draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600
            )
            with os.fdopen(handle, "wb") as file:
                file.write(orjson.dumps(_written(pending)))
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
            folder = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            raise OutputError(
                f"the batch cannot be written down in {str(self.path)!r}: {error.strerror}",
                hint="make the folder writable, with free space; without it no batch is sent",
            ) from error

    def remove(self, pending: Pending) -> None:
        """Forget a batch: every line of it is settled."""
        with contextlib.suppress(OSError):
            self._file(pending.id).unlink()

    def holds(self, pending: Pending) -> bool:
        """Whether the batch is still under way."""
        return self._file(pending.id).exists()

    @asynccontextmanager
    async def alone(self, name: str, deadline: float) -> AsyncIterator[bool]:
        """Wait until no other process works under this name. Gives `False` if that takes past the deadline.

        Args:
            name: `send`, or the id of a batch.
            deadline: Clock time.
        """
        lock = _Lock(self.path / f"{name}.lock")
        wait = 0.02
        try:
            while (state := lock.take()) == "busy":
                if self._clock.now() >= deadline:
                    yield False
                    return
                await self._clock.sleep(wait)
                wait = min(wait * 1.5, _LONGEST_WAIT)
            # Where nothing can be locked, such as on a read-only disk, nothing can be written down either.
            yield state == "held"
        finally:
            lock.release()

    def _file(self, name: str) -> Path:
        return self.path / f"{name}.json"


class _Lock:
    """A lock that dies with its process (flock(2))."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle: int | None = None

    def take(self) -> Literal["held", "busy", "unusable"]:
        try:
            import fcntl

            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except (ImportError, OSError):
            return "unusable"
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(handle).st_nlink == 0:
                # Its last holder removed the file between our opening and locking it.
                raise BlockingIOError
        except OSError as error:
            os.close(handle)
            return "busy" if isinstance(error, BlockingIOError) else "unusable"
        self._handle = handle
        return "held"

    def release(self) -> None:
        handle, self._handle = self._handle, None
        if handle is not None:
            with contextlib.suppress(OSError):
                self._path.unlink()
            os.close(handle)


_WHO = ("run", "project", "tenant", "agent", "overlay", "actor", "flow", "task")


def _written(pending: Pending) -> dict[str, Any]:
    """As JSON. Schemas and attributions are written once, however many lines share them."""
    schemas: dict[bytes, int] = {}
    people: dict[Attribution, int] = {}
    lines: list[list[Any]] = []
    for line in pending.lines:
        schema: int | None = None
        if line.schema is not None:
            packed = orjson.dumps({"name": line.schema.name, "document": dict(line.schema.document)})
            schema = schemas.setdefault(packed, len(schemas))
        who = people.setdefault(line.attribution, len(people))
        lines.append([line.id, line.digest, line.ticket.id, line.ticket.reserve_micros, who, schema])
    return {
        "format": _FORMAT,
        "id": pending.id,
        "deployment": pending.deployment,
        "model": pending.model,
        "remote": pending.remote,
        "price": str(pending.price),
        "batch": pending.batch,
        "file": pending.file,
        "created": pending.created,
        "schemas": [orjson.Fragment(one) for one in schemas],
        "who": [[getattr(one, name) for name in _WHO] for one in people],
        "lines": lines,
    }


def _read(name: str, found: Mapping[str, Any]) -> Pending:
    """The batch in a file.

    Raises:
        ValueError, TypeError, KeyError: If it is none.
    """
    if found["format"] != _FORMAT:
        raise ValueError("another format")
    schemas = [Schema(_text(one["name"]), dict(one["document"])) for one in found["schemas"]]
    people = [Attribution(**dict(zip(_WHO, map(_text, one), strict=True))) for one in found["who"]]
    lines: list[Line] = []
    for call, digest, ticket, reserve, who, schema in found["lines"]:
        held = None if schema is None else schemas[_count(schema, len(schemas))]
        paid = Ticket(_count(ticket), _count(reserve))
        lines.append(Line(_text(call), _text(digest), paid, people[_count(who, len(people))], held))
    made = Pending(
        id=_text(found["id"]),
        deployment=_text(found["deployment"]),
        model=_text(found["model"]),
        remote=_text(found["remote"]),
        price=Decimal(_text(found["price"])),
        batch=_text(found["batch"]),
        file=_text(found["file"]),
        created=_count(found["created"]),
        lines=tuple(lines),
    )
    if made.id != name or not 0 < made.price <= 1:
        raise ValueError("no such batch")
    return made


def _text(value: Any) -> str:
    if type(value) is not str:
        raise TypeError("not a text")
    return value


def _count(value: Any, below: int = 2**63) -> int:
    if type(value) is not int or not 0 <= value < below:
        raise ValueError("not a number in range")
    return value
