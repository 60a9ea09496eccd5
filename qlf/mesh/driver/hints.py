"""What the rules of a spec say about the values of a row, so that a made-up row keeps them."""

from __future__ import annotations

from decimal import Decimal

from qlf.core.spec import Adjust, Approval, Capacity, Ordered, Spec
from qlf.mesh.driver.values import Hint

__all__ = ["hints_for"]

_PLENTY = Decimal(100)
_ONE = Decimal(1)


def hints_for(spec: Spec, entity: str) -> dict[str, Hint]:
    """Hints by field name."""
    numbers: dict[str, Decimal] = {}
    days: dict[str, int] = {}
    for adjust, owner in _adjustments(spec):
        amounts = [owner] if adjust.lines is None else [r.from_ for r in spec.relations_to(owner)]
        if entity in amounts:
            numbers[adjust.by] = _ONE
        if any(r.name == adjust.through and r.to == entity for r in spec.relations):
            numbers[adjust.field] = _PLENTY
    for rule in spec.rules:
        if isinstance(rule, Capacity) and rule.limit_field is not None and _leads(spec, rule, entity):
            numbers[rule.limit_field] = _PLENTY
        if rule.entity != entity:
            continue
        if isinstance(rule, Approval):
            numbers[rule.field] = rule.above
    # Chains of ordered fields settle within as many passes as there are rules.
    ordered = [rule for rule in spec.rules if isinstance(rule, Ordered) and rule.entity == entity]
    for _ in ordered:
        for rule in ordered:
            days[rule.last] = max(days.get(rule.last, 0), days.get(rule.first, 0) + 1)
    for name, day in days.items():
        numbers.setdefault(name, Decimal(10 + day))
    return {name: Hint(numbers.get(name), days.get(name, 0)) for name in {*numbers, *days}}


def _leads(spec: Spec, rule: Capacity, entity: str) -> bool:
    return any(r.name == rule.per and r.to == entity for r in spec.relations_from(rule.entity))


def _adjustments(spec: Spec) -> list[tuple[Adjust, str]]:
    """Every change of a number on a related row, with the entity that it starts from."""
    found: list[tuple[Adjust, str]] = []
    for machine in spec.state_machines:
        for transition in machine.transitions:
            found += [(effect, machine.entity) for effect in transition.effects if isinstance(effect, Adjust)]
    for operation in spec.operations:
        found += [(effect, operation.entity) for effect in operation.effects if isinstance(effect, Adjust)]
    found += [
        (checkout.stock, checkout.from_lines) for checkout in spec.checkouts if checkout.stock is not None
    ]
    return found
