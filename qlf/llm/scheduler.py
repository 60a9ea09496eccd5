"""Hands out the right to send one request, when and where there is room for it.

A call asks for a lease with what it needs; it gets one deployment when its turn comes, or an explicit error
when its deadline passes first. It is never served by anything but its candidates.

One scheduler belongs to one event loop. It holds no locks: all of it runs between two awaits of that loop,
and a call from another loop is refused.
"""

from __future__ import annotations

import asyncio
import heapq
import math
from collections.abc import Iterable, Sequence

from qlf.errors import InternalError
from qlf.llm.alarm import Alarm
from qlf.llm.breaker import BreakerPolicy
from qlf.llm.clock import Clock
from qlf.llm.deployment import Deployment
from qlf.llm.fair_queue import Entry, FairQueue
from qlf.llm.health import DeploymentStatus
from qlf.llm.lease import DeadlineExceeded, Lease, Need, NoDeployment
from qlf.llm.pacing import PacePolicy
from qlf.llm.router import Chooser, Strategy, chooser
from qlf.llm.seat import Seat

__all__ = ["DeadlineExceeded", "Lease", "Need", "NoDeployment", "Scheduler"]

PATIENCE_SECONDS = 5.0
"""A deployment that a call should avoid is used all the same if the others have no room for longer."""
MOST_LANES = 1024
_NO_NAMES: frozenset[str] = frozenset()

_Key = tuple[frozenset[str], frozenset[str]]


class _Lane:
    """Calls that the same deployments can serve."""

    __slots__ = ("avoided", "key", "preferred", "seats", "short")

    def __init__(self, key: _Key, seats: Iterable[Seat]) -> None:
        self.key = key
        self.short = False
        """Whether tokens are what its next call lacks: a smaller call may find room all the same."""
        self.seats = tuple(seats)
        self.preferred = tuple(seat for seat in self.seats if seat.name not in key[1])
        self.avoided = tuple(seat for seat in self.seats if seat.name in key[1])


class _Waiter:
    """A call that waits for its turn."""

    __slots__ = ("asked_at", "future", "lane", "need")

    def __init__(self, need: Need, lane: _Lane, asked_at: float, future: asyncio.Future[Lease]) -> None:
        self.need = need
        self.lane = lane
        self.asked_at = asked_at
        self.future = future


