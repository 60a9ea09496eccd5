"""How far a deployment's pace is lowered after a refusal, and how it climbs back.

Multiplicative decrease, additive increase. The climb is quick up to some way below the pace that was
refused last, then slow, slower each time about the same pace is refused again, and quicker the longer
nothing is refused: a limit that stays where it is costs a refusal every few minutes, and one that comes back
is found again in the same time.
"""

from __future__ import annotations

__all__ = ["GROW_EVERY_SECONDS", "Throttle"]

DECREASE = 0.7
DECREASE_EVERY_SECONDS = 2.0
GROW_EVERY_SECONDS = 1.0
QUICK_PER_SECOND = 0.01
"""Share of the whole limit that is won back in a second while nothing is known against it."""
SLOW_PER_SECOND = 0.002
"""The same, close to the pace that was refused last."""
SLOWER = 0.4
"""What is left of that with each further refusal of about the same pace."""
PATIENCE_SECONDS = 100.0
"""After so long without a refusal the slow climb is twice as quick, and from then on with the square."""
CLOSE = 0.8
"""Share of the refused pace up to which the climb is quick, and from which a refusal is of the same pace."""
PAST = 1.1
"""Share of the refused pace from which that refusal is forgotten."""
MOST_REPEATS = 5
LEAST = 0.02
"""The pace never falls below this share of the limit: what is never tried cannot recover."""


class Throttle:
    """The share of its limits that a deployment may use now, from `LEAST` to `most`.

    Args:
        most: Where the climb ends: 1 for a limit that is known, more for one that was only guessed.
    """

    __slots__ = ("_changed_at", "_decreased_at", "_repeats", "_suspect", "most", "scale")

    def __init__(self, most: float = 1.0) -> None:
        self.scale = 1.0
        self.most = most
        self._suspect: float | None = None
        self._repeats = 0
        self._decreased_at = float("-inf")
        self._changed_at = 0.0

    @property
    def lowered(self) -> bool:
        """Whether the deployment has less than its whole limit now."""
        return self.scale < self.most

    def decrease(self, sent_at: float, now: float) -> bool:
        """Lower the pace after a refusal; `False` when it was lowered for the same cause already.

        A request that was sent before the last decrease says nothing about the pace after it.
        """
        if now - self._decreased_at < DECREASE_EVERY_SECONDS or sent_at < self._decreased_at:
            return False
        known = self._suspect
        again = known is not None and CLOSE * DECREASE <= self.scale / known <= PAST
        self._repeats = min(self._repeats + 1, MOST_REPEATS) if again else 0
        self._suspect = self.scale
        self.scale = max(LEAST, self.scale * DECREASE)
        self._decreased_at = self._changed_at = now
        return True

    def grow(self, now: float) -> bool:
        """Win back what the time since the last change allows; `True` when the scale changed."""
        if self.scale >= self.most:
            return False
        elapsed = now - self._changed_at
        if elapsed < GROW_EVERY_SECONDS:
            return False
        self._changed_at = now
        suspect = self._suspect
        if suspect is None:
            self.scale += QUICK_PER_SECOND * elapsed
        elif self.scale < CLOSE * suspect:
            self.scale = min(CLOSE * suspect, self.scale + QUICK_PER_SECOND * elapsed)
        else:
            quiet = (now - self._decreased_at) / PATIENCE_SECONDS
            self.scale += SLOW_PER_SECOND * SLOWER**self._repeats * (1.0 + quiet * quiet) * elapsed
            if self.scale >= PAST * suspect:
                self._suspect, self._repeats = None, 0
        self.scale = min(self.scale, self.most)
        if self.scale >= self.most:
            self._suspect, self._repeats = None, 0
        return True

    def rescale(self, factor: float) -> None:
        """Keep the pace itself unchanged while the limit it is a share of changes by `factor`."""
        self.scale = max(LEAST, min(self.most, self.scale / factor))
        if self._suspect is not None:
            self._suspect /= factor
