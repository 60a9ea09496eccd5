"""The application as templates see it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from qlf.blueprint.views.access import lowest_role, role_names
from qlf.blueprint.views.entity import EntityView, table_order
from qlf.blueprint.views.field import choice_check
from qlf.blueprint.views.relation import RelationView
from qlf.core.spec import Entity, Field, Registration, Role, Spec

__all__ = ["AppView", "app_view"]


@dataclass(frozen=True)
class AppView:
    """The whole application."""

    spec: Spec

    @property
    def name(self) -> str:
        """Lower-case name with dashes."""
        return self.spec.app.name

    @property
    def title(self) -> str:
        """Name for people."""
        return self.spec.app.title

    @property
    def summary(self) -> str:
        """One paragraph about it."""
        return self.spec.app.summary or f"The API of {self.spec.app.title}."

    @cached_property
    def entities(self) -> tuple[EntityView, ...]:
        """The entities of the domain, in the order of the spec; the account is not among them."""
        return tuple(EntityView(self.spec, entity) for entity in self.spec.entities if not entity.account)

    @cached_property
    def routed(self) -> tuple[EntityView, ...]:
        """The entities of the domain that have routes."""
        return tuple(entity for entity in self.entities if entity.actions)

    @cached_property
    def kept(self) -> tuple[EntityView, ...]:
        """The entities whose rows keep the account of their owner from being deleted."""
        return tuple(entity for entity in self.entities if entity.kept)

    @cached_property
    def account(self) -> EntityView:
        """The entity that signs in; one without further fields where the spec does not speak of it."""
        named = next((entity for entity in self.spec.entities if entity.account), None)
        if named is not None:
            return EntityView(self.spec, named)
        plain = Entity(name="user", account=True)
        others = tuple(entity for entity in self.spec.entities if entity.name != "user")
        spec = self.spec.model_copy(update={"entities": (plain, *others)})
        return EntityView(spec, plain)

    @cached_property
    def tables(self) -> tuple[EntityView, ...]:
        """The entities of the domain, those that others refer to first."""
        return tuple(entity for entity in table_order(self.spec) if not entity.account)

    @property
    def roles(self) -> tuple[Role, ...]:
        """The roles that the spec names."""
        return self.spec.roles

    @property
    def role_names(self) -> tuple[str, ...]:
        """The roles that an account can have."""
        return role_names(self.spec)

    @property
    def lowest_role(self) -> str:
        """What somebody who registers becomes."""
        return lowest_role(self.spec)

    @property
    def open(self) -> bool:
        """Whether people may register themselves."""
        return self.spec.auth.registration is Registration.OPEN

    @cached_property
    def models(self) -> tuple[tuple[str, str], ...]:
        """Module and class of every table that has a class."""
        platform = ("login_throttle", "LoginThrottle"), ("refresh_token", "RefreshToken")
        accounts = ("user", "User"), ("user_session", "UserSession")
        return (*platform, *accounts, *((entity.module, entity.cls) for entity in self.entities))

    @cached_property
    def links(self) -> tuple[tuple[EntityView, RelationView], ...]:
        """Every many-to-many relation with the entity that holds it."""
        return tuple((entity, link) for entity in self._all for link in entity.links)

    @cached_property
    def late_keys(self) -> tuple[tuple[EntityView, RelationView], ...]:
        """Every key of a table that is made after the one with the key."""
        return tuple((entity, key) for entity in self._all for key in entity.keys if key.late)

    @property
    def shared(self) -> bool:
        """Whether some rows belong to nobody in particular."""
        return any(not entity.owned for entity in self.routed)

    @property
    def refers(self) -> bool:
        """Whether some request names another row."""
        return any(
            not relation.many
            for entity in self.routed
            if {"create", "update"} & set(entity.actions)
            for relation in entity.given_relations
        )

    @property
    def role_check(self) -> str:
        """SQL of the constraint on the role of an account."""
        return choice_check("role", self.role_names)

    def uses(self, *kinds: str) -> bool:
        """Whether some field or input has one of these types."""
        return any(field.type.value in kinds for field in self._used)

    @property
    def has_past(self) -> bool:
        """Whether some date cannot be in the future."""
        return any(field.past_only for field in self._used)

    @property
    def folds(self) -> bool:
        """Whether some text is unique whatever its case."""
        return any(entity.folds for entity in self._all)

    @property
    def has_patterns(self) -> bool:
        """Whether some text has a pattern of its own."""
        return any(field.pattern is not None for field in self._used)

    @property
    def _used(self) -> Iterator[Field]:
        for entity in self._all:
            yield from (field.spec for field in entity.fields)
        for operation in self.spec.operations:
            yield from operation.inputs

    @property
    def has_links(self) -> bool:
        """Whether some relation is many-to-many."""
        return bool(self.links)

    @property
    def _all(self) -> Iterator[EntityView]:
        yield self.account
        yield from self.entities


def app_view(spec: Spec) -> AppView:
    """The view of `spec`."""
    return AppView(spec)
