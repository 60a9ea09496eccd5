"""The operations of the entities and the right that each needs."""

from __future__ import annotations

from dataclasses import dataclass

from qlf.blueprint.views.app import AppView

__all__ = ["OperationView", "operations"]

_VERBS = {"read": "get"}


@dataclass(frozen=True, slots=True)
class OperationView:
    """One operation of the API and the right it needs."""

    name: str
    resource: str
    action: str
    public: bool


def operations(app: AppView) -> tuple[OperationView, ...]:
    """The operations of the entities."""
    found = []
    for entity in app.routed:
        for action in entity.actions:
            name = (
                f"list_{entity.plural}" if action == "list" else f"{_VERBS.get(action, action)}_{entity.name}"
            )
            public = entity.rights.is_public(action)
            found.append(OperationView(name, entity.constant, action.upper(), public))
    return tuple(found)
