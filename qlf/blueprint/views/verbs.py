"""Transitions, operations and checkouts as the services, routes and tests spell them."""

from __future__ import annotations

from dataclasses import dataclass

from qlf.blueprint.views.adjusting import AdjustView, adjust_view, literal_number
from qlf.blueprint.views.coding import Coded, coded, owner_chain, relation_to
from qlf.blueprint.views.field import FieldView
from qlf.blueprint.views.initial import assigned, field_view, initial_values
from qlf.blueprint.views.literals import literal
from qlf.blueprint.views.names import entity_names
from qlf.blueprint.wording import deed, function_name
from qlf.core import words
from qlf.core.spec import (
    Adjust,
    Approval,
    Capacity,
    Cardinality,
    Checkout,
    Entity,
    NoOverlap,
    Operation,
    Ownership,
    SetField,
    Spec,
    Transition,
)
from qlf.errors import InputError

__all__ = ["CheckoutView", "VerbView", "checkout_views", "verb_views"]


@dataclass(frozen=True, slots=True)
class ApprovalView:
    """Above an amount only some roles may do it."""

    field: str
    optional: bool
    above: str
    plain: str
    """The threshold as text."""
    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class VerbView:
    """A transition or an operation."""

    name: str
    cls: str
    """Name of the form of its inputs."""
    inputs: tuple[FieldView, ...]
    machine_field: str
    source_states: tuple[str, ...]
    """Members of the enumeration it starts from; empty for an operation."""
    target_state: str
    sets: tuple[tuple[str, str], ...]
    """Field and expression."""
    adjusts: tuple[AdjustView, ...]
    approvals: tuple[ApprovalView, ...]
    checks_again: bool
    """Whether rules that did not count the row before count it now."""
    function: str
    deed: str
    """What is done, within a sentence."""

    @property
    def route(self) -> str:
        """Last segment of the path."""
        return self.name.replace("_", "-")

    @property
    def summary(self) -> str:
        """What is done, at the beginning of a sentence."""
        return self.deed[:1].upper() + self.deed[1:]


@dataclass(frozen=True, slots=True)
class CheckoutView:
    """A checkout."""

    name: str
    cls: str
    source: Coded
    target: Coded
    from_line: Coded
    to_line: Coded
    from_column: str
    to_column: str
    inputs: tuple[FieldView, ...]
    values: tuple[tuple[str, str], ...]
    """Arguments of the new row."""
    line_values: tuple[tuple[str, str], ...]
    snapshots: tuple[tuple[str, Coded, str, str], ...]
    """Field of the new line, row it comes from, column of the line that leads there, attribute."""
    products: tuple[tuple[str, str, int, str, bool], ...]
    """Computed field of the new line, expression, scale, largest, whether decimal."""
    totals: tuple[tuple[str, str, int, str, bool, str], ...]
    """Sum on the new row: field, field of the line, scale, largest, whether decimal, zero."""
    stock: AdjustView | None
    closes: tuple[str, str] | None
    """Field and member of the source that say it is done."""
    order_by: str
    function: str
    deed: str

    @property
    def line_arguments(self) -> tuple[tuple[str, str], ...]:
        """Arguments of a new line."""
        return (*self.line_values, *((field, f"{row.name}.{name}") for field, row, _, name in self.snapshots))

    @property
    def snapshot_rows(self) -> tuple[tuple[Coded, str], ...]:
        """The rows that snapshots are taken from, each once, with the column of the line that leads there."""
        return tuple(dict.fromkeys((row, column) for _, row, column, _ in self.snapshots))

    @property
    def route(self) -> str:
        """Last segment of the path."""
        return self.name.replace("_", "-")

    @property
    def summary(self) -> str:
        """What is done, at the beginning of a sentence."""
        return self.deed[:1].upper() + self.deed[1:]


def verb_views(spec: Spec, entity: Entity) -> tuple[VerbView, ...]:
    """The transitions and operations of `entity`, in the order of the spec."""
    machine = spec.machine(entity.name)
    found = []
    if machine is not None:
        enum = assigned(spec, entity.name, machine.field).enum
        for step in machine.transitions:
            sources = tuple(f"{enum}.{state.upper()}" for state in step.from_)
            target = f"{enum}.{step.to.upper()}"
            found.append(_verb(spec, entity, step, (), machine.field, sources, target))
    for operation in (item for item in spec.operations if item.entity == entity.name):
        inputs = tuple(
            FieldView(item, coded(spec, entity.name).name, coded(spec, entity.name).cls)
            for item in operation.inputs
        )
        found.append(_verb(spec, entity, operation, inputs, "", (), ""))
    return tuple(found)


def _verb(
    spec: Spec,
    entity: Entity,
    part: Transition | Operation,
    inputs: tuple[FieldView, ...],
    field: str,
    sources: tuple[str, ...],
    target: str,
) -> VerbView:
    name, effects = part.name, part.effects
    step = part if isinstance(part, Transition) else None
    sets = tuple(
        (effect.field, _set_value(spec, entity.name, effect))
        for effect in effects
        if isinstance(effect, SetField)
    )
    adjusts = tuple(
        adjust_view(spec, entity.name, effect) for effect in effects if isinstance(effect, Adjust)
    )
    approvals = tuple(
        ApprovalView(
            rule.field,
            not entity.field(rule.field).required,
            literal_number(field_view(spec, entity.name, rule.field), rule.above),
            f"{rule.above:f}",
            tuple(f"Role.{role.upper()}" for role in rule.roles),
        )
        for rule in spec.rules
        if isinstance(rule, Approval) and rule.entity == entity.name and rule.transition == name
    )
    again = step is not None and any(
        isinstance(rule, NoOverlap | Capacity)
        and rule.entity == entity.name
        and step.to in rule.states
        and not set(step.from_) <= set(rule.states)
        for rule in spec.rules
    )
    code = coded(spec, entity.name)
    return VerbView(
        name,
        code.cls + words.pascal(name),
        inputs,
        field,
        sources,
        target,
        sets,
        adjusts,
        approvals,
        again,
        function_name(spec, name, code.name, entity_names(spec)),
        deed(name, code.words, part.title),
    )


