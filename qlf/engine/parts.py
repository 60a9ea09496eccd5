"""The parts that a run is made of: who compiles, who writes, who judges."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from qlf.core.finding import GateResult
    from qlf.core.spec import Spec
    from qlf.core.tree import Tree

__all__ = ["Author", "Parts", "default_parts"]


class Author(Protocol):
    """An agent, as the engine sees it."""

    @property
    def needs(self) -> tuple[str, ...]:
        """Roles that must have written before."""

    @property
    def title(self) -> str:
        """What it does, in a few words."""

    def write(self, spec: Spec) -> Tree:
        """The files of this role."""


@dataclass(frozen=True, slots=True)
class Parts:
    """The working parts. Other ones than the default are for tests and experiments."""

    compile_brief: Callable[[str, str | None], Spec]
    """From the words of a brief and a name, if one was given, to a spec."""
    agents: Mapping[str, Author]
    gates: tuple[str, ...]
    run_gate: Callable[[str, Tree, Spec, Any], GateResult]
    """Name of the gate, tree, spec and whatever the mesh wants to know of this machine."""
    required: tuple[str, ...] = ("openapi.json", "requirements.lock")
    """Files without which an application is not complete."""


def default_parts() -> Parts:
    """The brief compiler, the agents and the gates of this installation."""
    from qlf.agents import AGENTS
    from qlf.mesh import GATES

    return Parts(compile_brief=_compile_brief, agents=AGENTS, gates=tuple(GATES), run_gate=_run_gate)


def _compile_brief(text: str, name: str | None) -> Spec:
    from qlf.brief import compile_brief

    return compile_brief(text, name=name)


def _run_gate(name: str, tree: Tree, spec: Spec, context: Any) -> GateResult:
    from qlf.mesh import run_gate

    return run_gate(name, tree, spec, context)
