"""What can be written to the ledger: one small value for each kind of request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from qlf.core.metering import Intent, Outcome, Served, Ticket
from qlf.ledger.entry import Kind, Value

__all__ = ["Change", "Close", "Note", "Open", "Operation", "Serve", "Settle"]


@dataclass(slots=True)
class Open:
    """Reserve money for an attempt."""

    intent: Intent


@dataclass(slots=True)
class Close:
    """Settle an attempt."""

    ticket: Ticket
    outcome: Outcome


@dataclass(slots=True)
class Serve:
    """Record a call that cost nothing."""

    served: Served


@dataclass(slots=True)
class Change:
    """Change stored limits: the new ones by name, in micros; `None` is no limit."""

    who: str
    limits: Mapping[str, int | None]
    reset: bool = False
    """Forget all stored limits first."""


@dataclass(slots=True)
class Note:
    """Record something else."""

    kind: Kind
    fields: Mapping[str, Value] = field(default_factory=dict)


@dataclass(slots=True)
class Settle:
    """Settle what dead processes left open, as unknown."""


Operation = Open | Close | Serve | Change | Note | Settle