def _set_value(spec: Spec, entity: str, effect: SetField) -> str:
    view = field_view(spec, entity, effect.field)
    if isinstance(effect.value, str) and effect.value.startswith("input."):
        return f"data.{effect.value.removeprefix('input.')}"
    if effect.value == "now":
        return "clock.now()"
    if effect.value == "today":
        return "clock.now().date()"
    return literal(view, effect.value)


def checkout_views(spec: Spec, entity: str) -> tuple[CheckoutView, ...]:
    """The checkouts of `entity`."""
    return tuple(_checkout(spec, item) for item in spec.checkouts if item.entity == entity)


def _checkout(spec: Spec, item: Checkout) -> CheckoutView:
    source, target = coded(spec, item.entity), coded(spec, item.to)
    from_relation = relation_to(spec, item.from_lines, item.entity)
    to_relation = relation_to(spec, item.to_lines, item.to)
    if from_relation is None or to_relation is None:
        raise InputError(
            f"the lines of the checkout {item.name!r} have no relation to what they are lines of"
        )
    inputs = tuple(field_view(spec, item.to, name) for name in item.inputs)
    values = _new_row(spec, item, inputs)
    relations = {relation.name for relation in spec.relations_from(item.to_lines)}
    copies = tuple(
        (f"{name}_id", f"line.{name}_id") if name in relations else (name, f"line.{name}")
        for name in item.line_copies
    )
    stock = None
    if item.stock is not None:
        stock = adjust_view(spec, item.from_lines, item.stock.model_copy(update={"lines": None}))
    snapshots = []
    for field, origin in item.snapshots.items():
        relation_name, _, attribute = origin.partition(".")
        relation = next((r for r in spec.relations_from(item.from_lines) if r.name == relation_name), None)
        if relation is None or not attribute:
            raise InputError(
                f"the checkout {item.name!r} takes {field!r} from {origin!r}, which is not there"
            )
        snapshots.append((field, coded(spec, relation.to), f"{relation.name}_id", attribute))
    known = {name for name, _ in copies} | {name for name, *_ in snapshots}
    rest = initial_values(spec, spec.entity(item.to_lines), known)
    lines = (*copies, *((name, value) for name, value in rest.items()))
    return CheckoutView(
        item.name,
        source.cls + words.pascal(item.name),
        source,
        target,
        coded(spec, item.from_lines),
        coded(spec, item.to_lines),
        f"{from_relation.name}_id",
        f"{to_relation.name}_id",
        inputs,
        values,
        lines,
        tuple(snapshots),
        _line_products(spec, item),
        _totals(spec, item),
        stock,
        _closing(spec, item),
        stock.column if stock else "created_at",
        function_name(spec, item.name, source.name, entity_names(spec)),
        deed(item.name, source.words, item.title),
    )


def _new_row(spec: Spec, item: Checkout, inputs: tuple[FieldView, ...]) -> tuple[tuple[str, str], ...]:
    to, origin = spec.entity(item.to), spec.entity(item.entity)
    values: list[tuple[str, str]] = []
    if owner_chain(spec, to) == ():
        values.append(
            ("owner_id", "row.owner_id" if origin.ownership is Ownership.USER else "access.user_id")
        )
    relations = {relation.name: relation for relation in spec.relations_from(item.to)}
    for name, relation in relations.items():
        if name in item.copies:
            values.append((f"{name}_id", f"row.{name}_id"))
        elif relation.to == item.entity:
            values.append((f"{name}_id", "row.id"))
        elif relation.required and relation.cardinality is not Cardinality.MANY_TO_MANY:
            raise InputError(f"the checkout {item.name!r} does not say where {item.to}.{name} comes from")
    values += [(name, f"row.{name}") for name in item.copies if name not in relations]
    values += [(field.name, f"data.{field.name}") for field in inputs]
    rest = initial_values(spec, to, {name for name, _ in values})
    return (*values, *rest.items())


def _line_products(spec: Spec, item: Checkout) -> tuple[tuple[str, str, int, str, bool], ...]:
    found = []
    for rule in spec.rules:
        if rule.kind == "product" and rule.entity == item.to_lines:
            shape = assigned(spec, rule.entity, rule.field)
            expression = " * ".join(f"new_line.{name}" for name in rule.factors)
            found.append((rule.field, expression, shape.scale, shape.largest, shape.decimal))
    return tuple(found)


def _totals(spec: Spec, item: Checkout) -> tuple[tuple[str, str, int, str, bool, str], ...]:
    found = []
    for rule in spec.rules:
        if rule.kind == "total" and (rule.entity, rule.lines) == (item.to, item.to_lines):
            shape = assigned(spec, rule.entity, rule.field)
            found.append((rule.field, rule.line_field, shape.scale, shape.largest, shape.decimal, shape.zero))
    return tuple(found)


def _closing(spec: Spec, item: Checkout) -> tuple[str, str] | None:
    if item.closes is None:
        return None
    view = field_view(spec, item.entity, item.closes.field)
    return item.closes.field, _set_value(spec, item.entity, item.closes) if not view.is_enum else (
        f"{view.enum_class}.{str(item.closes.value).upper()}"
    )
