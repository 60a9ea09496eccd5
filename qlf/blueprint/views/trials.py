"""What the tests of rules, transitions, operations and checkouts need to know."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property

from qlf.blueprint.views.access import rights
from qlf.blueprint.views.adjusting import AdjustView
from qlf.blueprint.views.behaviour import BehaviourView, ProductView, TotalView, behaviour
from qlf.blueprint.views.coding import Coded, owner_expression
from qlf.blueprint.views.effects import Effects
from qlf.blueprint.views.entity import EntityView
from qlf.blueprint.views.field import FieldView
from qlf.blueprint.views.relation import RelationView
from qlf.blueprint.views.screening import ScreeningView
from qlf.blueprint.views.values import json_value, number
from qlf.blueprint.views.verbs import CheckoutView, VerbView
from qlf.core.spec import Approval, Capacity, NoOverlap, Ordered, Product

__all__ = ["AdjustTest", "Trials"]

_MOST = 200
"""Rows that a test of a capacity stores at most."""


@dataclass(frozen=True, slots=True)
class AdjustTest:
    """An effect on another row, with numbers to try it."""

    view: AdjustView
    target: Coded
    start: str
    amount: str
    after: str
    short: str
    """A start from which it cannot be done."""
    once: str
    """A start from which it can be done once."""


@dataclass(frozen=True, slots=True)
class ApprovalTest:
    """Who may do it with which amount."""

    field: str
    cases: tuple[tuple[str, str, int], ...]


@dataclass(frozen=True, slots=True)
class CheckoutTest:
    """A checkout with numbers to try it."""

    add_line: str
    send: str
    inputs: tuple[tuple[str, str], ...]
    copies: tuple[tuple[str, str], ...]
    target_read: bool
    target_route: str
    start: str
    after: str
    short: str
    once: str
    amount: str


@dataclass(frozen=True, slots=True)
class ScreeningTest:
    """A screening with numbers to try it."""

    threshold: str
    threshold_amount: str
    above: str
    held: str
    two: str
    window: int
    velocity: bool
    group_argument: str
    group_words: str
    several_groups: bool
    """Whether two new rows are of different groups."""


@dataclass(frozen=True, slots=True)
class ComputedTest:
    """A product and the expression over the answer that it must equal."""

    field: str
    check: str
    decimal: bool
    scale: int


class Trials(Effects):
    """The part of the test view about behaviour."""

    @cached_property
    def does(self) -> BehaviourView:
        """The behaviour under test."""
        return behaviour(self.entity.app, self.entity.spec)

    @property
    def names(self) -> frozenset[str]:
        """Names in the form of a new row."""
        relations = {relation.column for relation in self.entity.given_relations}
        return frozenset(relations | {field.name for field in self.entity.given_fields})

    def view_of(self, name: str) -> EntityView:
        """The view of the entity that the code calls `name`."""
        return next(item for item in self.app.entities if item.name == name)

    def target_owned(self, relation: RelationView) -> bool:
        """Whether the other row belongs to an account."""
        return owner_expression(self.entity.app, self.entity.app.entity(relation.spec.to)) is not None

    def owner_of(self, target: Coded) -> str:
        """Argument that gives a row of `target` to the actor, where it can be owned."""
        return ", owner_id=actor.id" if owner_expression(self.entity.app, target.entity) else ""

    def guards(self, relation: RelationView, action: str) -> bool:
        """Whether the role with own rows may only refer to its own rows."""
        target = self.entity.app.entity(relation.spec.to)
        role = self.entity.rights.owner_role(action)
        if target.account or role is None or not self.target_owned(relation):
            return False
        held = rights(self.entity.app, target)
        return held.scope(role, "read") != "all" and not held.is_public("read")

    # Rules

    def swappable(self, rule: Ordered) -> bool:
        """Whether the two fields can be given in the wrong order."""
        first, last = self.entity.field(rule.first), self.entity.field(rule.last)
        return {rule.first, rule.last} <= self.names and first.spec.type is last.spec.type

    def settable(self, rule: NoOverlap) -> bool:
        """Whether requests decide about the times, and new rows count."""
        machine = self.entity.machine
        counts = not rule.states or (machine is not None and machine.initial in rule.states)
        return counts and {f"{rule.per}_id", rule.start, rule.end} <= self.names

    def by_state(self, rule: NoOverlap | Capacity) -> tuple[tuple[str, bool], ...]:
        """Each state, and whether a row in it counts."""
        machine = self.entity.machine
        return tuple((state, state in rule.states) for state in (machine.states if machine else ()))

    def per_argument(self, relation: RelationView) -> str:
        """Argument for a relation that a payload would leave out."""
        if relation.required:
            return ""
        if self.entity.app.entity(relation.spec.to).account:
            return f", {relation.column}=add_owner(session)"
        owner = ", owner_id=actor.id" if self.does.owned and self.target_owned(relation) else ""
        return f", {relation.column}=add_{relation.target_name}(session{owner}).id"

    def limit(self, rule: Capacity) -> int | None:
        """How many rows fill a place under test; none where a test would have to store too many."""
        machine = self.entity.machine
        if rule.states and (machine is None or machine.initial not in rule.states):
            return None
        if f"{rule.per}_id" not in self.names:
            return None
        fixed: int | None = rule.limit
        if fixed is not None:
            return fixed if fixed <= _MOST else None
        field = self._limit_field(rule)
        wanted = max(int(field.minimum), 2)
        return wanted if wanted <= min(_MOST, int(field.maximum)) else None

    def _limit_field(self, rule: Capacity) -> FieldView:
        relation = self.entity.relation(rule.per)
        return self.view_of(relation.target_name).field(rule.limit_field or "")

    def place_arguments(self, rule: Capacity, mine: str) -> str:
        """Arguments of the place."""
        relation = self.entity.relation(rule.per)
        owner = mine if self.target_owned(relation) else ""
        return owner + (f", {rule.limit_field}={self.limit(rule)}" if rule.limit_field else "")

    def counted_argument(self, rule: Capacity) -> str:
        """Argument that makes a row count."""
        machine = self.entity.machine
        if not rule.states or machine is None or machine.initial in rule.states:
            return ""
        return f", {machine.field}={self.does.state_class}.{rule.states[0].upper()}"

    @property
    def products(self) -> tuple[ComputedTest, ...]:
        """Computed fields."""
        return tuple(self._product(view) for view in self.does.products)

    def _product(self, view: ProductView) -> ComputedTest:
        rule = next(
            r
            for r in self.entity.app.rules
            if isinstance(r, Product) and (r.entity, r.field) == (self.entity.spec.name, view.field)
        )
        kind = "Decimal(str(body[{!r}] or 0))" if view.decimal else "(body[{!r}] or 0)"
        check = " * ".join(kind.format(name) for name in rule.factors).replace("'", '"')
        return ComputedTest(view.field, check, view.decimal, view.scale)

    @property
    def totals(self) -> tuple[TotalView, ...]:
        """Sums that requests can change."""
        return tuple(total for total in self.does.totals if total.column in self.names)

    def alert_class(self, view: ScreeningView) -> str:
        """The enumeration of the states of an alert."""
        return view.stopping[0].split(".")[0]

    def alert_states(self, view: ScreeningView) -> tuple[tuple[str, bool], ...]:
        """Each state of an alert, and whether it stops the row."""
        states = self.view_of(view.alert.name).field(view.alert_state).choices
        members = (f"{self.alert_class(view)}.{name}" for name, _ in states)
        return tuple((member, member in view.stopping) for member in members)

    def screening(self, view: ScreeningView) -> ScreeningTest:
        """The numbers for a screening."""
        rule = self.view_of(view.rule.name)
        amount, threshold = self.entity.field(view.amount), rule.field("threshold")
        low = max(amount.minimum, threshold.minimum, Decimal(10))
        window = max(rule.field("window_minutes").minimum, Decimal(1))
        relation = next((r for r in self.entity.keys if r.column == view.group), None)
        return ScreeningTest(
            number(threshold, low),
            number(amount, low),
            number(amount, low + 1),
            view.held.split(".")[1].lower(),
            number(threshold, Decimal(2)),
            int(window),
            view.group in self.names and threshold.minimum <= 2 and window <= 5,
            self.per_argument(relation) if relation is not None else "",
            relation.name if relation is not None else view.group,
            relation is not None and not relation.unique,
        )

    # Verbs

    def others(self, verb: VerbView) -> tuple[str, ...]:
        """States that a transition cannot start from."""
        machine = self.entity.machine
        if machine is None:
            return ()
        states = (f"{self.does.state_class}.{state.upper()}" for state in machine.states)
        return tuple(state for state in states if state not in verb.source_states)

    def from_state(self, verb: VerbView) -> str:
        """Argument that puts a row where the transition can start."""
        return f", {verb.machine_field}={verb.source_states[0]}" if verb.source_states else ""

    def value_of_state(self, member: str) -> str:
        """The state that a member of the enumeration stands for."""
        return member.split(".")[1].lower()

    def calm(self, verb: VerbView) -> str:
        """Arguments that keep a row under the thresholds of approvals."""
        found = ""
        for approval in verb.approvals:
            field = self.entity.field(approval.field)
            low = max(field.minimum, min(Decimal(1), field.maximum, Decimal(approval.plain)))
            found += f", {approval.field}={number(field, low)}"
        return found

    def adjust_tests(self, verb: VerbView) -> tuple[AdjustTest, ...]:
        """The effects of a verb on other rows."""
        return tuple(self._adjust(view, self.entity) for view in verb.adjusts)

    def adjust_arguments(self, verb: VerbView) -> str:
        """Arguments that lead a row to the rows its effects change."""
        found = ""
        for index, effect in enumerate(self.adjust_tests(verb), 1):
            if effect.view.line is None:
                found += f", {effect.view.column}=target_{index}.id, {effect.view.by}={effect.amount}"
        return found

    def _adjust(self, view: AdjustView, entity: EntityView) -> AdjustTest:
        holder = self.view_of(view.line.name) if view.line else entity
        target = self.view_of(view.target.name)
        field, by = target.field(view.field), holder.field(view.by)
        amount = max(by.minimum, Decimal(1))
        floor = max(field.minimum, Decimal(re.sub(r"[^0-9.-]", "", view.floor)))
        start = min(floor + 3 * amount, field.maximum)
        after = start - amount if view.sign else start + amount
        return AdjustTest(
            view,
            view.target,
            number(field, start),
            number(by, amount),
            number(field, after),
            number(field, floor),
            number(field, floor + amount),
        )

    def approvals(self, verb: VerbView) -> tuple[ApprovalTest, ...]:
        """The thresholds of a transition, where both sides can be tried."""
        if verb.adjusts:
            return ()
        found = []
        held = self.entity.rights.by_role
        for rule in self.entity.app.rules:
            if not isinstance(rule, Approval) or (rule.entity, rule.transition) != (
                self.entity.spec.name,
                verb.name,
            ):
                continue
            field = self.entity.field(rule.field)
            doers = [role for role, actions in held.items() if verb.name in actions]
            low = [role for role in doers if role not in rule.roles]
            high = [role for role in doers if role in rule.roles]
            over, at = number(field, rule.above + 1), number(field, rule.above)
            if not field.minimum <= rule.above < rule.above + 1 <= field.maximum:
                continue
            cases = [(f"Role.{role.upper()}", over, 403) for role in low[:1]]
            cases += [(f"Role.{role.upper()}", at, 200) for role in low[:1]]
            cases += [(f"Role.{role.upper()}", over, 200) for role in high[:1]]
            found.append(ApprovalTest(rule.field, tuple(cases)))
        return tuple(found)

    def input_json(self, verb: VerbView | CheckoutView) -> str:
        """The body of a request with valid inputs."""
        pairs = (f'"{field.name}": {json_value(field)}' for field in verb.inputs)
        return "{" + ", ".join(pairs) + "}"

    def source_owned(self, view: CheckoutView) -> bool:
        """Whether what is checked out belongs to an account."""
        return owner_expression(self.entity.app, view.source.entity) is not None

    def checkout(self, view: CheckoutView) -> CheckoutTest:
        """The numbers for a checkout."""
        line = self.view_of(view.from_line.name)
        target = self.view_of(view.target.name)
        arguments = f"{view.from_column}=row.id"
        effect = self._adjust(view.stock, line) if view.stock else None
        if effect is not None:
            start = f"{self.owner_of(effect.target)}, {effect.view.field}={effect.start}"
            stocked = f"add_{effect.target.name}(session{start}).id"
            arguments += f", {effect.view.column}={stocked}, {effect.view.by}={effect.amount}"
        return CheckoutTest(
            f"add_{line.name}(session, {arguments})",
            f", json={self.input_json(view)}" if view.inputs else "",
            tuple((field.name, json_value(field)) for field in view.inputs),
            tuple((n, v.removeprefix("line.")) for n, v in view.line_values if v.startswith("line.")),
            target.rights.can("read"),
            target.route,
            effect.start if effect else "",
            effect.after if effect else "",
            effect.short if effect else "",
            effect.once if effect else "",
            effect.amount if effect else "",
        )
