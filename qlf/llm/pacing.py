"""When one deployment may be sent its next request: requests and tokens per minute, and gates.

Requests are counted in sliding windows of 1 s and 10 s, because Azure judges a limit per minute in such
short windows. A sliding window is the strictest reading of a limit: what keeps it also keeps fixed windows
and token buckets of the same size. Tokens are counted in a sliding minute: reserved when a request is sent
and settled when its true use is known.
"""

from __future__ import annotations

import math
import zlib
from collections import deque
from dataclasses import dataclass

from qlf.llm.deployment import Deployment, Kind
from qlf.llm.reply import RateReport
from qlf.llm.throttle import GROW_EVERY_SECONDS, Throttle

__all__ = ["Hold", "Pace", "PacePolicy", "Reservation"]

WINDOWS_SECONDS = (1.0, 10.0)
MINUTE_SECONDS = 60.0
WHOLE_FROM = 20
"""From this many requests a window, rounding down costs less than 5 % and even spacing gains nothing."""
GUESS_GROWTH = 4.0
"""How far the climb goes beyond a limit that was guessed from the pace at a refusal, before it is dropped."""

GUESS_LEAST = 60.0
"""Requests per minute. A refusal of one lone request says little about the pace."""


@dataclass(frozen=True, slots=True)
class PacePolicy:
    """How carefully limits are kept."""

    guard_seconds: float = 0.05
    """Added to each window: requests do not reach the provider as evenly as they leave."""
    spacing_guard: float = 0.02
    """Share added to the gap between two requests that are evenly spaced."""
    first_gate_seconds: float = 1.0
    """Gate after a refusal that does not say how long to wait; doubles up to `longest_gate_seconds`."""
    longest_gate_seconds: float = 30.0
    longest_retry_after_seconds: float = 600.0
    """No provider closes a deployment for longer than this by one header."""
    refunding: frozenset[Kind] = frozenset({"bedrock"})
    """Providers that give back what an answer did not use of `max_tokens`. Azure and OpenAI count their own
    estimate when the request comes in, and keep it."""


@dataclass(slots=True)
class Reservation:
    """One request as it counts against the limits: when it was sent, and its tokens until they are known."""

    at: float
    tokens: int
    counted: bool = True


@dataclass(frozen=True, slots=True)
class Hold:
    """What holds a request back, in words for a person, and until when (clock time)."""

    limit: str
    until: float


