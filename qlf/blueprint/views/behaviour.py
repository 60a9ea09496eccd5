"""What the service of an entity does beyond storing rows: references, rules, and verbs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from qlf.blueprint.views.access import RightsView, is_fixed, rights
from qlf.blueprint.views.coding import Coded, coded, owner_chain, owner_expression, relation_to
from qlf.blueprint.views.initial import assigned, initial_values
from qlf.blueprint.views.screening import ScreeningView, screening_view
from qlf.blueprint.views.verbs import CheckoutView, VerbView, checkout_views, verb_views
from qlf.core.spec import (
    Capacity,
    Cardinality,
    Entity,
    NoOverlap,
    Ordered,
    Product,
    Relation,
    Screening,
    Spec,
    Total,
)

__all__ = ["BehaviourView", "ReferenceView", "TotalView", "all_verbs", "behaviour", "refers_to_owned"]

_HOLDING = (NoOverlap, Capacity)


@dataclass(frozen=True, slots=True)
class ReferenceView:
    """A relation that a request gives, as it is checked before the row is stored."""

    column: str
    target: Coded
    required: bool
    locks: bool
    """Whether rules about the other row make everybody wait for it."""
    owner: str | None
    """Expression of the other row's owner, where it has one."""
    fixed: bool
    """Whether it never changes."""
    reading: bool
    """Whether the policy has a right to read the other row."""


@dataclass(frozen=True, slots=True)
class TotalView:
    """A sum that changes with the rows of this entity."""

    field: str
    whole: Coded
    column: str
    line_field: str
    zero: str
    decimal: bool
    scale: int
    largest: str


@dataclass(frozen=True, slots=True)
class ProductView:
    """A field that is computed from others of the same row."""

    field: str
    expression: str
    decimal: bool
    scale: int
    largest: str


