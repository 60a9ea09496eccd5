"""What the caller of the mesh decides: folders, sandbox, interpreter, and who hears of the progress."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from qlf.core.finding import Status
from qlf.sandbox.model import Policy

__all__ = ["GateEvent", "MeshContext"]


@dataclass(frozen=True, slots=True)
class GateEvent:
    """A gate started (`status` is `None`) or finished."""

    gate: str
    status: Status | None = None
    milliseconds: int = 0


@dataclass(frozen=True, slots=True)
class MeshContext:
    """Where and how the mesh works; nothing in it changes a verdict."""

    cache_dir: Path
    """Holds the environments of applications; may be deleted at any time."""
    policy: Policy = field(default_factory=Policy)
    """Which sandbox is good enough."""
    uv: Path | None = None
    """The program that fills environments; `None` takes the one that `qlf` was installed with."""
    python: Path | None = None
    """Interpreter of the applications; `None` takes the one that runs now."""
    tools: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Environment for installing packages: index, certificates, proxies. May hold passwords."""
    on_event: Callable[[GateEvent], None] | None = None
    """Called from the thread of the gate."""
    threads: int = 2
    """How many gates run at once."""
