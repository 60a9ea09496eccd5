"""A run as a small graph of nodes with declared inputs, walked by the inline runner and by Prefect alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from qlf.engine.request import GenerateRequest
from qlf.errors import InternalError

__all__ = ["ASSEMBLE", "COMPILE", "Node", "NodeKind", "Plan", "Role", "asked_gates", "build_plan"]

NodeKind = Literal["compile", "agent", "assemble", "gate"]

COMPILE = "compile"
ASSEMBLE = "assemble"


class Role(Protocol):
    """What the plan has to know of an agent."""

    @property
    def needs(self) -> tuple[str, ...]:
        """Roles that must have written before."""

    @property
    def title(self) -> str:
        """What it does, in a few words."""


@dataclass(frozen=True, slots=True)
class Node:
    """One step: what kind, of what, and after which others."""

    id: str
    kind: NodeKind
    argument: str
    """The role of an agent or the name of a gate; empty for the others."""
    needs: tuple[str, ...]
    title: str


@dataclass(frozen=True, slots=True)
class Plan:
    """All nodes, each after the nodes that it needs."""

    nodes: tuple[Node, ...]

    def node(self, identifier: str) -> Node:
        """The node of that identifier.

        Raises:
            KeyError: If there is none.
        """
        for node in self.nodes:
            if node.id == identifier:
                return node
        raise KeyError(identifier)

    def of_kind(self, kind: NodeKind) -> tuple[Node, ...]:
        """The nodes of one kind, in order."""
        return tuple(node for node in self.nodes if node.kind == kind)


def build_plan(request: GenerateRequest, agents: Mapping[str, Role], gates: tuple[str, ...]) -> Plan:
    """The plan for a request: compile, the agents, assemble, then the gates that were asked for.

    Raises:
        InternalError: If an agent needs one that does not exist, or they need each other in a circle.
    """
    nodes = [
        Node(
            COMPILE,
            "compile",
            "",
            (),
            "compile the brief" if request.source_kind == "brief" else "read the spec",
        )
    ]
    for role in _ordered(agents):
        needs = (COMPILE, *(f"agent:{other}" for other in agents[role].needs))
        nodes.append(Node(f"agent:{role}", "agent", role, needs, f"agent: {role}"))
    written = tuple(node.id for node in nodes)
    nodes.append(Node(ASSEMBLE, "assemble", "", written, "assemble"))
    judged = (COMPILE, ASSEMBLE)
    nodes += [
        Node(f"gate:{name}", "gate", name, judged, f"gate: {name}") for name in asked_gates(request, gates)
    ]
    return Plan(tuple(nodes))


def asked_gates(request: GenerateRequest, gates: tuple[str, ...]) -> tuple[str, ...]:
    """The gates that the request wants to run, out of those that exist."""
    if request.verify == "none":
        return ()
    return gates if request.verify == "full" else tuple(gate for gate in gates if gate == "static")


def _ordered(agents: Mapping[str, Role]) -> list[str]:
    ordered: list[str] = []
    waiting = list(agents)
    while waiting:
        ready = [role for role in waiting if set(agents[role].needs) <= set(ordered)]
        if not ready:
            raise InternalError(
                f"the agents {', '.join(sorted(waiting))} need each other, or one that is missing"
            )
        ordered += ready
        waiting = [role for role in waiting if role not in ready]
    return ordered
