"""The garbage collector in a process of a few seconds."""

from __future__ import annotations

import atexit
import gc

__all__ = ["relax_collector"]

_ALLOCATIONS = 50_000
"""Objects made between two collections; 700 is what Python starts with."""


def relax_collector() -> None:
    """Collect garbage seldom from now on, and not at all when Python ends.

    What large libraries make while they load stays, so that collections find nothing; with Prefect they
    take a third of the time. At its end Python would look at every object once more, for half a second,
    only to free memory that the system takes back as a whole.
    """
    gc.set_threshold(_ALLOCATIONS, 20, 100)
    atexit.register(gc.freeze)
