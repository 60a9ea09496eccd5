"""Answers that were paid for once: in memory first, then on disk.

Kept is only what was read to its end and passed its checks; the gateway calls `keep` after those. An answer
that holds a text of the shape of a credential is not kept. Reading what is in memory never leaves the event
loop; everything that may touch the disk is done by one thread of the cache.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import orjson

from qlf.core.metering import Usage
from qlf.core.secrets import find_secrets
from qlf.llm.cache_key import CacheKey
from qlf.llm.cache_stats import AgentStats, CacheStats
from qlf.llm.config import CacheLimits
from qlf.llm.reply import Reply, StopReason

if TYPE_CHECKING:
    from qlf.llm.cache_disk import AnswerStore

__all__ = ["Cache", "CacheSize", "CachedReply", "Kept"]

_WHOLE = frozenset({StopReason.END, StopReason.STOP_SEQUENCE})
_RECORD = 1
_MISSES = 4096
"""Missed keys remembered until their answer comes."""
_OVERHEAD = 600
"""Bytes that an entry takes in memory beside its texts."""
_USAGE = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens")
_T = TypeVar("_T")


class Kept(StrEnum):
    """What became of an answer that was to be kept."""

    KEPT = "kept"
    NOT_WHOLE = "not-whole"
    """It was cut off, refused or filtered, or lacks the data that its schema asks for."""
    SECRET = "secret"  # noqa: S105 - a reason, not a password
    """It holds a text of the shape of a credential."""
    FAILED = "failed"
    """It is too large, or the disk would not take it."""


@dataclass(frozen=True, slots=True)
class CachedReply:
    """An answer as it is kept."""

    text: str
    stop: StopReason
    usage: Usage
    model: str
    """The catalogue's name of the model that answered."""
    answered_model: str
    """As the provider named it."""
    cost_micros: int
    """What it cost when it was made; a hit saves that."""
    data: bytes | None = None
    """The JSON that was checked against the schema, as text, so that no two callers share it."""

    @classmethod
    def of(cls, reply: Reply, *, model: str, cost_micros: int) -> CachedReply:
        """What to keep of an answer."""
        return cls(
            text=reply.text,
            stop=reply.stop,
            usage=reply.usage,
            model=model,
            answered_model=reply.model,
            cost_micros=cost_micros,
            data=None if reply.data is None else orjson.dumps(reply.data),
        )

    def reply(self) -> Reply:
        """The answer, as if it had just come."""
        return Reply(
            text=self.text,
            stop=self.stop,
            usage=self.usage,
            model=self.answered_model,
            data=None if self.data is None else orjson.loads(self.data),
        )

    def _record(self) -> dict[str, Any]:
        return {
            "version": _RECORD,
            "text": self.text,
            "stop": self.stop.value,
            "usage": {name: getattr(self.usage, name) for name in _USAGE},
            "model": self.model,
            "answered_model": self.answered_model,
            "cost_micros": self.cost_micros,
            "data": None if self.data is None else self.data.decode(),
            "stored": int(time.time()),
        }


@dataclass(frozen=True, slots=True)
class CacheSize:
    """How much is kept on disk."""

    answers: int
    bytes: int


