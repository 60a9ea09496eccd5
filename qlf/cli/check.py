"""One thing that `qlf doctor` looked at."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

__all__ = ["Check"]


@dataclass(frozen=True, slots=True)
class Check:
    """One part of the machine."""

    name: str
    state: Literal["ok", "limited", "missing", "not-asked"]
    found: str
    cost: str = ""
    """What the user loses, and how to have it."""
    essential: bool = False
    """Whether nothing can be made without it."""

    @property
    def text(self) -> str:
        """What was found and, where something is lacking, what that costs."""
        return self.found if self.state == "ok" or not self.cost else f"{self.found}; {self.cost}"

    def to_json(self) -> dict[str, Any]:
        """The check as plain JSON data."""
        return asdict(self)