class Scheduler:
    """Hands out leases of deployments.

    Args:
        deployments: All that may be used; their names are unique.
        clock: Time and timers.
        strategy: Which of several deployments with room gets a request.
        pace: How carefully limits are kept.
        breaker: When a failing deployment is left alone.

    Raises:
        InternalError: If two deployments have the same name.
    """

    def __init__(
        self,
        deployments: Sequence[Deployment],
        clock: Clock,
        *,
        strategy: Strategy = "least_busy",
        pace: PacePolicy | None = None,
        breaker: BreakerPolicy | None = None,
    ) -> None:
        self._clock = clock
        comparable = all(deployment.requests_per_minute for deployment in deployments)
        self._seats: dict[str, Seat] = {}
        for index, deployment in enumerate(deployments):
            weight = float(deployment.requests_per_minute or 1) if comparable else 1.0
            self._seats[deployment.name] = Seat(deployment, index, weight, pace, breaker)
        if len(self._seats) != len(deployments):
            raise InternalError("Two deployments have the same name; names must be unique.")
        self._choose: Chooser[Seat] = chooser(strategy)
        self._queue: FairQueue[_Waiter] = FairQueue()
        self._lanes: dict[_Key, _Lane] = {}
        self._deadlines: list[tuple[float, int, Entry[_Waiter]]] = []
        self._alarm = Alarm(clock, self._rung)
        self._leases = 0
        self._used = 0
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def clock(self) -> Clock:
        """The clock that deadlines are given in."""
        return self._clock

    @property
    def waiting(self) -> int:
        """How many calls wait for their turn."""
        return len(self._queue)

    @property
    def in_flight(self) -> int:
        """How many leases are out."""
        return self._leases

    @property
    def idle(self) -> bool:
        """Whether nothing waits, nothing is out and no timer runs."""
        return not self._leases and not len(self._queue) and not self._alarm.is_set

    async def lease(self, need: Need) -> Lease:
        """Wait for the turn of a call.

        Raises:
            DeadlineExceeded: When the deadline passes first.
            NoDeployment: When no deployment can ever serve it; at once, without waiting.
        """
        self._own_loop()
        now = self._clock.now()
        lane = self._lane(need)
        hopeless = self._hopeless(need, lane)
        if hopeless is not None:
            raise hopeless
        if need.deadline <= now:
            raise self._late(need, lane, 0.0, now)
        if not len(self._queue):
            seat, _ = self._place(need, lane, now, ())
            if seat is not None:
                return self._grant(seat, need, 0.0, now)
        waiter = _Waiter(need, lane, now, asyncio.get_running_loop().create_future())
        behind = self._queue.waiting_in(lane.key) and not lane.short
        entry = self._queue.push(waiter, lane=lane.key, priority=need.priority, tenant=need.tenant)
        if need.deadline < math.inf:
            heapq.heappush(self._deadlines, (need.deadline, entry.seq, entry))
        if behind:
            # Whatever holds up the others of its lane holds it up too.
            self._alarm.set(need.deadline, now)
        else:
            self._pump(now)
        try:
            return await waiter.future
        except BaseException as error:
            self._withdraw(entry, look_again=isinstance(error, asyncio.CancelledError))
            raise

    def snapshot(self) -> tuple[DeploymentStatus, ...]:
        """How every deployment is now, in the order of the configuration."""
        now = self._clock.now()
        return tuple(seat.status(now) for seat in self._seats.values())

    def ailing(self) -> tuple[str, ...]:
        """Names of the deployments whose breaker is open and that are not being probed."""
        return tuple(seat.name for seat in self._seats.values() if seat.breaker.state == "open")

    def begin_probe(self, name: str) -> Lease | None:
        """Take the place for the probe of a deployment whose breaker is open; `None` when it is taken.

        A probe counts as a request, but does not wait for its turn.
        """
        self._own_loop()
        seat = self._seats[name]
        if not seat.breaker.begin_probe():
            return None
        return self._out(seat, 0, 0.0, self._clock.now(), probe=True)

    def reinstate(self, name: str) -> None:
        """The configuration or the credential of a deployment changed: use it again."""
        self._seats[name].breaker.reinstate()
        if len(self._queue):
            self._pump(self._clock.now())

    def _own_loop(self) -> None:
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            if self._loop is not None:
                raise InternalError("A scheduler was used from two event loops; make one for each.")
            self._loop = loop

    def _lane(self, need: Need) -> _Lane:
        key = (need.candidates, need.avoid & need.candidates if need.avoid else _NO_NAMES)
        lane = self._lanes.get(key)
        if lane is None:
            if len(self._lanes) >= MOST_LANES:
                self._lanes.clear()
            seats = (seat for seat in self._seats.values() if seat.name in need.candidates)
            lane = self._lanes[key] = _Lane(key, seats)
        return lane

    def _hopeless(self, need: Need, lane: _Lane) -> NoDeployment | None:
        """Why no deployment can ever serve a need; `None` while one can."""
        reasons = []
        for seat in lane.seats:
            reason = seat.never(need.input_tokens, need.output_tokens)
            if reason is None:
                return None
            reasons.append(reason)
        if not reasons:
            wanted = ", ".join(sorted(need.candidates)) or "it names none"
            return NoDeployment(
                f"None of the deployments that may serve this call is configured: {wanted}.",
                hint="Add one of them to the configuration of providers.",
            )
        return NoDeployment(
            f"No deployment can serve this call: {'; '.join(reasons)}.",
            hint="See `qlf providers check`, or ask for fewer tokens in one request.",
        )

    def _place(self, need: Need, lane: _Lane, now: float, held: Sequence[Seat]) -> tuple[Seat | None, float]:
        """A deployment with room now, or `None` and the time at which to look again."""
        ready, soonest = self._ready(need, lane.preferred, now, held)
        if not ready and lane.avoided:
            unwell = not any(seat.well(now) for seat in lane.preferred)
            if unwell or now + PATIENCE_SECONDS < soonest < math.inf:
                ready, later = self._ready(need, lane.avoided, now, held)
                soonest = min(soonest, later)
        if len(ready) == 1:
            return ready[0], now
        if not ready:
            if soonest < math.inf:
                soonest = min(soonest, *(seat.pace.changes_at(now) for seat in lane.seats))
            return None, soonest
        closed = [seat for seat in ready if seat.breaker.closed]
        if len(closed) < len(ready) and need.priority != "interactive":
            # A probe is due. A call that a person waits for leaves it to others.
            return next(seat for seat in ready if not seat.breaker.closed), now
        return self._choose(closed or ready, need.costs, now), now

    def _ready(
        self, need: Need, seats: Sequence[Seat], now: float, held: Sequence[Seat]
    ) -> tuple[list[Seat], float]:
        ready = []
        soonest = math.inf
        for seat in seats:
            free_at = seat.free_at(need.input_tokens, need.output_tokens, now)
            if free_at > now:
                soonest = min(soonest, free_at)
            elif seat not in held:
                ready.append(seat)
        return ready, soonest

    def _grant(self, seat: Seat, need: Need, waited: float, now: float) -> Lease:
        tokens = seat.tokens(need.input_tokens, need.output_tokens)
        probe = not seat.breaker.closed and seat.breaker.begin_probe()
        return self._out(seat, tokens, waited, now, probe=probe)

    def _out(self, seat: Seat, tokens: int, waited: float, now: float, *, probe: bool) -> Lease:
        self._used += 1
        seat.last_used = self._used
        seat.in_flight += 1
        self._leases += 1
        reservation = seat.pace.take(tokens, now)
        return Lease(seat, reservation, self._clock, self._released, waited, probe=probe)

    def _released(self, seat: Seat) -> None:
        seat.in_flight -= 1
        self._leases -= 1
        if len(self._queue):
            self._pump(self._clock.now())
        elif not self._leases:
            self._alarm.stop()

    def _withdraw(self, entry: Entry[_Waiter], *, look_again: bool) -> None:
        """A call that waited goes away: out of the queue, or its lease back unused."""
        future = entry.item.future
        if entry.waits:
            self._queue.discard(entry)
            if look_again:
                # Those behind it may need less than it did.
                self._pump(self._clock.now())
        elif not future.cancelled() and future.exception() is None and future.result().open:
            future.result().abandoned(sent=False)

    def _pump(self, now: float) -> None:
        """Serve all that can be served now, and set the alarm for the rest."""
        self._expire(now)
        queue = self._queue
        blocked: set[object] = set()
        held: list[Seat] = []
        again = math.inf
        while (entry := queue.head(blocked)) is not None:
            waiter = entry.item
            need = waiter.need
            if waiter.future.done():
                # Cancelled, and its task has not run yet.
                queue.discard(entry)
                continue
            seat, at = self._place(need, waiter.lane, now, held)
            if seat is not None:
                tokens = seat.tokens(need.input_tokens, need.output_tokens)
                queue.pop(entry, seat.pace.share_seconds(tokens))
                waiter.future.set_result(self._grant(seat, need, now - waiter.asked_at, now))
                continue
            hopeless = self._hopeless(need, waiter.lane) if at == math.inf else None
            if hopeless is not None:
                queue.discard(entry)
                waiter.future.set_exception(hopeless)
                continue
            blocked.add(entry.lane)
            again = min(again, at)
            short = self._kept_for(need, waiter.lane, now)
            waiter.lane.short = short is not None
            if short is not None:
                held.append(short)
        if len(queue):
            if self._deadlines:
                again = min(again, self._deadlines[0][0])
            self._alarm.set(again, now)
        elif not self._leases:
            self._alarm.stop()

    def _kept_for(self, need: Need, lane: _Lane, now: float) -> Seat | None:
        """The deployment whose tokens gather for a large request: smaller ones of later turns keep off it."""
        best: Seat | None = None
        best_at = math.inf
        for seat in lane.preferred or lane.seats:
            if not seat.short_of_tokens(need.input_tokens, need.output_tokens, now):
                continue
            at = seat.free_at(need.input_tokens, need.output_tokens, now)
            if now < at < best_at:
                best, best_at = seat, at
        return best

    def _expire(self, now: float) -> None:
        deadlines = self._deadlines
        while deadlines and (deadlines[0][0] <= now or not deadlines[0][2].waits):
            entry = heapq.heappop(deadlines)[2]
            if not entry.waits:
                continue
            waiter = entry.item
            self._queue.discard(entry)
            if not waiter.future.done():
                waiter.future.set_exception(self._late(waiter.need, waiter.lane, now - waiter.asked_at, now))
        if len(deadlines) > 64 + 2 * len(self._queue):
            self._deadlines = [item for item in deadlines if item[2].waits]
            heapq.heapify(self._deadlines)

    def _late(self, need: Need, lane: _Lane, waited: float, now: float) -> DeadlineExceeded:
        limits = tuple(seat.held_by(need.input_tokens, need.output_tokens, now) for seat in lane.seats)
        return DeadlineExceeded(
            f"The deadline passed after {waited:.1f} s of waiting for a turn: {'; '.join(limits)}.",
            hint="Give the call more time, add a deployment, or send fewer calls at once.",
            waited_seconds=waited,
            limits=limits,
        )

    def _rung(self) -> None:
        self._pump(self._clock.now())
