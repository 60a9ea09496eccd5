"""Who may do what: roles x resources x actions, as data. What is not written here is refused."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID


class Role(StrEnum):
    """What a user is to this application; every user has exactly one role."""

    ADMIN = "admin"
    STAFF = "staff"
    CUSTOMER = "customer"


LOWEST_ROLE = Role.CUSTOMER
"""What somebody who registers becomes."""


class Resource(StrEnum):
    """A kind of row that rights are given for; the value is its table."""

    USERS = "users"
    USER_SESSIONS = "user_sessions"
    CATEGORIES = "categories"
    PRODUCTS = "products"
    CARTS = "carts"
    CART_ITEMS = "cart_items"
    ORDERS = "orders"
    ORDER_ITEMS = "order_items"


class Action(StrEnum):
    """What can be done to a row."""

    LIST = "list"
    READ = "read"
    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    CHECKOUT = "checkout"
    PAY = "pay"
    SHIP = "ship"
    DELIVER = "deliver"
    CANCEL = "cancel"


class Scope(StrEnum):
    """Which rows a right covers: those the caller owns, or all."""

    OWN = "own"
    ALL = "all"


PUBLIC: Mapping[Resource, frozenset[Action]] = {
    Resource.CATEGORIES: frozenset({Action.LIST, Action.READ}),
    Resource.PRODUCTS: frozenset({Action.LIST, Action.READ}),
}
"""What needs no account."""

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
        Resource.CATEGORIES: {
            Action.LIST: Scope.ALL,
            Action.READ: Scope.ALL,
            Action.CREATE: Scope.ALL,
            Action.UPDATE: Scope.ALL,
            Action.DELETE: Scope.ALL,
        },
        Resource.PRODUCTS: {
            Action.LIST: Scope.ALL,
            Action.READ: Scope.ALL,
            Action.CREATE: Scope.ALL,
            Action.UPDATE: Scope.ALL,
            Action.DELETE: Scope.ALL,
        },
        Resource.CARTS: {
            Action.LIST: Scope.ALL,
            Action.READ: Scope.ALL,
            Action.DELETE: Scope.ALL,
        },
        Resource.CART_ITEMS: {
            Action.LIST: Scope.ALL,
            Action.READ: Scope.ALL,
        },
        Resource.ORDERS: {
            Action.LIST: Scope.ALL,
            Action.READ: Scope.ALL,
            Action.PAY: Scope.ALL,
            Action.SHIP: Scope.ALL,
            Action.DELIVER: Scope.ALL,
            Action.CANCEL: Scope.ALL,
        },
        Resource.ORDER_ITEMS: {
            Action.LIST: Scope.ALL,
            Action.READ: Scope.ALL,
        },
    },
    Role.STAFF: {
        Resource.USERS: {
            Action.LIST: Scope.OWN,
            Action.READ: Scope.OWN,
        },
        Resource.USER_SESSIONS: {
            Action.LIST: Scope.OWN,
            Action.READ: Scope.OWN,
            Action.DELETE: Scope.OWN,
        },
        Resource.CATEGORIES: {
            Action.LIST: Scope.ALL,
            Action.READ: Scope.ALL,
            Action.CREATE: Scope.ALL,
            Action.UPDATE: Scope.ALL,
            Action.DELETE: Scope.ALL,
        },
        Resource.PRODUCTS: {
            Action.LIST: Scope.ALL,
            Action.READ: Scope.ALL,
            Action.CREATE: Scope.ALL,
            Action.UPDATE: Scope.ALL,
            Action.DELETE: Scope.ALL,
        },
        Resource.ORDERS: {
            Action.LIST: Scope.ALL,
            Action.READ: Scope.ALL,
            Action.PAY: Scope.ALL,
            Action.SHIP: Scope.ALL,
            Action.DELIVER: Scope.ALL,
            Action.CANCEL: Scope.ALL,
        },
        Resource.ORDER_ITEMS: {
            Action.LIST: Scope.ALL,
            Action.READ: Scope.ALL,
        },
    },
    Role.CUSTOMER: {
        Resource.USERS: {
            Action.LIST: Scope.OWN,
            Action.READ: Scope.OWN,
        },
        Resource.USER_SESSIONS: {
            Action.LIST: Scope.OWN,
            Action.READ: Scope.OWN,
            Action.DELETE: Scope.OWN,
        },
        Resource.CATEGORIES: {
            Action.LIST: Scope.ALL,
            Action.READ: Scope.ALL,
        },
        Resource.PRODUCTS: {
            Action.LIST: Scope.ALL,
            Action.READ: Scope.ALL,
        },
        Resource.CARTS: {
            Action.LIST: Scope.OWN,
            Action.READ: Scope.OWN,
            Action.CREATE: Scope.OWN,
            Action.DELETE: Scope.OWN,
            Action.CHECKOUT: Scope.OWN,
        },
        Resource.CART_ITEMS: {
            Action.LIST: Scope.OWN,
            Action.READ: Scope.OWN,
            Action.CREATE: Scope.OWN,
            Action.UPDATE: Scope.OWN,
            Action.DELETE: Scope.OWN,
        },
        Resource.ORDERS: {
            Action.LIST: Scope.OWN,
            Action.READ: Scope.OWN,
            Action.CANCEL: Scope.OWN,
        },
        Resource.ORDER_ITEMS: {
            Action.LIST: Scope.OWN,
            Action.READ: Scope.OWN,
        },
    },
}

NOBODY = UUID(int=0)


@dataclass(frozen=True)
class Principal:
    """The caller, as the database knows them at this moment."""

    user_id: UUID
    session_id: UUID
    role: Role


@dataclass(frozen=True)
class Access:
    """A right that was found: this caller may act on rows within this scope."""

    principal: Principal | None
    """None stands for somebody without an account."""
    scope: Scope

    @property
    def user_id(self) -> UUID:
        """The caller's account; nobody's account has no rows."""
        return self.principal.user_id if self.principal else NOBODY


def find_access(principal: Principal, resource: Resource, action: Action) -> Access | None:
    """Look up the right to do this, or None."""
    scope = POLICY.get(principal.role, {}).get(resource, {}).get(action)
    return Access(principal, scope) if scope else None


def reading(access: Access, resource: Resource) -> Access:
    """Return how far the caller may read these rows, which is how far they may refer to them."""
    if access.principal is None or is_public(resource, Action.READ):
        return Access(access.principal, Scope.ALL)
    found = find_access(access.principal, resource, Action.READ)
    return found or Access(access.principal, Scope.OWN)


def is_public(resource: Resource, action: Action) -> bool:
    """Whether this needs no account."""
    return action in PUBLIC.get(resource, ())
