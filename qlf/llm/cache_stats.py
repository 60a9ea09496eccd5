"""How often the cache of answers helps, by agent, and for each miss which part of the key was to blame.

A hit costs two additions in memory; sums go to disk in batches. What a process counted since its last batch
is lost when it is killed: at most `BATCH` events or `SECONDS` seconds of them.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from qlf.llm.cache_key import CacheKey

__all__ = ["BATCH", "AgentStats", "CacheStats"]

BATCH = 64
SECONDS = 5.0
_RECENT = 64
"""Keys kept for each agent and task to compare a miss with."""
_GROUPS = 256
_MAX_NAMED = 4

_TABLES = """
CREATE TABLE IF NOT EXISTS sums (
    agent TEXT NOT NULL, what TEXT NOT NULL, amount INTEGER NOT NULL, PRIMARY KEY (agent, what)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS recent (
    id INTEGER PRIMARY KEY, agent TEXT NOT NULL, task TEXT NOT NULL, parts TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS recent_group ON recent (agent, task);
"""


@dataclass(frozen=True, slots=True)
class AgentStats:
    """What the cache did for one agent."""

    agent: str
    hits: int
    misses: int
    saved_micros: int
    """What the hits cost when they were first answered."""
    reasons: Mapping[str, int]
    """Misses by reason, the most frequent first: `first` (nothing to compare with), `not-kept` (asked before,
    but its answer was removed or not fit to be kept), else the parts of the key that differ from the nearest
    one, with `+` between them."""

    @property
    def hit_rate(self) -> float:
        """Hits of all, from 0 to 1."""
        return self.hits / (self.hits + self.misses) if self.hits + self.misses else 0.0


_Parts = dict[str, str]


class CacheStats:
    """The counters in one database file. Safe for threads and processes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._sums: Counter[tuple[str, str]] = Counter()
        self._events = 0
        self._flushed = time.monotonic()
        self._recent: OrderedDict[tuple[str, str], list[_Parts]] = OrderedDict()
        self._fresh: list[tuple[str, str, _Parts]] = []

    def hit(self, agent: str, saved_micros: int) -> bool:
        """Count a hit. True when a `flush` is due."""
        with self._lock:
            self._sums[agent, "hits"] += 1
            self._sums[agent, "saved_micros"] += saved_micros
            return self._due()

    def miss(self, key: CacheKey) -> str:
        """Count a miss and find its reason. May read the disk; call it off the event loop."""
        group = (key.agent, key.task)
        parts = key.parts
        with self._lock:
            known = self._recent.get(group)
            if known is None:
                known = self._load(group)
                self._recent[group] = known
                while len(self._recent) > _GROUPS:
                    self._recent.popitem(last=False)
            self._recent.move_to_end(group)
            reason = _reason(parts, known)
            if reason != "not-kept":
                known.append(parts)
                del known[:-_RECENT]
                self._fresh.append((*group, parts))
            self._sums[key.agent, "misses"] += 1
            self._sums[key.agent, f"reason:{reason}"] += 1
            due = self._due()
        if due:
            self.flush()
        return reason

    def flush(self) -> None:
        """Write what was counted. Call it off the event loop, and at the end."""
        with self._lock:
            sums, fresh = self._sums, self._fresh
            if not self._events:
                return
            self._sums, self._fresh, self._events = Counter(), [], 0
            self._flushed = time.monotonic()
        try:
            self._write(sums, fresh)
        except sqlite3.OperationalError:
            # Busy or no room: these counts are given up, never the call.
            return
        except sqlite3.DatabaseError:
            self._remove()
            with contextlib.suppress(sqlite3.DatabaseError):
                self._write(sums, fresh)

    def report(self) -> tuple[AgentStats, ...]:
        """The counters of all processes, by agent."""
        self.flush()
        if not self._path.exists():
            return ()
        try:
            with self._connection() as connection:
                rows = connection.execute("SELECT agent, what, amount FROM sums").fetchall()
        except sqlite3.DatabaseError:
            return ()
        agents: dict[str, dict[str, int]] = {}
        for agent, what, amount in rows:
            agents.setdefault(str(agent), {})[str(what)] = int(amount)
        return tuple(_agent_stats(agent, agents[agent]) for agent in sorted(agents))

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._sums, self._fresh, self._events = Counter(), [], 0
            self._recent.clear()
        self._remove()

    def _remove(self) -> None:
        for ending in ("", "-journal", "-wal", "-shm"):
            self._path.with_name(self._path.name + ending).unlink(missing_ok=True)

    def _due(self) -> bool:
        self._events += 1
        return self._events >= BATCH or time.monotonic() - self._flushed >= SECONDS

    def _load(self, group: tuple[str, str]) -> list[_Parts]:
        if not self._path.exists():
            return []
        try:
            with self._connection() as connection:
                rows = connection.execute(
                    "SELECT parts FROM recent WHERE agent = ? AND task = ? ORDER BY id DESC LIMIT ?",
                    (*group, _RECENT),
                ).fetchall()
            loaded = [json.loads(text) for (text,) in reversed(rows)]
        except (sqlite3.DatabaseError, ValueError):
            return []
        return [one for one in loaded if isinstance(one, dict)]

    def _write(self, sums: Mapping[tuple[str, str], int], fresh: Iterable[tuple[str, str, _Parts]]) -> None:
        with self._connection() as connection:
            connection.executescript(_TABLES)
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(
                "INSERT INTO sums VALUES (?, ?, ?) "
                "ON CONFLICT DO UPDATE SET amount = amount + excluded.amount",
                [(agent, what, amount) for (agent, what), amount in sums.items()],
            )
            groups = set()
            for agent, task, parts in fresh:
                groups.add((agent, task))
                connection.execute(
                    "INSERT INTO recent (agent, task, parts) VALUES (?, ?, ?)",
                    (agent, task, json.dumps(parts)),
                )
            for agent, task in sorted(groups):
                connection.execute(
                    "DELETE FROM recent WHERE agent = ? AND task = ? AND id NOT IN "
                    "(SELECT id FROM recent WHERE agent = ? AND task = ? ORDER BY id DESC LIMIT ?)",
                    (agent, task, agent, task, _RECENT),
                )
            connection.execute("COMMIT")

    def _connection(self) -> contextlib.closing[sqlite3.Connection]:
        return contextlib.closing(sqlite3.connect(self._path, timeout=30, isolation_level=None))


def _reason(parts: _Parts, known: Iterable[_Parts]) -> str:
    nearest: list[str] | None = None
    for other in known:
        differing = [name for name in {**parts, **other} if parts.get(name) != other.get(name)]
        if nearest is None or len(differing) <= len(nearest):
            nearest = differing
    if nearest is None:
        return "first"
    if not nearest:
        return "not-kept"
    shown = sorted(nearest)[:_MAX_NAMED]
    return "+".join(shown) + ("+…" if len(nearest) > _MAX_NAMED else "")


def _agent_stats(agent: str, sums: Mapping[str, int]) -> AgentStats:
    reasons = {
        what.removeprefix("reason:"): amount for what, amount in sums.items() if what.startswith("reason:")
    }
    return AgentStats(
        agent=agent,
        hits=sums.get("hits", 0),
        misses=sums.get("misses", 0),
        saved_micros=sums.get("saved_micros", 0),
        reasons=dict(sorted(reasons.items(), key=lambda item: (-item[1], item[0]))),
    )
