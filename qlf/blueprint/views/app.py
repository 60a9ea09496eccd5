"""The application as templates see it."""

from __future__ import annotations

from dataclasses import dataclass

from qlf.blueprint.views.entity import EntityView
from qlf.core.spec import Role, Spec

__all__ = ["AppView", "app_view"]


@dataclass(frozen=True, slots=True)
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
        return self.spec.app.summary

    @property
    def entities(self) -> tuple[EntityView, ...]:
        """The entities of the domain, in the order of the spec; the account is not among them."""
        return tuple(EntityView(self.spec, entity) for entity in self.spec.entities if not entity.account)

    @property
    def account(self) -> EntityView | None:
        """The entity that signs in, where the spec says something about it."""
        return next((EntityView(self.spec, e) for e in self.spec.entities if e.account), None)

    @property
    def roles(self) -> tuple[Role, ...]:
        """The roles that an account can have."""
        return self.spec.roles


def app_view(spec: Spec) -> AppView:
    """The view of `spec`."""
    return AppView(spec)
