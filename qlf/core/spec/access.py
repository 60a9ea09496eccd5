"""Who may do what: accounts, roles and the permission matrix. What is not granted is denied."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field as F
from pydantic import model_validator

from qlf.core.spec.base import Element, Name, Text, Title, Word

__all__ = ["ADMIN", "PUBLIC", "Action", "Auth", "Permission", "Registration", "Role", "Scope"]

ADMIN = "admin"
"""The role that manages accounts; every application with sign-in has it."""
PUBLIC = "public"
"""In a permission: anybody, without signing in. Never a role that an account can have."""


class Action(StrEnum):
    """The five things that can be done to the rows of every entity; operations add their own names."""

    LIST = "list"
    READ = "read"
    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


class Scope(StrEnum):
    """On which rows a permission holds."""

    OWN = "own"
    ALL = "all"


class Registration(StrEnum):
    """How accounts come into being."""

    OPEN = "open"
    CLOSED = "closed"


class Auth(Element):
    """How people sign in."""

    enabled: bool = True
    registration: Registration = Registration.OPEN
    password_min_length: Annotated[int, F(ge=1, le=128)] = 12
    access_token_minutes: Annotated[int, F(ge=1, le=15)] = 15
    refresh_token_days: Annotated[int, F(ge=1, le=90)] = 14


class Role(Element):
    """A role that an account can have."""

    name: Name
    title: Title | None = None
    description: Text = ""
    default: bool = False
    """New accounts that register themselves get this role; at most one role has it."""

    @model_validator(mode="after")
    def _not_public(self) -> Self:
        if self.name == PUBLIC:
            raise ValueError("'public' stands for people without an account and cannot be a role")
        return self


class Permission(Element):
    """One row of the permission matrix."""

    role: Name
    entity: Name
    actions: Annotated[tuple[Word, ...], F(min_length=1)]
    """`list`, `read`, `create`, `update`, `delete`, or names of the entity's transitions and operations."""
    scope: Scope = Scope.ALL
