"""Walks the state machine of an entity along one legal path, and tries one step that is not legal."""

from __future__ import annotations

from qlf.core.finding import Severity
from qlf.core.spec import Scope, StateMachine, Transition
from qlf.mesh.driver.probe import Actor
from qlf.mesh.driver.rows import Row, Rows

__all__ = ["drive_machine", "legal_path"]


def legal_path(machine: StateMachine) -> list[Transition]:
    """The longest walk from the initial state that visits no state twice; the first one among equals."""

    def longest(state: str, seen: frozenset[str]) -> list[Transition]:
        best: list[Transition] = []
        for step in machine.transitions:
            if state in step.from_ and step.to not in seen:
                path = [step, *longest(step.to, seen | {step.to})]
                if len(path) > len(best):
                    best = path
        return best

    # Simple paths grow with the factorial of the states; a long one is then as good.
    if len(machine.states) > 8:
        return _greedy(machine)
    return longest(machine.initial, frozenset({machine.initial}))


def drive_machine(rows: Rows, machine: StateMachine) -> None:
    """Walk; what goes wrong is left in the probe."""
    entity, probe = rows.spec.entity(machine.entity), rows.probe
    row = rows.make(entity, number=0)
    if row is None:
        probe.say("idle", f"no {entity.name!r} could be made to walk its states", Severity.NOTE)
        return
    state = row.received.get(machine.field)
    fresh = state == machine.initial
    if not probe.require(fresh, "state", f"a new {entity.name!r} is {state!r}, not {machine.initial!r}"):
        return
    here = machine.initial
    for step in legal_path(machine):
        if not _step(rows, machine, row, step):
            return
        here = step.to
    for step in machine.transitions:
        if here not in step.from_:
            _illegal(rows, machine, row, step, here)
            return


def _step(rows: Rows, machine: StateMachine, row: Row, step: Transition) -> bool:
    route = (rows.routes(machine.entity).verbs or {}).get(step.name)
    actor = _who(rows, machine.entity, row, step.name)
    if route is None:
        rows.probe.say("route", f"the contract has no route for {step.name!r} of {machine.entity!r}")
        return False
    if actor is None:
        rows.probe.say("idle", f"nobody may {step.name!r} a {machine.entity!r}", Severity.NOTE)
        return False
    body = rows.sampler.object(route.body) if route.body is not None else None
    answer = rows.probe.call(route, actor, (200,), "a legal step", row=row.id, body=body)
    received = answer.json() if answer is not None else None
    if answer is None:
        return False
    state = received.get(machine.field) if isinstance(received, dict) else None
    return rows.probe.require(
        state == step.to, "state", f"{route.label}: the state is {state!r}, not {step.to!r}"
    )


def _illegal(rows: Rows, machine: StateMachine, row: Row, step: Transition, state: str) -> None:
    route = (rows.routes(machine.entity).verbs or {}).get(step.name)
    actor = _who(rows, machine.entity, row, step.name)
    if route is not None and actor is not None:
        body = rows.sampler.object(route.body) if route.body is not None else None
        rows.probe.call(
            route, actor, (409,), f"a step that is not legal from {state!r}", row=row.id, body=body
        )


def _who(rows: Rows, entity: str, row: Row, verb: str) -> Actor | None:
    roles = rows.actors.roles_for(entity, verb)
    if row.actor.role in roles:
        return row.actor
    roles = [role for role in roles if rows.actors.scope(role, entity, verb) is not Scope.OWN]
    return rows.actors.get(roles[0]) if roles else None


def _greedy(machine: StateMachine) -> list[Transition]:
    path: list[Transition] = []
    state, seen = machine.initial, {machine.initial}
    while step := next((t for t in machine.transitions if state in t.from_ and t.to not in seen), None):
        path.append(step)
        state = step.to
        seen.add(state)
    return path
