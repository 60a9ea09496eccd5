"""What the schemas and routes of an entity need beyond its fields: forms of verbs, imports, rights."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from qlf.blueprint.views.behaviour import BehaviourView, behaviour
from qlf.blueprint.views.coding import Coded
from qlf.blueprint.views.entity import EntityView
from qlf.blueprint.views.field import FieldView
from qlf.blueprint.views.names import alias_name
from qlf.blueprint.views.verbs import CheckoutView, VerbView

__all__ = ["FormView", "FormsView", "RouteView", "forms"]

_ORDER = ("list", "create", "read", "update", "delete")


@dataclass(frozen=True, slots=True)
class FormView:
    """The inputs of a verb."""

    cls: str
    doc: str
    fields: tuple[FieldView, ...]


@dataclass(frozen=True, slots=True)
class RouteView:
    """The route of a verb."""

    name: str
    function: str
    summary: str
    form: str | None
    makes: Coded | None
    """The entity of the row that it makes; `None` where it changes the row itself."""
    located: bool
    """Whether the answer says where the new row can be read."""


class FormsView:
    """The schemas and routes of one entity."""

    def __init__(self, entity: EntityView) -> None:
        self.entity = entity

    @cached_property
    def does(self) -> BehaviourView:
        """What the service does."""
        return behaviour(self.entity.app, self.entity.spec)

    @cached_property
    def verbs(self) -> tuple[VerbView | CheckoutView, ...]:
        """Transitions, operations and checkouts, in the order of the policy."""
        found: dict[str, VerbView | CheckoutView] = {verb.name: verb for verb in self.does.verbs}
        found |= {checkout.name: checkout for checkout in self.does.checkouts}
        return tuple(found[name] for name in self.entity.rights.verbs if name in found)

    @cached_property
    def forms(self) -> tuple[FormView, ...]:
        """The forms of the verbs that take inputs."""
        taken = {field.alias for field in self.entity.aliases if field.alias}
        known = {field.alias_type: field.alias for field in self.entity.aliases}
        return tuple(
            FormView(
                verb.cls,
                f"What it takes to {verb.deed}.",
                tuple(self._named(field, taken, known) for field in verb.inputs),
            )
            for verb in self.verbs
            if verb.inputs
        )

    def _named(self, field: FieldView, taken: set[str], known: dict[str, str | None]) -> FieldView:
        if not field.needs_alias:
            return replace(field, alias=None, qualified=self.entity.qualified)
        alias = known.get(field.alias_type) or alias_name(field.name, self.entity.cls, taken)
        known[field.alias_type] = alias
        return replace(field, alias=alias, qualified=self.entity.qualified)

    @property
    def aliases(self) -> tuple[FieldView, ...]:
        """Every type with a name of its own, each once."""
        found = {field.alias: field for field in self.entity.aliases}
        for form in self.forms:
            for field in form.fields:
                if field.alias:
                    found.setdefault(field.alias, field)
        return tuple(found.values())

    @property
    def enums(self) -> tuple[tuple[str, str], ...]:
        """Module and class of the enumerations that the forms name."""
        own = [(self.entity.module, field.enum_class) for field in self.entity.enums]
        return (*own, *((f.entity, f.enum_class) for form in self.forms for f in form.fields if f.is_enum))

    @property
    def new_enums(self) -> tuple[FieldView, ...]:
        """Enumerations that no field of the entity has: inputs of operations."""
        known = {field.enum_class for field in self.entity.enums}
        found = {
            field.enum_class: field
            for form in self.forms
            for field in form.fields
            if field.is_enum and field.entity == self.entity.name and field.enum_class not in known
        }
        return tuple(found.values())

    @property
    def readable(self) -> bool:
        """Whether some answer shows a row."""
        return bool(set(self.entity.actions) - {"delete"}) or any(
            item.to == self.entity.spec.name for item in self.entity.app.checkouts
        )

    @cached_property
    def routes(self) -> tuple[RouteView, ...]:
        """The routes of the verbs."""
        return tuple(self._route(verb) for verb in self.verbs)

    def _route(self, verb: VerbView | CheckoutView) -> RouteView:
        makes = verb.target if isinstance(verb, CheckoutView) else None
        located = makes is not None and behaviour(self.entity.app, makes.entity).rights.can("read")
        form = verb.cls if verb.inputs else None
        return RouteView(verb.name, verb.function, verb.summary, form, makes, located)

    @property
    def actions(self) -> tuple[str, ...]:
        """The actions in the order of their routes."""
        basic = tuple(action for action in _ORDER if action in self.entity.actions)
        return basic + tuple(verb.name for verb in self.verbs)

    @property
    def accesses(self) -> tuple[str, ...]:
        """The actions whose service has to know who asks."""
        return tuple(action for action in self.actions if self.does.takes_access(action))

    @property
    def imports(self) -> tuple[str, ...]:
        """Import statements of the routes that differ from entity to entity."""
        return tuple(sorted(set(self._imports())))

    def _imports(self) -> Iterator[str]:
        cls, module = self.entity.cls, self.entity.module
        yield f"from app.models.{module} import {cls}"
        names = [f"{cls}Create", f"{cls}Filter", f"{cls}Page", f"{cls}Read", f"{cls}Update"]
        names += [form.cls for form in self.forms]
        yield f"from app.schemas.{module} import {', '.join(names)}"
        for made in (route.makes for route in self.routes if route.makes is not None):
            yield f"from app.models.{made.name} import {made.cls}"
            yield f"from app.schemas.{made.name} import {made.cls}Read"


def forms(entity: EntityView) -> FormsView:
    """The schemas and routes of `entity`."""
    return FormsView(entity)