class Cache:
    """The cache of answers in one folder. Opening it does nothing; the first use does.

    Args:
        folder: Of this cache alone. Made with mode 0700.
        limits: How much it may keep.
    """

    def __init__(self, folder: Path, limits: CacheLimits | None = None) -> None:
        self.folder = folder
        self.limits = limits if limits is not None else CacheLimits()
        self.stats = CacheStats(folder / "stats.db")
        self._notices: list[str] = []
        self._memory: OrderedDict[str, CachedReply] = OrderedDict()
        self._memory_bytes = 0
        self._missed: OrderedDict[str, None] = OrderedDict()
        self._lock = threading.Lock()
        self._opening = threading.Lock()
        self._store: AnswerStore | None = None
        self._unusable = False
        self._worker: ThreadPoolExecutor | None = None

    @property
    def notices(self) -> tuple[str, ...]:
        """What a person should know, one sentence each: no folder, a damaged database."""
        return tuple(self._notices)

    def get(self, key: CacheKey, *, count: bool = True) -> CachedReply | None:
        """What is kept under `key`. May read the disk.

        Args:
            key: Which.
            count: Whether it counts as a hit or miss.
        """
        found = self._recall(key)
        if found is None:
            found = self._from_disk(key)
        if not count:
            return found
        if found is None:
            self._count_miss(key)
        elif self.stats.hit(key.agent, found.cost_micros):
            self._flush()
        return found

    def put(self, key: CacheKey, reply: CachedReply) -> Kept:
        """Keep an answer. May write the disk."""
        with self._lock:
            self._missed.pop(key.digest, None)
        if reply.stop not in _WHOLE or (key.has_schema and reply.data is None):
            return Kept.NOT_WHOLE
        texts = (reply.text, (reply.data or b"").decode())
        if any(next(find_secrets(text), None) is not None for text in texts):
            return Kept.SECRET
        self._remember(key.digest, reply)
        store = self._opened()
        if store is None:
            return Kept.FAILED
        return Kept.KEPT if store.put(key.digest, reply._record()) else Kept.FAILED  # noqa: SLF001

    async def find(self, key: CacheKey, *, count: bool = True) -> CachedReply | None:
        """As `get`, without blocking the event loop."""
        found = self._recall(key)
        if found is None:
            return await self._run(lambda: self.get(key, count=count))
        if count and self.stats.hit(key.agent, found.cost_micros):
            self._executor().submit(self._flush)
        return found

    async def keep(self, key: CacheKey, reply: CachedReply) -> Kept:
        """As `put`, without blocking the event loop."""
        return await self._run(lambda: self.put(key, reply))

    def size(self) -> CacheSize:
        """How much is kept on disk."""
        store = self._opened() if self.folder.is_dir() else None
        return CacheSize(*store.size()) if store is not None else CacheSize(0, 0)

    def report(self) -> tuple[AgentStats, ...]:
        """Hits and misses by agent, of all processes."""
        return self.stats.report() if self.folder.is_dir() else ()

    def prune(self, *, max_bytes: int | None = None, max_age_seconds: float | None = None) -> int:
        """Remove what is older, then the longest kept until the rest fits. The number of answers removed."""
        self._forget()
        store = self._opened() if self.folder.is_dir() else None
        return store.prune(max_bytes, max_age_seconds) if store is not None else 0

    def clear(self) -> int:
        """Remove every answer and all statistics. The number of answers."""
        self._forget()
        store = self._opened() if self.folder.is_dir() else None
        self.stats.clear()
        return store.clear() if store is not None else 0

    def close(self) -> None:
        """Write the statistics and close the database."""
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.submit(self._close_here)
            worker.shutdown(wait=True)
        self._close_here()

    async def aclose(self) -> None:
        """As `close`, without blocking the event loop."""
        await asyncio.to_thread(self.close)

    def _close_here(self) -> None:
        self._flush()
        if self._store is not None:
            self._store.close()

    def _recall(self, key: CacheKey) -> CachedReply | None:
        with self._lock:
            found = self._memory.get(key.digest)
            if found is not None:
                self._memory.move_to_end(key.digest)
            return found

    def _remember(self, digest: str, reply: CachedReply) -> None:
        size = _size(reply)
        if size > self.limits.memory_bytes:
            return
        with self._lock:
            before = self._memory.pop(digest, None)
            self._memory_bytes += size - (_size(before) if before is not None else 0)
            self._memory[digest] = reply
            while self._memory_bytes > self.limits.memory_bytes:
                _, gone = self._memory.popitem(last=False)
                self._memory_bytes -= _size(gone)

    def _forget(self) -> None:
        with self._lock:
            self._missed.clear()
            self._memory.clear()
            self._memory_bytes = 0

    def _from_disk(self, key: CacheKey) -> CachedReply | None:
        store = self._opened()
        if store is None:
            return None
        record = store.get(key.digest)
        if record is None:
            return None
        reply = _read(record)
        if reply is None:
            store.remove(key.digest)
            return None
        self._remember(key.digest, reply)
        return reply

    def _count_miss(self, key: CacheKey) -> None:
        """Count it, once for all looks that are taken before an answer is to be kept."""
        with self._lock:
            if self._unusable or key.digest in self._missed:
                return
            self._missed[key.digest] = None
            while len(self._missed) > _MISSES:
                self._missed.popitem(last=False)
        self.stats.miss(key)

    def _flush(self) -> None:
        if not self._unusable and self.folder.is_dir():
            self.stats.flush()

    def _opened(self) -> AnswerStore | None:
        if self._store is None and not self._unusable:
            with self._opening:
                self._open()
        return self._store

    def _open(self) -> None:
        from qlf.llm.cache_disk import AnswerStore, StoreUnusable

        if self._store is not None or self._unusable:
            return
        try:
            self._store = AnswerStore(self.folder, self.limits.max_bytes, self._notices.append)
        except StoreUnusable as error:
            self._unusable = True
            self._notices.append(str(error))

    def _executor(self) -> ThreadPoolExecutor:
        if self._worker is None:
            self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="qlf-cache")
        return self._worker

    async def _run(self, work: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._executor(), work)


def _size(reply: CachedReply) -> int:
    return _OVERHEAD + 4 * len(reply.text) + len(reply.data or b"")


def _read(record: Any) -> CachedReply | None:
    """The answer in a record, or nothing when it has another form, as one of another release may have."""
    try:
        if record["version"] != _RECORD:
            return None
        usage: Mapping[str, int] = record["usage"]
        data = record["data"]
        reply = CachedReply(
            text=str(record["text"]),
            stop=StopReason(record["stop"]),
            usage=Usage(**{name: int(usage[name]) for name in _USAGE}),
            model=str(record["model"]),
            answered_model=str(record["answered_model"]),
            cost_micros=int(record["cost_micros"]),
            data=None if data is None else str(data).encode(),
        )
        if reply.data is not None:
            orjson.loads(reply.data)
    except (KeyError, TypeError, ValueError):
        return None
    return reply if reply.stop in _WHOLE else None
