"""What a run tells while it works, so that a terminal can show progress."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

__all__ = ["Event", "Listener", "serialised"]


@dataclass(frozen=True, slots=True)
class Event:
    """One step started or ended."""

    kind: Literal["started", "finished", "cached", "failed"]
    node: str
    """Identifier in the plan, such as `agent:backend`."""
    title: str
    milliseconds: int = 0
    detail: str = ""
    """One line for a person: the verdict of a gate, or what went wrong."""


Listener = Callable[[Event], None]


def serialised(listener: Listener | None) -> Listener:
    """A listener that steps in several threads may call: one at a time."""
    lock = threading.Lock()

    def tell(event: Event) -> None:
        if listener is not None:
            with lock:
                listener(event)

    return tell