class BehaviourView:
    """The behaviour of one entity."""

    def __init__(self, spec: Spec, entity: Entity) -> None:
        self.spec = spec
        self.entity = entity
        self.code = coded(spec, entity.name)

    @cached_property
    def rights(self) -> RightsView:
        """Who may do what."""
        return rights(self.spec, self.entity)

    @cached_property
    def owner(self) -> str | None:
        """Expression of the account that a row belongs to."""
        return owner_expression(self.spec, self.entity)

    @property
    def owned(self) -> bool:
        """Whether rows belong to an account."""
        return self.owner is not None

    @property
    def owner_words(self) -> str:
        """Through what the owner is found, for the comment of the expression."""
        chain = owner_chain(self.spec, self.entity) or ()
        return f": that of its {chain[0].replace('_', ' ')}" if len(chain) else ""

    @property
    def keeps_owner(self) -> bool:
        """Whether the row itself names its owner."""
        return owner_chain(self.spec, self.entity) == ()

    @cached_property
    def references(self) -> tuple[ReferenceView, ...]:
        """The relations that requests give, in the order of the spec."""
        return tuple(
            self._reference(relation)
            for relation in self.spec.relations_from(self.entity.name)
            if relation.cardinality is not Cardinality.MANY_TO_MANY and not relation.read_only
        )

    @property
    def many(self) -> tuple[Relation, ...]:
        """The many-to-many relations that requests give."""
        return tuple(
            relation
            for relation in self.spec.relations_from(self.entity.name)
            if relation.cardinality is Cardinality.MANY_TO_MANY and not relation.read_only
        )

    def takes_access(self, action: str) -> bool:
        """Whether the service has to know who asks, beyond the right to ask at all."""
        if self.owned:
            return True
        if action == "create" and self._authors:
            return True
        if action in ("create", "update"):
            return self._guarded
        return any(verb.name == action and verb.approvals for verb in self.verbs)

    @property
    def _authors(self) -> tuple[str, ...]:
        """Required relations to the account that no request gives: they name who made the row."""
        return tuple(
            relation.name
            for relation in self.spec.relations_from(self.entity.name)
            if relation.read_only and relation.required and self.spec.entity(relation.to).account
        )

    @property
    def _guarded(self) -> bool:
        return any(reference.owner is not None for reference in self.references)

    @property
    def checks_need_access(self) -> bool:
        """Whether `_check` takes the caller's right."""
        return self._guarded

    @cached_property
    def ordered(self) -> tuple[Ordered, ...]:
        """Pairs of fields that keep an order."""
        return tuple(r for r in self.spec.rules if isinstance(r, Ordered) and r.entity == self.entity.name)

    @cached_property
    def overlaps(self) -> tuple[NoOverlap, ...]:
        """Rules about times that no two rows share."""
        return tuple(r for r in self.spec.rules if isinstance(r, NoOverlap) and r.entity == self.entity.name)

    @cached_property
    def capacities(self) -> tuple[Capacity, ...]:
        """Rules about how many rows there may be."""
        return tuple(r for r in self.spec.rules if isinstance(r, Capacity) and r.entity == self.entity.name)

    @property
    def checked(self) -> tuple[Ordered | NoOverlap | Capacity, ...]:
        """All rules that are checked before a row is stored, in the order of the spec."""
        kinds = (Ordered, NoOverlap, Capacity)
        return tuple(r for r in self.spec.rules if isinstance(r, kinds) and r.entity == self.entity.name)

    @cached_property
    def products(self) -> tuple[ProductView, ...]:
        """Computed fields of the row."""
        return tuple(
            product_view(self.spec, rule)
            for rule in self.spec.rules
            if isinstance(rule, Product) and rule.entity == self.entity.name
        )

    @cached_property
    def totals(self) -> tuple[TotalView, ...]:
        """Sums on other rows that these rows are part of."""
        found = []
        for rule in self.spec.rules:
            if isinstance(rule, Total) and rule.lines == self.entity.name:
                relation = relation_to(self.spec, rule.lines, rule.entity)
                if relation is None:
                    continue
                shape = assigned(self.spec, rule.entity, rule.field)
                found.append(
                    TotalView(
                        rule.field,
                        coded(self.spec, rule.entity),
                        f"{relation.name}_id",
                        rule.line_field,
                        shape.zero,
                        shape.decimal,
                        shape.scale,
                        shape.largest,
                    )
                )
        return tuple(found)

    @cached_property
    def screenings(self) -> tuple[Screening, ...]:
        """Checks of new rows against rules kept as data."""
        return tuple(r for r in self.spec.rules if isinstance(r, Screening) and r.entity == self.entity.name)

    @cached_property
    def screening_views(self) -> tuple[ScreeningView, ...]:
        """The same, with the names that the code uses."""
        return tuple(screening_view(self.spec, rule) for rule in self.screenings)

    def stopping(self, verb: VerbView) -> tuple[ScreeningView, ...]:
        """The screenings whose alerts can stop a transition."""
        return tuple(view for view in self.screening_views if verb.name in view.stopped)

    @property
    def writes(self) -> bool:
        """Whether requests make, change or remove rows."""
        return any(self.rights.can(action) for action in ("create", "update", "delete"))

    def limit_required(self, rule: Capacity) -> bool:
        """Whether the other row always says how many there may be."""
        relation = next(r for r in self.spec.relations_from(self.entity.name) if r.name == rule.per)
        return self.spec.entity(relation.to).field(rule.limit_field or "").required

    @property
    def closing(self) -> tuple[CheckoutView, ...]:
        """Checkouts that read these rows as lines: afterwards the lines stay as they are."""
        return tuple(
            view
            for checkout in self.spec.checkouts
            if checkout.from_lines == self.entity.name and checkout.closes is not None
            for view in checkout_views(self.spec, checkout.entity)
            if view.name == checkout.name
        )

    @property
    def has_checks(self) -> bool:
        """Whether there is a `_check`."""
        return bool(self.references or self.checked or self.products or self.closing)

    @property
    def checks_need_session(self) -> bool:
        """Whether `_check` looks at other rows."""
        others = any(rule.kind != "ordered" for rule in self.checked)
        return bool(self.references or self.closing or others)

    @cached_property
    def verbs(self) -> tuple[VerbView, ...]:
        """Transitions and operations that somebody may do."""
        return tuple(verb for verb in verb_views(self.spec, self.entity) if self.rights.can(verb.name))

    @cached_property
    def checkouts(self) -> tuple[CheckoutView, ...]:
        """Checkouts that somebody may do."""
        return tuple(
            view for view in checkout_views(self.spec, self.entity.name) if self.rights.can(view.name)
        )

    @property
    def initial(self) -> tuple[str, ...]:
        """Arguments of a new row that no request gives, `name=expression`."""
        given = {field.name for field in self.entity.fields if not field.read_only}
        values = initial_values(self.spec, self.entity, given)
        owner = ("owner_id=access.user_id",) if self.keeps_owner else ()
        author = (f"{name}_id=access.user_id" for name in self._authors)
        return (*owner, *author, *(f"{name}={value}" for name, value in values.items()))

    @property
    def state_field(self) -> str:
        """The field of the state machine."""
        machine = self.spec.machine(self.entity.name)
        return machine.field if machine else "status"

    @property
    def state_class(self) -> str:
        """The enumeration of the states."""
        return assigned(self.spec, self.entity.name, self.state_field).enum

    @property
    def models(self) -> tuple[str, ...]:
        """Entities whose models the service may name."""
        return tuple(entity.name for entity in self.spec.entities if not entity.account)

    def _reference(self, relation: Relation) -> ReferenceView:
        target = self.spec.entity(relation.to)
        owner = None if target.account else owner_expression(self.spec, target)
        held = {
            *(rule.per for rule in self.overlaps),
            *(rule.per for rule in self.capacities),
            *(rule.group for rule in self.screenings),
        }
        return ReferenceView(
            f"{relation.name}_id",
            coded(self.spec, relation.to),
            relation.required,
            relation.name in held,
            owner,
            is_fixed(self.spec, self.entity, relation.name),
            bool(not target.account and rights(self.spec, target).actions),
        )


def product_view(spec: Spec, rule: Product) -> ProductView:
    """The view of a rule that multiplies."""
    entity = spec.entity(rule.entity)
    shape = assigned(spec, rule.entity, rule.field)
    factors = [
        f"row.{name}" if entity.field(name).required else f"(row.{name} or 0)" for name in rule.factors
    ]
    return ProductView(rule.field, " * ".join(factors), shape.decimal, shape.scale, shape.largest)


def behaviour(spec: Spec, entity: Entity) -> BehaviourView:
    """The behaviour of `entity`."""
    return BehaviourView(spec, entity)


def all_verbs(spec: Spec) -> tuple[str, ...]:
    """Names of everything beyond the basic actions that somebody may do, each once."""
    found = (verb for entity in spec.entities if not entity.account for verb in rights(spec, entity).verbs)
    return tuple(dict.fromkeys(found))


def refers_to_owned(spec: Spec) -> bool:
    """Whether some request can name a row that belongs to an account."""
    views = (behaviour(spec, entity) for entity in spec.entities if not entity.account)
    return any(
        reference.owner and reference.reading
        for view in views
        if view.rights.can("create") or view.rights.can("update")
        for reference in view.references
    )