class Pace:
    """The limits of one deployment and what was sent within them.

    A limit is the lower of the configured and the reported one, times what `Throttle` leaves of it. A
    deployment without any known limit is unlimited until it refuses: then the pace at that moment is taken
    for the limit.
    """

    def __init__(self, deployment: Deployment, policy: PacePolicy | None = None) -> None:
        self._name = deployment.name
        self._policy = policy if policy is not None else PacePolicy()
        self._configured_requests = deployment.requests_per_minute
        self._configured_tokens = deployment.tokens_per_minute
        self._refunds = deployment.provider.kind in self._policy.refunding
        self.requests_limit = (
            float(deployment.requests_per_minute) if deployment.requests_per_minute else None
        )
        self.tokens_limit = deployment.tokens_per_minute or None
        self._guessed = False
        self._strict = False
        self._throttle = Throttle()
        self._sent: deque[float] = deque()
        self._windows: tuple[tuple[int, float], ...] = ()
        self._tokens: deque[Reservation] = deque()
        self._tokens_sum = 0
        self._gate_until = -math.inf
        self._gate_reason = ""
        self._refusals = 0
        self._refused_at = -math.inf
        self._rebuild()

    @property
    def scale(self) -> float:
        """The share of the limits in use, 1 unless the provider refused lately."""
        return self._throttle.scale

    @property
    def requests_per_minute(self) -> float | None:
        """The pace that holds now; `None` when no limit is known."""
        return None if self.requests_limit is None else self.requests_limit * self._throttle.scale

    @property
    def tokens_per_minute(self) -> int | None:
        """The token limit that holds now; `None` when none is known."""
        return None if self.tokens_limit is None else int(self.tokens_limit * min(1.0, self._throttle.scale))

    @property
    def gate_until(self) -> float:
        """Clock time until which nothing is sent because the provider said so."""
        return self._gate_until

    def tokens_in_use(self, now: float) -> int:
        """Tokens that count against the last minute."""
        self._expire(now)
        return self._tokens_sum

    def fits(self, tokens: int) -> bool:
        """Whether a request of so many tokens can ever be sent within the limit of one minute."""
        return self.tokens_limit is None or tokens <= self.tokens_limit

    def share_seconds(self, tokens: int) -> float:
        """How much of this deployment's time a request takes up: its larger share of requests or tokens."""
        requests = 60.0 / self.requests_limit if self.requests_limit else 0.1
        return max(requests, 60.0 * tokens / self.tokens_limit) if self.tokens_limit else requests

    def free_at(self, tokens: int, now: float) -> float:
        """The earliest clock time at which a request of so many tokens keeps every limit.

        Not after `now` when it may be sent at once; infinite when it can never be.
        """
        if self._throttle.lowered and self._throttle.grow(now):
            self._grown()
        at = self._gate_until
        sent = self._sent
        for count, seconds in self._windows:
            if len(sent) >= count:
                free = sent[-count] + seconds
                if free > at:
                    at = free
        if self.tokens_limit is not None:
            free = self._tokens_free_at(tokens, now)
            if free > at:
                return free
        return at

    def tokens_short(self, tokens: int, now: float) -> bool:
        """Whether it is the tokens that hold such a request back."""
        return self.tokens_limit is not None and self._tokens_free_at(tokens, now) > now

    def changes_at(self, now: float) -> float:
        """When the pace changes next and a request may leave earlier than it seems now; infinite if never."""
        return max(now + GROW_EVERY_SECONDS, self._gate_until) if self._throttle.lowered else math.inf

    def take(self, tokens: int, now: float) -> Reservation:
        """Count a request that is about to be sent."""
        sent = self._sent
        horizon = now - 10.0 - 2 * self._policy.guard_seconds
        while len(sent) > 1 and sent[0] < horizon:
            sent.popleft()
        sent.append(now)
        reservation = Reservation(now, tokens)
        if self.tokens_limit is not None:
            self._tokens.append(reservation)
            self._tokens_sum += tokens
        else:
            reservation.counted = False
        return reservation

    def settle(self, reservation: Reservation, tokens: int) -> None:
        """Correct a reservation to the tokens that were used."""
        if not self._refunds and tokens < reservation.tokens:
            return
        if reservation.counted:
            self._tokens_sum += tokens - reservation.tokens
        reservation.tokens = tokens

    def give_back(self, reservation: Reservation) -> None:
        """Forget a request that was never sent."""
        if reservation.counted:
            self._tokens_sum -= reservation.tokens
        reservation.tokens = 0
        if reservation.at in self._sent:
            self._sent.remove(reservation.at)

    def refund(self, reservation: Reservation) -> None:
        """Give back the tokens of a request that the provider turned away; it still counts as a request."""
        if reservation.counted:
            self._tokens_sum -= reservation.tokens
        reservation.tokens = 0

    def answered(self, reservation: Reservation) -> None:
        """The provider took a request: the next refusal starts with a short gate again."""
        if reservation.at >= self._refused_at:
            self._refusals = 0

    def refused(self, reservation: Reservation, retry_after_seconds: float | None, now: float) -> None:
        """A 429: close the gate for as long as was asked, or for a growing moment, and lower the pace.

        Requests that were under way together and are refused together count as one refusal.
        """
        asked = _usable_seconds(retry_after_seconds)
        if asked is not None:
            self._gate(asked, now, "its Retry-After")
        if reservation.at >= self._refused_at:
            self._refused_at = now
            # Whoever is refused again after the time it was told to wait was told too little.
            doublings = self._refusals if asked is None else self._refusals - 1
            self._refusals += 1
            if doublings >= 0:
                pause = self._policy.first_gate_seconds * 2.0 ** min(doublings, 16) * self._jitter()
                self._gate(min(pause, self._policy.longest_gate_seconds), now, "a pause after it refused")
        if self.requests_limit is None and self.tokens_limit is None:
            self._guess(now)
        # Perhaps the provider rounds down a limit that is no whole number in its window: do so from now on.
        news = not self._strict
        self._strict = True
        if self._throttle.decrease(reservation.at, now) or news:
            self._rebuild()

    def asked_to_wait(self, retry_after_seconds: float, now: float) -> None:
        """A failure other than a 429 came with a Retry-After: the whole deployment waits, at its old pace."""
        seconds = _usable_seconds(retry_after_seconds)
        if seconds is not None:
            self._gate(seconds, now, "its Retry-After")

    def _gate(self, seconds: float, now: float, reason: str) -> None:
        until = now + min(seconds, self._policy.longest_retry_after_seconds) + self._policy.guard_seconds
        if until > self._gate_until:
            self._gate_until, self._gate_reason = until, reason

    def learn(self, rates: RateReport, reservation: Reservation, now: float) -> None:
        """Take over what the provider said of its limits, never above what is configured."""
        if rates.requests_limit is not None and rates.requests_limit > 0:
            self._learn_requests(float(rates.requests_limit))
        if rates.tokens_limit is not None and rates.tokens_limit > 0:
            self.tokens_limit = min(rates.tokens_limit, self._configured_tokens or rates.tokens_limit)
            if rates.tokens_remaining is not None and rates.tokens_remaining >= 0:
                self._learn_foreign(rates.tokens_limit - rates.tokens_remaining, reservation, now)

    def hold(self, tokens: int, now: float) -> Hold | None:
        """What holds such a request back now, `None` if nothing does."""
        at = self.free_at(tokens, now)
        if at <= now:
            return None
        if self._gate_until >= at:
            return Hold(self._gate_reason, at)
        if self.tokens_limit is not None and self._tokens_free_at(tokens, now) >= at:
            return Hold(f"its {self.tokens_per_minute:,} tokens per minute", at)
        return Hold(f"its {self.requests_per_minute or 0:,.0f} requests per minute", at)

    def _tokens_free_at(self, tokens: int, now: float) -> float:
        self._expire(now)
        whole = self.tokens_limit
        if whole is None:
            return now
        if tokens > whole:
            return math.inf
        limit = whole * min(1.0, self._throttle.scale)
        over = self._tokens_sum + tokens - limit
        if over <= 0 or self._tokens_sum <= 0:
            # A request above a lowered limit goes out alone: waiting for more room would never end.
            return now
        span = MINUTE_SECONDS + self._policy.guard_seconds
        for reservation in self._tokens:
            over -= reservation.tokens
            if over <= 0:
                return reservation.at + span
        return self._tokens[-1].at + span

    def _expire(self, now: float) -> None:
        entries = self._tokens
        span = MINUTE_SECONDS + self._policy.guard_seconds
        while entries and entries[0].at + span <= now:
            gone = entries.popleft()
            gone.counted = False
            self._tokens_sum -= gone.tokens

    def _jitter(self) -> float:
        """Between 0.8 and 1.2, the same for the same deployment and refusal everywhere."""
        return 0.8 + 0.4 * (zlib.crc32(f"{self._name}:{self._refusals}".encode()) % 1024) / 1023

    def _guess(self, now: float) -> None:
        recent = sum(1 for at in self._sent if at > now - 10.0)
        self.requests_limit = max(GUESS_LEAST, recent * 6.0)
        self._guessed = True
        self._throttle = Throttle(most=GUESS_GROWTH)

    def _grown(self) -> None:
        if self._guessed and not self._throttle.lowered:
            self._guessed = False
            self.requests_limit = None
            self._throttle = Throttle()
        self._rebuild()

    def _learn_requests(self, reported: float) -> None:
        limit = min(reported, float(self._configured_requests or reported))
        before = self.requests_limit
        if before == limit and not self._guessed:
            return
        self.requests_limit = limit
        if self._guessed or before is None:
            self._guessed = False
            self._throttle.most = 1.0
            self._throttle.rescale(limit / before if before else 1.0)
        elif self._throttle.lowered:
            self._throttle.rescale(limit / before)
        self._rebuild()

    def _learn_foreign(self, used: int, reservation: Reservation, now: float) -> None:
        """Count what others used of the same quota, when the provider counts more than we do."""
        self._expire(now)
        own = sum(entry.tokens for entry in self._tokens if entry.at <= reservation.at)
        # What this answer gave back may still be in the provider's count, or may not.
        foreign = used - max(own, self._tokens_sum)
        if foreign > 0 and self.tokens_limit is not None:
            foreign = min(foreign, self.tokens_limit)
            self._tokens.append(Reservation(now, foreign))
            self._tokens_sum += foreign

    def _rebuild(self) -> None:
        limit = self.requests_limit
        if limit is None:
            self._windows = ()
            return
        windows: list[tuple[int, float]] = []
        even = self._throttle.lowered
        for seconds in WINDOWS_SECONDS:
            room = limit * seconds / 60.0
            whole = int(room + 1e-9)
            exact = whole >= WHOLE_FROM or abs(room - whole) < 1e-6
            even = even or not exact
            if whole >= 1 and (exact or self._strict):
                windows.append((whole, seconds + self._policy.guard_seconds))
        if even:
            # A part of a request cannot be sent: evenly spaced, no window holds more than it should.
            # The same after a refusal, so that the next overshoot costs one refusal and not a burst.
            rate = limit * self._throttle.scale
            windows.append((1, 60.0 / rate * (1.0 + self._policy.spacing_guard)))
        self._windows = tuple(windows)


def _usable_seconds(seconds: float | None) -> float | None:
    return seconds if seconds is not None and math.isfinite(seconds) and seconds >= 0 else None
