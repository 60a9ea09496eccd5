"""Checks of new rows against rules kept as data, as the services and tests spell them."""

from __future__ import annotations

from dataclasses import dataclass

from qlf.blueprint.views.coding import Coded, coded, owner_chain, relation_to
from qlf.blueprint.views.initial import assigned, field_view, initial_values
from qlf.core.spec import Cardinality, Entity, Field, FieldType, Screening, Spec, StateMachine
from qlf.errors import InputError

__all__ = ["ScreeningView", "screening_view"]

_CONFIRMED = "confirmed"


@dataclass(frozen=True, slots=True)
class ScreeningView:
    """One screening rule."""

    name: str
    rule: Coded
    alert: Coded
    amount: str
    amount_optional: bool
    group: str
    """Column over which velocity is counted."""
    held: str
    state_field: str
    metric: str
    metric_class: str
    amount_member: str
    velocity_member: str
    sum_member: str
    """The metric that adds up the amounts within the window; empty where rules do not have it."""
    window_optional: bool
    values: tuple[tuple[str, str], ...]
    """Arguments of the alert."""
    alert_row: str
    """Column of the alert that leads to the row."""
    alert_rule: str
    alert_state: str
    """Field with the state of the alert; empty where alerts have none."""
    stopping: tuple[str, ...]
    """Members of that state that stop the row."""
    stopped: tuple[str, ...]
    """Transitions of the row that are then refused."""
    words: str
    """Name of the alert in a sentence."""


def screening_view(spec: Spec, rule: Screening) -> ScreeningView:
    """The view of `rule`.

    Raises:
        InputError: If the entities do not have what a screening needs.
    """
    rules = spec.entity(rule.rules)
    metric = _needed(rules, "metric", FieldType.ENUM)
    _needed(rules, "threshold", FieldType.MONEY, FieldType.DECIMAL, FieldType.INTEGER)
    window = _needed(rules, "window_minutes", FieldType.INTEGER, FieldType.DURATION)
    _needed(rules, "is_active", FieldType.BOOLEAN)
    machine = spec.machine(rule.entity)
    if machine is None or rule.held_state not in machine.states:
        raise InputError(
            f"the screening {rule.name!r} needs the state {rule.held_state!r} on {rule.entity!r}"
        )
    to_row = relation_to(spec, rule.alerts, rule.entity)
    to_rule = relation_to(spec, rule.alerts, rule.rules)
    if to_row is None:
        raise InputError(
            f"the screening {rule.name!r} needs a relation from {rule.alerts!r} to {rule.entity!r}"
        )
    state = assigned(spec, rule.entity, machine.field)
    amount = spec.entity(rule.entity).field(rule.amount)
    members = [choice.upper() for choice in metric.choices]
    amounts = next((m for m in members if "AMOUNT" in m), members[0])
    velocity = next((m for m in members if "VELOCITY" in m or "COUNT" in m or "FREQUENCY" in m), members[-1])
    summed = next((m for m in members if "SUM" in m), "")
    unknown = sorted(set(members) - {amounts, velocity, summed})
    if unknown:
        raise InputError(
            f"the screening {rule.name!r} knows no metric {unknown[0].lower()!r}",
            hint="the metrics are amount, count and sum",
        )
    return ScreeningView(
        rule.name,
        coded(spec, rule.rules),
        coded(spec, rule.alerts),
        rule.amount,
        not amount.required,
        f"{rule.group}_id"
        if rule.group in {r.name for r in spec.relations_from(rule.entity)}
        else rule.group,
        f"{state.enum}.{rule.held_state.upper()}",
        machine.field,
        metric.name,
        field_view(spec, rule.rules, metric.name).enum_class,
        amounts,
        velocity,
        summed,
        not window.required,
        _alert(spec, rule, to_row.name, to_rule.name if to_rule else None),
        f"{to_row.name}_id",
        f"{to_rule.name}_id" if to_rule else "",
        *_stops(spec, rule, machine),
        coded(spec, rule.alerts).words,
    )


def _stops(
    spec: Spec, rule: Screening, machine: StateMachine
) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    alerts = spec.machine(rule.alerts)
    known = alerts.states if alerts is not None else ()
    wanted = rule.stops if rule.stops is not None else tuple(s for s in known if s == _CONFIRMED)
    unknown = sorted(set(wanted) - set(known))
    if unknown:
        raise InputError(
            f"the screening {rule.name!r} is to stop rows by the state {unknown[0]!r}, "
            f"which {rule.alerts!r} does not have"
        )
    if alerts is None or not wanted:
        return "", (), ()
    enum = assigned(spec, rule.alerts, alerts.field).enum
    goes_on = {state for step in machine.transitions for state in step.from_}
    stopped = tuple(step.name for step in machine.transitions if step.to in goes_on)
    return alerts.field, tuple(f"{enum}.{state.upper()}" for state in wanted), stopped


def _alert(spec: Spec, rule: Screening, to_row: str, to_rule: str | None) -> tuple[tuple[str, str], ...]:
    alert = spec.entity(rule.alerts)
    values = {f"{to_row}_id": "row.id"}
    if to_rule is not None:
        values[f"{to_rule}_id"] = "rule.id"
    known = {relation.name for relation in spec.relations_from(rule.entity)}
    for relation in spec.relations_from(rule.alerts):
        if f"{relation.name}_id" in values or relation.cardinality is Cardinality.MANY_TO_MANY:
            continue
        if relation.name in known:
            values[f"{relation.name}_id"] = f"row.{relation.name}_id"
        elif relation.required:
            raise InputError(f"the screening {rule.name!r} cannot tell {rule.alerts}.{relation.name}")
    if owner_chain(spec, alert) == ():
        if owner_chain(spec, spec.entity(rule.entity)) != ():
            raise InputError(f"the screening {rule.name!r} cannot tell who owns {rule.alerts!r}")
        values["owner_id"] = "row.owner_id"
    for name, value in initial_values(spec, alert, set()).items():
        field = alert.field(name)
        textual = field.type in (FieldType.STRING, FieldType.TEXT) and field.default is None
        values[name] = _message(spec, rule, field) if textual else value
    return tuple(values.items())


def _message(spec: Spec, rule: Screening, field: Field) -> str:
    longest = field_view(spec, rule.alerts, field.name).max_length
    cut = f"[:{longest}]" if longest < 60 else ""
    return 'f"{rule.metric.value} above {rule.threshold}"' + cut


def _needed(entity: Entity, name: str, *kinds: FieldType) -> Field:
    field = next((field for field in entity.fields if field.name == name), None)
    if field is None or field.type not in kinds:
        wanted = " or ".join(kind.value for kind in kinds)
        raise InputError(f"a screening needs the field {entity.name}.{name} of type {wanted}")
    return field
