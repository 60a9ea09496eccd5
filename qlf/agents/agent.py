"""One agent: a role, the paths that belong to it, and how it writes them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from qlf.core.tree import Tree
from qlf.errors import InternalError

if TYPE_CHECKING:
    from qlf.core.spec import Spec

__all__ = ["Agent", "OutOfBounds", "matches"]


class OutOfBounds(InternalError):
    """An agent wrote a path that is not its own."""


@dataclass(frozen=True)
class Agent:
    """A role with its own paths. Two agents never own the same path."""

    role: str
    """Name of the role, and of the part of the blueprint that it renders."""
    roots: tuple[str, ...]
    """Patterns of the paths that it owns: `*` stays within a folder, `/**` means all below."""
    needs: tuple[str, ...] = ()
    """Roles that must have written before this one starts."""
    title: str = field(default="", compare=False)
    """What it does, in a few words."""

    def owns(self, path: str) -> bool:
        """Whether `path` belongs to this agent."""
        return any(pattern.fullmatch(path) for pattern in self._patterns)

    def write(self, spec: Spec) -> Tree:
        """The files of this role for `spec`.

        Raises:
            OutOfBounds: If a file lies outside the paths of this role.
        """
        from qlf.blueprint import render

        return self.accept(render(self.role, spec))

    def accept(self, tree: Tree) -> Tree:
        """Return `tree` if every file of it belongs to this agent.

        Raises:
            OutOfBounds: Naming the first file that does not.
        """
        for path in tree:
            if not self.owns(path):
                raise OutOfBounds(
                    f"the agent {self.role!r} wrote {path!r}, which is outside its paths",
                    hint=f"it owns: {', '.join(self.roots)}",
                )
        return tree

    @cached_property
    def _patterns(self) -> tuple[re.Pattern[str], ...]:
        return tuple(_pattern(root) for root in self.roots)


def matches(pattern: str, path: str) -> bool:
    """Whether `path` fits a pattern of an agent's roots."""
    return _pattern(pattern).fullmatch(path) is not None


@lru_cache(maxsize=256)
def _pattern(root: str) -> re.Pattern[str]:
    folder = root.endswith("/**")
    text = re.escape(root.removesuffix("/**")).replace(r"\*", "[^/]*")
    return re.compile(text + (r"/.+" if folder else ""))
