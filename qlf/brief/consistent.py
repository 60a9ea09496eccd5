"""Takes out of the draft what refers to something that is not there, and completes what rules need."""

from __future__ import annotations

from qlf.brief.draft import Draft
from qlf.core.spec import (
    Adjust,
    Approval,
    Capacity,
    Checkout,
    NoOverlap,
    Operation,
    Ordered,
    Ownership,
    Product,
    Screening,
    SetField,
    Total,
    UniqueTogether,
)
from qlf.core.spec.behaviour import Rule

__all__ = ["make_consistent"]


def make_consistent(draft: Draft) -> None:
    """Drop links, rules, effects and operations with a missing end, and mark computed fields read-only."""
    names = set(draft.entities)
    draft.relations = [item for item in draft.relations if item.from_ in names and item.to in names]
    for entity in draft.entities.values():
        held = {item.name for item in draft.relations if item.from_ == entity.name}
        for name in held & set(entity.fields):
            del entity.fields[name]
        if entity.ownership is Ownership.PARENT and entity.owner_via not in held:
            entity.ownership, entity.owner_via = Ownership.NONE, None
    _owners(draft)
    seen: set[str] = set()
    rules = []
    for rule in draft.rules:
        if rule.name not in seen and _holds(draft, rule):
            seen.add(rule.name)
            rules.append(rule)
    draft.rules = rules
    for rule in rules:
        if isinstance(rule, Product | Total):
            fields = draft.entities[rule.entity].fields
            fields[rule.field] = fields[rule.field].model_copy(
                update={"read_only": True, "required": True, "default": fields[rule.field].default or 0}
            )
    for name, machine in list(draft.machines.items()):
        if name not in names or machine.field not in draft.entities[name].fields:
            del draft.machines[name]
            continue
        steps = tuple(
            step.model_copy(update={"effects": tuple(e for e in step.effects if _effect(draft, name, e))})
            for step in machine.transitions
        )
        draft.machines[name] = machine.model_copy(update={"transitions": steps})
    draft.operations = [item for item in draft.operations if _operation(draft, item)]
    draft.checkouts = [item for item in draft.checkouts if _checkout(draft, item)]


def _owners(draft: Draft) -> None:
    """A chain of parents must end at an owner and must not go in a circle."""
    for entity in draft.entities.values():
        seen = {entity.name}
        current = entity
        while current.ownership is Ownership.PARENT:
            parent = next(
                item.to
                for item in draft.relations
                if item.from_ == current.name and item.name == current.owner_via
            )
            if parent in seen:
                current.ownership, current.owner_via = Ownership.NONE, None
                break
            seen.add(parent)
            current = draft.entities[parent]
        if entity.ownership is Ownership.PARENT and current.ownership is Ownership.NONE:
            entity.ownership, entity.owner_via = Ownership.NONE, None


def _related(draft: Draft, entity: str, name: str) -> str | None:
    return next((item.to for item in draft.relations if item.from_ == entity and item.name == name), None)


def _holds(draft: Draft, rule: Rule) -> bool:
    if rule.entity not in draft.entities:
        return False
    have = draft.attributes(rule.entity)
    match rule:
        case UniqueTogether():
            return set(rule.of) <= have
        case Ordered():
            return {rule.first, rule.last} <= set(draft.entities[rule.entity].fields)
        case Product():
            return {rule.field, *rule.factors} <= set(draft.entities[rule.entity].fields)
        case Total():
            linked = rule.lines in draft.entities and any(
                item.from_ == rule.lines and item.to == rule.entity for item in draft.relations
            )
            return (
                linked
                and rule.field in draft.entities[rule.entity].fields
                and rule.line_field in draft.entities[rule.lines].fields
            )
        case NoOverlap():
            return (
                _related(draft, rule.entity, rule.per) is not None
                and {rule.start, rule.end} <= have
                and _states(draft, rule.entity, rule.states)
            )
        case Capacity():
            target = _related(draft, rule.entity, rule.per)
            if target is None or not _states(draft, rule.entity, rule.states):
                return False
            return rule.limit_field is None or rule.limit_field in draft.entities[target].fields
        case Approval():
            machine = draft.machines.get(rule.entity)
            return (
                rule.field in have
                and machine is not None
                and rule.transition in {step.name for step in machine.transitions}
            )
        case Screening():
            return (
                {rule.rules, rule.alerts} <= set(draft.entities)
                and {rule.amount, rule.group} <= have
                and _states(draft, rule.entity, (rule.held_state,))
            )
        case _:
            return True


def _states(draft: Draft, entity: str, states: tuple[str, ...]) -> bool:
    machine = draft.machines.get(entity)
    return not states or (machine is not None and set(states) <= set(machine.states))


def _effect(draft: Draft, entity: str, effect: SetField | Adjust) -> bool:
    if isinstance(effect, SetField):
        return effect.field in draft.entities[entity].fields
    row = entity
    if effect.lines is not None:
        line = next(
            (item.from_ for item in draft.relations if item.to == entity and item.inverse == effect.lines),
            None,
        )
        if line is None:
            return False
        row = line
    target = _related(draft, row, effect.through)
    return (
        target is not None
        and effect.field in draft.entities[target].fields
        and effect.by in draft.entities[row].fields
    )


def _operation(draft: Draft, item: Operation) -> bool:
    return item.entity in draft.entities and all(
        _effect(draft, item.entity, effect) for effect in item.effects
    )


def _checkout(draft: Draft, item: Checkout) -> bool:
    ends = {item.entity, item.to, item.from_lines, item.to_lines}
    if not ends <= set(draft.entities):
        return False
    old, new = draft.attributes(item.from_lines), draft.attributes(item.to_lines)
    if (
        not set(item.line_copies) <= old & new
        or not set(item.snapshots) <= new
        or not set(item.inputs) <= draft.attributes(item.to)
    ):
        return False
    for path in item.snapshots.values():
        relation, _, name = path.partition(".")
        target = _related(draft, item.from_lines, relation)
        if target is None or name not in draft.entities[target].fields:
            return False
    return item.stock is None or _effect(draft, item.from_lines, item.stock)
