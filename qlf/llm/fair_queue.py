"""Who goes next among those that wait: priorities, fair shares between tenants, first come first served.

Weighted fair queueing on two levels. Each priority, and within it each tenant, has a virtual time that moves
on with what it was given; whoever is furthest behind goes next. The present moves on with everything that is
served, divided by those that wait, and at least as far as whoever is served. Whoever comes new or comes back
starts there, so that an endless row of newcomers cannot shut out who is waiting. Priorities have weights, so
a lower one gets less and never nothing. Nobody saves up more than `CREDIT` turns while it cannot be served.

Those that wait are kept in lanes. Requests of a lane can be served by the same deployments, so a lane whose
first request finds no room can be passed over without looking at the rest of it.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Collection, Hashable, Iterator
from typing import Generic, TypeVar

from qlf.llm.request import Priority

__all__ = ["WEIGHTS", "Entry", "FairQueue"]

WEIGHTS: dict[Priority, float] = {"interactive": 16.0, "normal": 4.0, "background": 1.0}
CREDIT = 2.0
"""How many turns one may be ahead of the others after a time without being served."""

FORGETTING = 0.99
"""How much of the size of a large turn is remembered from one turn to the next."""

_RANKS: dict[Priority, int] = {priority: rank for rank, priority in enumerate(WEIGHTS)}
_WEIGHTS_BY_RANK = tuple(WEIGHTS.values())

T = TypeVar("T")
K = TypeVar("K", bound=Hashable)


class Entry(Generic[T]):
    """One that waits."""

    __slots__ = ("item", "lane", "rank", "seq", "tenant", "waits")

    def __init__(self, item: T, lane: Hashable, rank: int, tenant: str, seq: int) -> None:
        self.item = item
        self.lane = lane
        self.rank = rank
        self.tenant = tenant
        self.seq = seq
        self.waits = True


class _Line(Generic[T]):
    """The requests of one tenant in one lane and priority; `key` is its valid place in the heap."""

    __slots__ = ("entries", "key")

    def __init__(self) -> None:
        self.entries: deque[Entry[T]] = deque()
        self.key: tuple[float, int, str] = (0.0, 0, "")


class _Lane(Generic[T]):
    """Requests that the same deployments can serve: for each priority the tenants and a heap of them."""

    __slots__ = ("heaps", "lines", "waiting")

    def __init__(self) -> None:
        self.waiting = 0
        self.lines: tuple[dict[str, _Line[T]], ...] = tuple({} for _ in WEIGHTS)
        self.heaps: tuple[list[tuple[float, int, str]], ...] = tuple([] for _ in WEIGHTS)


class _VirtualTime(Generic[K]):
    """How much each key was given, and where the present is."""

    __slots__ = ("_largest", "now", "of")

    def __init__(self) -> None:
        self.now = 0.0
        self.of: dict[K, float] = {}
        self._largest = 0.0

    def join(self, key: K) -> None:
        """Start at the present, unless the key already got ahead of it."""
        self.of[key] = max(self.of.get(key, 0.0), self.now)

    def charge(self, key: K, cost: float, passed: float) -> None:
        """Move a key on by what it was given, and the present by what that is for each that waits."""
        self._largest = max(cost, self._largest * FORGETTING)
        start = max(self.of[key], self.now - CREDIT * self._largest)
        self.of[key] = start + cost
        self.now = max(self.now + passed, start)


class FairQueue(Generic[T]):
    """Everything that waits, in lanes."""

    def __init__(self) -> None:
        self._lanes: dict[Hashable, _Lane[T]] = {}
        self._waiting = 0
        self._seq = 0
        self._priorities: _VirtualTime[int] = _VirtualTime()
        self._tenants: tuple[_VirtualTime[str], ...] = tuple(_VirtualTime() for _ in WEIGHTS)
        self._per_rank = [0] * len(WEIGHTS)
        self._per_tenant: tuple[dict[str, int], ...] = tuple({} for _ in WEIGHTS)
        self._sweep_at = 64

    def __len__(self) -> int:
        return self._waiting

    def __iter__(self) -> Iterator[Entry[T]]:
        """All that wait, lane by lane; in no order of service."""
        for lane in self._lanes.values():
            for lines in lane.lines:
                for line in lines.values():
                    yield from line.entries

    def waiting_in(self, lane: Hashable) -> int:
        """How many wait in this lane."""
        found = self._lanes.get(lane)
        return found.waiting if found is not None else 0

    def push(self, item: T, *, lane: Hashable, priority: Priority, tenant: str) -> Entry[T]:
        """Take a place behind the same tenant's earlier ones."""
        rank = _RANKS[priority]
        self._seq += 1
        entry = Entry(item, lane, rank, tenant, self._seq)
        if not self._per_rank[rank]:
            self._priorities.join(rank)
        self._per_rank[rank] += 1
        counts = self._per_tenant[rank]
        if tenant not in counts:
            self._tenants[rank].join(tenant)
            counts[tenant] = 0
        counts[tenant] += 1
        place = self._lanes.get(lane)
        if place is None:
            place = self._lanes[lane] = _Lane()
        line = place.lines[rank].get(tenant)
        if line is None:
            line = place.lines[rank][tenant] = _Line()
        line.entries.append(entry)
        if len(line.entries) == 1:
            self._index(place, rank, tenant, line)
        place.waiting += 1
        self._waiting += 1
        return entry

    def head(self, skip: Collection[Hashable] = ()) -> Entry[T] | None:
        """Who goes next among all lanes but those to skip; `None` if nobody waits there."""
        times = self._priorities.of
        ranks = [rank for rank, count in enumerate(self._per_rank) if count]
        if len(ranks) > 1:
            ranks.sort(key=lambda rank: (times[rank], rank))
        for rank in ranks:
            best: tuple[float, int, str] | None = None
            found: _Lane[T] | None = None
            for key, lane in self._lanes.items():
                if lane.lines[rank] and key not in skip:
                    top = self._top(lane, rank)
                    if best is None or top < best:
                        best, found = top, lane
            if best is not None and found is not None:
                return found.lines[rank][best[2]].entries[0]
        return None

    def pop(self, entry: Entry[T], cost: float) -> None:
        """Serve one that waits, and charge its tenant and priority.

        Args:
            entry: As `head` returned it.
            cost: What it takes up, in any unit that is the same for all.
        """
        rank = entry.rank
        weights = sum(weight for weight, count in zip(_WEIGHTS_BY_RANK, self._per_rank, strict=True) if count)
        self._tenants[rank].charge(entry.tenant, cost, cost / len(self._per_tenant[rank]))
        self._priorities.charge(rank, cost / _WEIGHTS_BY_RANK[rank], cost / weights)
        self.discard(entry)

    def discard(self, entry: Entry[T]) -> None:
        """Take out one that waits no longer, charging nothing. Doing so twice changes nothing."""
        if not entry.waits:
            return
        entry.waits = False
        rank, tenant = entry.rank, entry.tenant
        lane = self._lanes[entry.lane]
        line = lane.lines[rank][tenant]
        if line.entries[0] is entry:
            line.entries.popleft()
            if line.entries:
                self._index(lane, rank, tenant, line)
            else:
                del lane.lines[rank][tenant]
        else:
            line.entries.remove(entry)
        self._waiting -= 1
        self._per_rank[rank] -= 1
        counts = self._per_tenant[rank]
        counts[tenant] -= 1
        if not counts[tenant]:
            del counts[tenant]
            self._leave(rank, tenant)
        lane.waiting -= 1
        if not lane.waiting:
            del self._lanes[entry.lane]

    def _leave(self, rank: int, tenant: str) -> None:
        """Forget tenants that are not ahead: they would start at the present anyway."""
        times = self._tenants[rank]
        if times.of[tenant] <= times.now:
            del times.of[tenant]
        elif len(times.of) > self._sweep_at:
            counts = self._per_tenant[rank]
            times.of = {key: at for key, at in times.of.items() if key in counts or at > times.now}
            self._sweep_at = 64 + 2 * len(times.of)

    def _index(self, lane: _Lane[T], rank: int, tenant: str, line: _Line[T]) -> None:
        line.key = (self._tenants[rank].of[tenant], line.entries[0].seq, tenant)
        heapq.heappush(lane.heaps[rank], line.key)

    def _top(self, lane: _Lane[T], rank: int) -> tuple[float, int, str]:
        """The valid least key of a lane that has somebody waiting; repairs the heap on the way."""
        heap, lines, times = lane.heaps[rank], lane.lines[rank], self._tenants[rank].of
        while True:
            key = heap[0]
            line = lines.get(key[2])
            if line is None or line.key is not key:
                heapq.heappop(heap)
            elif times[key[2]] > key[0]:
                line.key = (times[key[2]], key[1], key[2])
                heapq.heapreplace(heap, line.key)
            else:
                return key
