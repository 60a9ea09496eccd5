"""The shape of every gate: a name, and a function from a bench to an outcome."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from qlf.core.finding import Finding
from qlf.mesh.bench import Bench

__all__ = ["Gate", "Outcome", "limited"]

MOST_FINDINGS = 100


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a gate found. Equal trees give equal outcomes: no times, ports, paths or random ids in it."""

    findings: tuple[Finding, ...] = ()
    checks: int = 0
    """Zero means that nothing was executed, which never counts as passed."""
    summary: str | None = None
    blocked: str | None = None
    """Why a part of the gate could not run. With errors among the findings the gate still fails."""
    evidence: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Gate:
    """One kind of proof."""

    name: str
    run: Callable[[Bench], Outcome]
    """Raises `EnvironmentUnavailable` when it cannot run here."""


def limited(findings: list[Finding], rule: str) -> tuple[Finding, ...]:
    """The findings without doubles, in a stable order, cut at a number that a person can read."""
    unique = sorted(set(findings), key=_order)
    if len(unique) <= MOST_FINDINGS:
        return tuple(unique)
    # Errors come first, so that the cut never turns a failed gate into a passed one.
    rest = len(unique) - MOST_FINDINGS
    return (*unique[:MOST_FINDINGS], Finding(rule, f"{rest} more findings are left out"))


def _order(found: Finding) -> tuple[int, str, int, str, str]:
    rank = {"error": 0, "warning": 1, "note": 2}[found.severity.value]
    return rank, found.path or "", found.line or 0, found.rule, found.message
