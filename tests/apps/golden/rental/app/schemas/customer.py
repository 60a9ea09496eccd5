"""The forms of customers."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import StringConstraints, with_config
from typing_extensions import TypedDict

from app.schemas.base import (
    LINE_PATTERN,
    STRICT,
    TEXT_PATTERN,
    Input,
    Output,
    Page,
    PageParams,
    SearchTerm,
)
from app.schemas.types import Email, Phone

FullName = Annotated[str, StringConstraints(pattern=LINE_PATTERN, min_length=1, max_length=120)]
Notes = Annotated[str, StringConstraints(pattern=TEXT_PATTERN, max_length=2000)]


class CustomerCreate(Input):
    """A new customer."""

    full_name: FullName
    email: Email
    phone: Phone | None = None
    notes: Notes | None = None


@with_config(STRICT)
class CustomerUpdate(TypedDict, total=False):
    """The fields to change; those left out keep their value."""

    full_name: FullName
    email: Email
    phone: Phone | None
    notes: Notes | None


class CustomerRead(Output):
    """One customer."""

    id: UUID
    full_name: str
    email: str
    phone: str | None
    notes: str | None
    created_at: datetime
    updated_at: datetime


class CustomerPage(Page[CustomerRead]):
    """A part of the customers."""


CustomerSort = Literal[
    "created_at",
    "-created_at",
    "full_name",
    "-full_name",
    "email",
    "-email",
    "phone",
    "-phone",
]


class CustomerFilter(PageParams):
    """Which customers to list, and in which order."""

    q: SearchTerm | None = None
    sort: CustomerSort = "created_at"
