"""Runs the gates, at most two at once, and turns what they found into verdicts."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from threading import BoundedSemaphore

from qlf.core.finding import Finding, GateResult, Severity, Status
from qlf.core.spec import Spec
from qlf.core.tree import Tree
from qlf.errors import EnvironmentUnavailable, InputError, UsageError
from qlf.mesh.bench import Bench
from qlf.mesh.context import GateEvent, MeshContext
from qlf.mesh.gate import Gate, Outcome
from qlf.sandbox import SandboxFailed

__all__ = ["GATES", "run_gate", "verify"]

_MODULES: Mapping[str, str] = {
    name: f"qlf.mesh.gates.{name}" for name in ("static", "unit", "contract", "runtime")
}

GATES: tuple[str, ...] = tuple(_MODULES)
"""Every gate, in the order of reports."""

_SLOTS = BoundedSemaphore(2)
"""Two gates at once in one process, whoever runs them: more would only slow each other down and time out."""

_LONGEST_FIRST = ("contract", "unit", "static", "runtime")
"""The order of starting, so that the last one to end does not run alone for long."""


def verify(tree: Tree, spec: Spec, context: MeshContext, gates: Sequence[str] = GATES) -> list[GateResult]:
    """Run the named gates on an application.

    Args:
        tree: All files of the application.
        spec: What it was made from.
        context: Where and how to work.
        gates: Names out of `GATES`, without repetition.

    Returns:
        One result a gate, in the order of `gates`.

    Raises:
        UsageError: For a gate that does not exist.
    """
    chosen = [_gate(name) for name in gates]
    bench = Bench(tree, spec, context)
    with ThreadPoolExecutor(max_workers=max(1, context.threads), thread_name_prefix="qlf-gate") as pool:
        started = sorted(chosen, key=lambda gate: _LONGEST_FIRST.index(gate.name))
        judged = {gate.name: pool.submit(_judge, gate, bench) for gate in started}
        return [judged[gate.name].result() for gate in chosen]


def run_gate(name: str, tree: Tree, spec: Spec, context: MeshContext) -> GateResult:
    """Run one gate alone; arguments and errors as with `verify`."""
    return _judge(_gate(name), Bench(tree, spec, context))


def _gate(name: str) -> Gate:
    if name not in _MODULES:
        raise UsageError(f"there is no gate {name!r}", hint=f"the gates are {', '.join(GATES)}")
    gate: Gate = import_module(_MODULES[name]).GATE
    return gate


def _judge(gate: Gate, bench: Bench) -> GateResult:
    with _SLOTS:
        return _judge_now(gate, bench)


def _judge_now(gate: Gate, bench: Bench) -> GateResult:
    _tell(bench, GateEvent(gate.name))
    started = time.perf_counter()
    outcome = _attempt(gate, bench)
    milliseconds = round((time.perf_counter() - started) * 1000)
    status = _status(outcome)
    _tell(bench, GateEvent(gate.name, status, milliseconds))
    return GateResult(
        name=gate.name,
        status=status,
        milliseconds=milliseconds,
        findings=outcome.findings,
        reason=outcome.blocked or outcome.summary,
        checks=outcome.checks,
        evidence=outcome.evidence,
    )


def _attempt(gate: Gate, bench: Bench) -> Outcome:
    try:
        outcome = gate.run(bench)
    except (EnvironmentUnavailable, SandboxFailed) as error:
        return Outcome(blocked=error.message)
    except InputError as error:
        # The application itself is what was refused: a lock without hashes, a file name that may not be.
        return Outcome((Finding(f"{gate.name}.refused", error.message),))
    if outcome.checks == 0 and outcome.blocked is None and not outcome.findings:
        return Outcome((Finding(f"{gate.name}.nothing", "nothing was executed"),))
    return outcome


def _status(outcome: Outcome) -> Status:
    if any(found.severity is Severity.ERROR for found in outcome.findings):
        return Status.FAILED
    return Status.NOT_RUN if outcome.blocked is not None else Status.PASSED


def _tell(bench: Bench, event: GateEvent) -> None:
    if bench.context.on_event is not None:
        bench.context.on_event(event)
