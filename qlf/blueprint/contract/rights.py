"""Which routes exist and which of them need no account, read from the permission matrix."""

from __future__ import annotations

from qlf.core.spec import ADMIN, PUBLIC, Action, Entity, Ownership, Scope, Spec

__all__ = ["granted", "verbs"]

_WRITING_AGAIN = frozenset({Action.UPDATE.value, Action.DELETE.value})


def verbs(spec: Spec, entity: Entity) -> tuple[str, ...]:
    """Names of the entity's transitions, operations and checkouts, in the order of the spec."""
    machine = spec.machine(entity.name)
    steps = tuple(step.name for step in machine.transitions) if machine else ()
    operations = tuple(item.name for item in spec.operations if item.entity == entity.name)
    return steps + operations + tuple(item.name for item in spec.checkouts if item.entity == entity.name)


def granted(spec: Spec, entity: Entity) -> tuple[frozenset[str], frozenset[str]]:
    """The actions that somebody may do, and those of them that need no account.

    What nobody may do has no route. The administrator may do everything unless the matrix says
    something about the administrator and this entity. The scope `own` grants nothing on shared rows.
    """
    somebody: set[str] = set()
    anybody: set[str] = set()
    admin_is_written = False
    for permission in spec.permissions:
        if permission.entity != entity.name:
            continue
        admin_is_written = admin_is_written or permission.role == ADMIN
        if permission.scope is Scope.OWN and entity.ownership is Ownership.NONE:
            continue
        somebody.update(permission.actions)
        if permission.role == PUBLIC:
            anybody.update(permission.actions)
    if not admin_is_written:
        somebody.update(action.value for action in Action)
        somebody.update(verbs(spec, entity))
    if entity.append_only:
        somebody -= _WRITING_AGAIN
    if not entity.routes:
        somebody.clear()
    return frozenset(somebody), frozenset(anybody & somebody)
