"""Who may do what, as the generated policy, routes and tests spell it."""

from __future__ import annotations

from dataclasses import dataclass

from qlf.blueprint.views.coding import owner_chain
from qlf.blueprint.views.names import entity_names, table_name
from qlf.core.spec import ADMIN, PUBLIC, Action, Entity, Scope, Spec

__all__ = ["Resource", "RightsView", "lowest_role", "policy", "rights", "role_names", "verbs"]

BASIC = tuple(action.value for action in Action)
_READING = frozenset({Action.LIST.value, Action.READ.value})
_WRITING_AGAIN = frozenset({Action.UPDATE.value, Action.DELETE.value})
_USERS = dict.fromkeys(BASIC, Scope.ALL.value)
_OWN_USERS = dict.fromkeys(("list", "read"), Scope.OWN.value)
_SESSIONS = dict.fromkeys(("list", "read", "delete"), Scope.ALL.value)
_OWN_SESSIONS = dict.fromkeys(("list", "read", "delete"), Scope.OWN.value)

Rights = dict[str, str]
"""Scope by action."""


def role_names(spec: Spec) -> tuple[str, ...]:
    """The roles that an account can have; the administrator is always one, and never the only one."""
    names = tuple(role.name for role in spec.roles)
    if ADMIN not in names:
        names = (ADMIN, *names)
    return names if len(names) > 1 else (*names, "user")


def lowest_role(spec: Spec) -> str:
    """What somebody who registers becomes: the default role, or the last one but the administrator."""
    default = next((role.name for role in spec.roles if role.default), None)
    return default or [name for name in role_names(spec) if name != ADMIN][-1]


def verbs(spec: Spec, entity: str) -> tuple[str, ...]:
    """Names of the entity's transitions, operations and checkouts, in the order of the spec."""
    machine = spec.machine(entity)
    steps = tuple(step.name for step in machine.transitions) if machine else ()
    operations = tuple(item.name for item in spec.operations if item.entity == entity)
    return steps + operations + tuple(item.name for item in spec.checkouts if item.entity == entity)


@dataclass(frozen=True, slots=True)
class RightsView:
    """The permissions on one entity."""

    by_role: dict[str, Rights]
    """Role to action to scope, roles and actions in their fixed order."""
    public: tuple[str, ...]
    """Actions that need no account."""
    actions: tuple[str, ...]
    """Actions that somebody may do; only these have routes."""
    verbs: tuple[str, ...]
    """Those of them that are not basic."""

    def can(self, action: str) -> bool:
        """Whether anybody at all may do it."""
        return action in self.actions

    def is_public(self, action: str) -> bool:
        """Whether it needs no account."""
        return action in self.public

    def scope(self, role: str, action: str) -> str | None:
        """`all`, `own`, or nothing."""
        return self.by_role.get(role, {}).get(action)

    def holder(self, action: str) -> str | None:
        """The first role that may do it on all rows."""
        return next((role for role, held in self.by_role.items() if held.get(action) == "all"), None)

    def owner_role(self, action: str) -> str | None:
        """The first role that may do it on its own rows only."""
        return next((role for role, held in self.by_role.items() if held.get(action) == "own"), None)

    def anyone(self, action: str) -> str | None:
        """A role that may do it, one with all rows if there is one."""
        return self.holder(action) or self.owner_role(action)

    def refused(self, action: str) -> tuple[str, ...]:
        """Roles that may not do it."""
        if action in self.public:
            return ()
        return tuple(role for role, held in self.by_role.items() if action not in held)


def rights(spec: Spec, entity: Entity) -> RightsView:
    """The permissions on `entity`.

    The administrator may do everything unless the matrix says something about the administrator and this
    entity; `own` grants nothing on rows that belong to nobody; people without an account may read owned
    rows and never write them, because nobody could be made their owner.
    """
    order = (*BASIC, *verbs(spec, entity.name))
    possible = [action for action in order if _exists(spec, entity, action)]
    written = [item for item in spec.permissions if item.entity == entity.name]
    owned = owner_chain(spec, entity) is not None
    by_role: dict[str, Rights] = {}
    for role in role_names(spec):
        held: Rights = {}
        for item in (item for item in written if item.role == role):
            if item.scope is Scope.OWN and not owned:
                continue
            for action in item.actions:
                held[action] = _wider(held.get(action), item.scope)
        if role == ADMIN and not any(item.role == ADMIN for item in written):
            held = dict.fromkeys(order, Scope.ALL.value)
        by_role[role] = {action: held[action] for action in possible if action in held}
    free = {action for item in written if item.role == PUBLIC for action in item.actions}
    if owned:
        free &= _READING
    public = tuple(action for action in possible if action in free)
    granted = tuple(
        action for action in possible if action in public or any(action in held for held in by_role.values())
    )
    return RightsView(by_role, public, granted, tuple(action for action in granted if action not in BASIC))


@dataclass(frozen=True, slots=True)
class Resource:
    """One kind of row in the policy."""

    name: str
    """Name of the table."""
    entity: str | None
    by_role: dict[str, Rights]
    public: tuple[str, ...]


def policy(spec: Spec) -> tuple[Resource, ...]:
    """The whole matrix: accounts and their sessions first, then the entities that have routes."""
    roles = role_names(spec)
    users = {role: dict(_USERS if role == ADMIN else _OWN_USERS) for role in roles}
    account = next((entity for entity in spec.entities if entity.account), None)
    for item in spec.permissions:
        if account is not None and item.entity == account.name and item.role in users:
            for action in (action for action in BASIC if action in item.actions):
                users[item.role][action] = _wider(users[item.role].get(action), item.scope)
    users = {role: {a: held[a] for a in BASIC if a in held} for role, held in users.items()}
    sessions = {role: dict(_SESSIONS if role == ADMIN else _OWN_SESSIONS) for role in roles}
    found = [Resource("users", None, users, ()), Resource("user_sessions", None, sessions, ())]
    for entity in spec.entities:
        if entity.account:
            continue
        held = rights(spec, entity)
        if held.actions:
            table = table_name(entity_names(spec)[entity.name], entity.plural)
            found.append(Resource(table, entity.name, held.by_role, held.public))
    return tuple(found)


def _exists(spec: Spec, entity: Entity, action: str) -> bool:
    if not entity.routes or (entity.append_only and action in _WRITING_AGAIN):
        return False
    if action != Action.UPDATE.value:
        return True
    fields = any(not field.read_only for field in entity.fields)
    return fields or any(
        not relation.read_only and not is_fixed(spec, entity, relation.name)
        for relation in spec.relations_from(entity.name)
    )


def is_fixed(spec: Spec, entity: Entity, relation: str) -> bool:
    """Whether a row keeps this relation for life: as a part, for its owner, or because of a sum."""
    found = next(item for item in spec.relations_from(entity.name) if item.name == relation)
    summed = any(
        rule.kind == "total" and rule.lines == entity.name and rule.entity == found.to for rule in spec.rules
    )
    return found.part_of or entity.owner_via == relation or summed


def _wider(known: str | None, scope: Scope) -> str:
    return Scope.ALL.value if Scope.ALL in (known, scope) else scope.value
