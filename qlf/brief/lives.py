"""State machines out of lists of states: which steps lead from one to the next, and what they are called."""

from __future__ import annotations

import re
from itertools import pairwise

from qlf.brief.grammar.tags import base_verb
from qlf.brief.wordlists import word_list
from qlf.core.spec import Source, StateMachine, Transition

__all__ = ["build_machine", "verb_for"]

_VERBS = {
    "in_progress": "start",
    "started": "start",
    "ongoing": "start",
    "running": "start",
    "done": "complete",
    "finished": "finish",
    "complete": "complete",
    "open": "reopen",
    "opened": "open",
    "closed": "close",
    "on_hold": "hold",
    "active": "activate",
    "inactive": "deactivate",
    "new": "reset",
    "available": "make_available",
    "unavailable": "make_unavailable",
    "overdue": "mark_overdue",
    "ready": "mark_ready",
    "draft": "redraft",
    "paid": "pay",
    "unpaid": "mark_unpaid",
    "sold": "sell",
    "sent": "send",
    "lost": "report_lost",
    "won": "win",
    "no_show": "mark_no_show",
    "pending": "put_back",
    "under_review": "start_review",
    "in_review": "start_review",
    "review": "start_review",
    "in_transit": "dispatch",
    "out_for_delivery": "send_out",
    "waiting": "wait",
    "void": "void",
    "live": "go_live",
    "todo": "put_back",
    "to_do": "put_back",
    "enabled": "enable",
    "disabled": "disable",
    "checked_in": "check_in",
    "checked_out": "check_out",
    "picked_up": "pick_up",
    "borrowed": "borrow",
    "written_off": "write_off",
    "doing": "start",
    "testing": "start_testing",
    "maintenance": "start_maintenance",
    "in_maintenance": "start_maintenance",
    "under_maintenance": "start_maintenance",
    "out_of_service": "take_out_of_service",
    "in_repair": "start_repair",
    "in_production": "start_production",
    "planned": "plan",
    "scheduled": "schedule",
    "requested": "request_again",
    "preparing": "start_preparing",
}


def verb_for(state: str, entity: str) -> str:
    """The name of the step to a state: `shipped` gives `ship`, `created` gives `create_<entity>`."""
    if state in _VERBS:
        return _VERBS[state]
    first, _, rest = state.partition("_")
    form = base_verb(first)
    if form is not None and form[1] == "ed":
        verb = form[0]
    elif re.search(r"[^aeiou]ied\Z", first):
        verb = first[:-3] + "y"
    elif re.search(r"(?:[^aeiou]{2}|[aeiou]{2}[^aeiou]|[xw])ed\Z", first) and not re.search(
        r"(?:r[cgsv]|n[cgs]|l[v]|v|[aeiou]{2}[sv]|t?ch)ed\Z", first
    ):
        verb = first[:-2]
        if re.search(r"([bdgmnprt])\1\Z", verb):
            verb = verb[:-1]
    elif first.endswith("ed") and len(first) > 4:
        verb = first[:-1]
    else:
        return f"mark_{state}"[:48].rstrip("_")
    name = f"{verb}_{rest}" if rest else verb
    if name in ("list", "read", "create", "update", "delete"):
        name = f"{verb}_{entity}"
    return name[:48].rstrip("_")


def build_machine(
    entity: str,
    field: str,
    states: tuple[str, ...],
    source: Source,
    steps: tuple[tuple[str, str], ...] = (),
    known: tuple[Transition, ...] = (),
) -> StateMachine | None:
    """The life that a list of states describes; `None` when it is no life.

    Args:
        entity: The entity that lives.
        field: The field that holds the state.
        states: The states in the order of the brief.
        source: Where they came from.
        steps: Steps that the brief drew as arrows; they are then all there are.
        known: Transitions of a domain pack, used where both of their ends are in the list.
    """
    if len(states) < 2:
        return None
    moves = list(dict.fromkeys(steps)) if steps else _moves(states)
    grouped: dict[str, list[str]] = {}
    for before, after in moves:
        if before != after:
            grouped.setdefault(after, []).append(before)
    transitions: dict[str, Transition] = {}
    for item in known:
        starts = tuple(state for state in item.from_ if state in states)
        if starts and item.to in grouped and not steps:
            transitions[item.name] = item.model_copy(update={"from_": starts, "source": source})
            grouped.pop(item.to)
    for after, befores in grouped.items():
        name = verb_for(after, entity)
        while name in transitions:
            name = f"{name}_to_{after}"[:48].rstrip("_")
        transitions[name] = Transition.model_validate(
            {"name": name, "from": befores, "to": after, "source": source}
        )
    if not transitions:
        return None
    order = {state: index for index, state in enumerate(states)}
    ordered = sorted(transitions.values(), key=lambda step: (order[step.to], step.name))
    return StateMachine(
        entity=entity,
        field=field,
        initial=states[0],
        states=states,
        transitions=tuple(ordered),
        source=source,
    )


def _moves(states: tuple[str, ...]) -> list[tuple[str, str]]:
    if all(state in word_list("loops") for state in states) or (
        len(states) == 2 and states[1] not in word_list("away") and not _once(states[1])
    ):
        return [(a, b) for a in states for b in states if a != b]
    main = [
        state
        for state in states
        if state not in word_list("away") and not (state in word_list("loops") and state != states[0])
    ] or [states[0]]
    if main[0] != states[0]:
        main.insert(0, states[0])
    moves = list(pairwise(main))
    ends = {main[-1]} if len(main) > 1 else set()
    for state in states:
        if state in main:
            continue
        if state in word_list("late"):
            moves += [(before, state) for before in (main[-1:] if len(main) > 1 else main)]
        elif state in word_list("loops") and state not in word_list("away"):
            middle = [before for before in main if before not in ends]
            moves += [(before, state) for before in middle] + [(state, middle[-1])]
        else:
            moves += [(before, state) for before in main if before not in ends]
    return moves


def _once(state: str) -> bool:
    return state in (
        "paid",
        "done",
        "completed",
        "complete",
        "sold",
        "sent",
        "delivered",
        "published",
        "returned",
        "used",
        "closed",
        "finished",
        "approved",
        "resolved",
    )
