"""Who may do what: roles x resources x actions, as data. What is not written here is refused."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID


class Role(StrEnum):
    """What a user is to this application; every user has exactly one role."""

    ADMIN = "admin"
    USER = "user"


LOWEST_ROLE = Role.USER
"""What somebody who registers becomes."""


class Resource(StrEnum):
    """A kind of row that rights are given for; the value is its table."""

    USERS = "users"
    USER_SESSIONS = "user_sessions"


class Action(StrEnum):
    """What can be done to a row."""

    LIST = "list"
    READ = "read"
    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


class Scope(StrEnum):
    """Which rows a right covers: those the caller owns, or all."""

    OWN = "own"
    ALL = "all"


POLICY: Mapping[Role, Mapping[Resource, Mapping[Action, Scope]]] = {
    Role.ADMIN: {
        Resource.USERS: {
            Action.LIST: Scope.ALL,
            Action.READ: Scope.ALL,
            Action.CREATE: Scope.ALL,
            Action.UPDATE: Scope.ALL,
            Action.DELETE: Scope.ALL,
        },
        Resource.USER_SESSIONS: {
            Action.LIST: Scope.ALL,
            Action.READ: Scope.ALL,
            Action.DELETE: Scope.ALL,
        },
    },
    Role.USER: {
        Resource.USERS: {
            Action.LIST: Scope.OWN,
            Action.READ: Scope.OWN,
        },
        Resource.USER_SESSIONS: {
            Action.LIST: Scope.OWN,
            Action.READ: Scope.OWN,
            Action.DELETE: Scope.OWN,
        },
    },
}


@dataclass(frozen=True)
class Principal:
    """The caller, as the database knows them at this moment."""

    user_id: UUID
    session_id: UUID
    role: Role


@dataclass(frozen=True)
class Access:
    """A right that was found: this caller may act on rows within this scope."""

    principal: Principal
    scope: Scope

    @property
    def user_id(self) -> UUID:
        """The caller's account."""
        return self.principal.user_id


def find_access(principal: Principal, resource: Resource, action: Action) -> Access | None:
    """Look up the right to do this, or None."""
    scope = POLICY.get(principal.role, {}).get(resource, {}).get(action)
    return Access(principal, scope) if scope else None
