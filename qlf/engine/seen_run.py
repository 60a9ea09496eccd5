"""A run that was kept, as it comes out of the store. Standard library only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qlf.engine.request import GenerateRequest

if TYPE_CHECKING:
    from qlf.core.tree import Tree

__all__ = ["SeenRun"]


@dataclass(frozen=True, slots=True)
class SeenRun:
    """A run out of the store."""

    facts: Mapping[str, Any]
    """The parts of the result that do not depend on where and when."""
    spec: Mapping[str, Any]
    tree: Tree
    artifacts: Sequence[Mapping[str, Any]]
    request: GenerateRequest
    home: Path
