"""The forms of categories."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import StringConstraints, with_config
from typing_extensions import TypedDict

from app.schemas.base import (
    LINE_PATTERN,
    SAME_IN_ANY_CASE,
    STRICT,
    TEXT_PATTERN,
    Input,
    Output,
    Page,
    PageParams,
    SearchTerm,
)

Name = Annotated[
    str, StringConstraints(pattern=LINE_PATTERN, min_length=1, max_length=80), SAME_IN_ANY_CASE
]
Description = Annotated[str, StringConstraints(pattern=TEXT_PATTERN, max_length=5000)]


class CategoryCreate(Input):
    """A new category."""

    name: Name
    description: Description | None = None


@with_config(STRICT)
class CategoryUpdate(TypedDict, total=False):
    """The fields to change; those left out keep their value."""

    name: Name
    description: Description | None


class CategoryRead(Output):
    """One category."""

    id: UUID
    name: str
    description: str | None
    created_at: datetime
    updated_at: datetime


class CategoryPage(Page[CategoryRead]):
    """A part of the categories."""


CategorySort = Literal[
    "created_at",
    "-created_at",
    "name",
    "-name",
]


class CategoryFilter(PageParams):
    """Which categories to list, and in which order."""

    q: SearchTerm | None = None
    sort: CategorySort = "created_at"
