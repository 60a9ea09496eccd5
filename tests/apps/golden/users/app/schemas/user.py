"""The forms of a user."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StrictBool, StringConstraints, with_config
from typing_extensions import TypedDict

from app.core.passwords import MAX_LENGTH, MIN_LENGTH
from app.policy import Role
from app.schemas.base import LINE_PATTERN, STRICT, Input, Output, Page, PageParams, SearchTerm
from app.schemas.types import Email

FullName = Annotated[str, StringConstraints(pattern=LINE_PATTERN, min_length=1, max_length=120)]
NewPassword = Annotated[
    str,
    StringConstraints(min_length=MIN_LENGTH, max_length=MAX_LENGTH),
    # For the document alone: the engine that checks patterns here knows no back references.
    Field(json_schema_extra={"pattern": r"^(?!(.{1,4})\1+$)"}),
]
GivenPassword = Annotated[str, StringConstraints(min_length=1, max_length=MAX_LENGTH)]
"""A password to check: the rules for new ones may have changed since it was chosen."""


class UserCreate(Input):
    """A new user, as an administrator makes one."""

    email: Email
    full_name: FullName
    role: Role
    is_active: StrictBool = True
    password: NewPassword


@with_config(STRICT)
class UserUpdate(TypedDict, total=False):
    """The fields to change; those left out keep their value."""

    email: Email
    full_name: FullName
    role: Role
    is_active: StrictBool


class UserRead(Output):
    """A user."""

    id: UUID
    email: str
    full_name: str
    role: Role
    is_active: bool
    last_login_at: datetime | None
    created_at: datetime
    updated_at: datetime


class UserPage(Page[UserRead]):
    """A part of the users."""


UserSort = Literal[
    "created_at",
    "-created_at",
    "email",
    "-email",
    "full_name",
    "-full_name",
    "last_login_at",
    "-last_login_at",
]


class UserFilter(PageParams):
    """Which users to list, and in which order."""

    role: Role | None = None
    is_active: bool | None = None
    q: SearchTerm | None = None
    sort: UserSort = "created_at"


class PasswordReset(Input):
    """A new password for somebody else."""

    password: NewPassword
