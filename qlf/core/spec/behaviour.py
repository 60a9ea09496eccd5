"""What the application does beyond storing: state machines, operations and rules."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import Field as F
from pydantic import model_validator

from qlf.core.spec.base import Element, Name, Number, Text, Title, Word
from qlf.core.spec.data import Field

__all__ = [
    "Adjust",
    "Approval",
    "Capacity",
    "Checkout",
    "Effect",
    "NoOverlap",
    "Operation",
    "Ordered",
    "OtherRule",
    "Product",
    "Rule",
    "Screening",
    "SetField",
    "StateMachine",
    "Total",
    "Transition",
    "UniqueTogether",
]


class SetField(Element):
    """Effect: write one field of the row."""

    kind: Literal["set"] = "set"
    field: Name
    value: bool | int | str
    """A literal of the field's type, `now`, `today`, or `input.<name>` for an input of the operation."""


class Adjust(Element):
    """Effect: change a number on a related row, without ever passing the floor, safe under concurrency."""

    kind: Literal["adjust"] = "adjust"
    lines: Name | None = None
    """Inverse relation over whose rows the change is made; the row itself when absent."""
    through: Name
    """Relation that leads to the row with the number."""
    field: Name
    by: Name
    """The field that holds the amount."""
    sign: Literal[-1, 1] = -1
    floor: Number = Decimal(0)


Effect = Annotated[SetField | Adjust, F(discriminator="kind")]


class Transition(Element):
    """A named step of a state machine; becomes `POST /<plural>/{id}/<name>`."""

    name: Word
    from_: Annotated[tuple[Word, ...], F(alias="from", min_length=1)]
    to: Word
    title: Title | None = None
    effects: tuple[Effect, ...] = ()


class StateMachine(Element):
    """The life of an entity's rows. The field is an enum of the states, read-only to requests."""

    entity: Name
    field: Name = "status"
    initial: Word
    states: Annotated[tuple[Word, ...], F(min_length=2)]
    transitions: Annotated[tuple[Transition, ...], F(min_length=1)]

    @model_validator(mode="after")
    def _closed(self) -> Self:
        known = set(self.states)
        named = {
            self.initial,
            *(t.to for t in self.transitions),
            *(s for t in self.transitions for s in t.from_),
        }
        if len(known) != len(self.states):
            raise ValueError(f"the states of {self.entity!r} hold a name twice")
        if named - known:
            raise ValueError(
                f"the state {min(named - known)!r} of {self.entity!r} is not listed in its states"
            )
        names = [t.name for t in self.transitions]
        if len(set(names)) != len(names):
            raise ValueError(f"the transitions of {self.entity!r} hold a name twice")
        return self


class Operation(Element):
    """Something that can be done to one row beyond the five basic actions."""

    name: Word
    entity: Name
    title: Title | None = None
    description: Text = ""
    inputs: tuple[Field, ...] = ()
    effects: Annotated[tuple[Effect, ...], F(min_length=1)]


class Checkout(Element):
    """Operation: turn a row with lines into a new row with lines, in one transaction."""

    name: Word
    entity: Name
    """The row that is turned, such as `cart`."""
    title: Title | None = None
    description: Text = ""
    to: Name
    """The entity of the new row, such as `order`."""
    copies: tuple[Name, ...] = ()
    """Relations and fields of the same name on both that are carried over."""
    from_lines: Name
    """Line entity of the source, such as `cart_item`."""
    to_lines: Name
    """Line entity of the new row, such as `order_item`."""
    line_copies: Annotated[tuple[Name, ...], F(min_length=1)]
    """Relations and fields carried over from line to line."""
    snapshots: dict[Name, str] = F(default_factory=dict)
    """Field of the new line <- `relation.field` at this moment, such as `unit_price: product.price`."""
    inputs: tuple[Name, ...] = ()
    """Fields of the new row that the request gives."""
    stock: Adjust | None = None
    """Number taken from a related row for each line; the whole operation fails when one is too low."""
    closes: SetField | None = None
    """What is written on the source row; without it the source's lines are removed."""


class _Rule(Element):
    name: Name
    entity: Name
    text: Text = ""
    """The rule in the brief's words, for messages and documents."""


class UniqueTogether(_Rule):
    """No two rows agree in all of these fields or relations."""

    kind: Literal["unique_together"] = "unique_together"
    of: Annotated[tuple[Name, ...], F(min_length=2)]


class Ordered(_Rule):
    """One field is never after another."""

    kind: Literal["ordered"] = "ordered"
    first: Name
    last: Name
    strict: bool = False


class Product(_Rule):
    """A read-only field is the product of others of the same row: `line_total = quantity * unit_price`."""

    kind: Literal["product"] = "product"
    field: Name
    factors: Annotated[tuple[Name, ...], F(min_length=2)]


class Total(_Rule):
    """A read-only field is the sum of a field over the rows that belong to this one."""

    kind: Literal["total"] = "total"
    field: Name
    lines: Name
    """The entity of the rows that are summed; it has a relation to this entity."""
    line_field: Name


class NoOverlap(_Rule):
    """No two rows for the same thing share a moment in time."""

    kind: Literal["no_overlap"] = "no_overlap"
    per: Name
    """Relation that leads to the thing, such as `item`."""
    start: Name
    end: Name
    """Field with the end; half-open, so that one may start when the other ends."""
    states: tuple[Word, ...] = ()
    """Only rows in these states count; all rows when empty."""


class Capacity(_Rule):
    """At most so many rows per related row."""

    kind: Literal["capacity"] = "capacity"
    per: Name
    limit: Annotated[int, F(ge=1)] | None = None
    limit_field: Name | None = None
    """Field of the related row that holds the limit, instead of a number."""
    states: tuple[Word, ...] = ()

    @model_validator(mode="after")
    def _one_limit(self) -> Self:
        if (self.limit is None) == (self.limit_field is None):
            raise ValueError(f"rule {self.name!r}: say either limit or limit_field")
        return self


class Approval(_Rule):
    """Above a threshold, a transition needs one of these roles."""

    kind: Literal["approval"] = "approval"
    field: Name
    above: Number
    transition: Word
    roles: Annotated[tuple[Name, ...], F(min_length=1)]


class Screening(_Rule):
    """New rows are checked against rules kept as data; a hit holds the row and raises an alert."""

    kind: Literal["screening"] = "screening"
    rules: Name
    """Entity of the rules: `metric`, `threshold`, `window_minutes`, `is_active`."""
    alerts: Name
    """Entity of the alerts; it has relations to the row and to the rule."""
    amount: Name
    """Field that holds the amount."""
    group: Name
    """Relation over which velocity is counted, such as `card`."""
    held_state: Word
    """State that the row starts in when a rule fires."""
    stops: tuple[Word, ...] | None = None
    """States of an alert that leave its row only steps to an end; by default `confirmed`, if there is one."""


class OtherRule(_Rule):
    """A rule that was understood as text only. The plan says that nothing enforces it yet."""

    kind: Literal["other"] = "other"


Rule = Annotated[
    UniqueTogether | Ordered | Product | Total | NoOverlap | Capacity | Approval | Screening | OtherRule,
    F(discriminator="kind"),
]
