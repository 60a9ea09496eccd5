"""The forms of items."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from pydantic import StrictBool, StringConstraints, with_config
from typing_extensions import TypedDict

from app.models.item import ItemCondition
from app.schemas.base import (
    LINE_PATTERN,
    SAME_IN_ANY_CASE,
    STRICT,
    Input,
    Output,
    Page,
    PageParams,
    SearchTerm,
)
from app.schemas.types import DecimalText

Name = Annotated[str, StringConstraints(pattern=LINE_PATTERN, min_length=1, max_length=120)]
SerialNo = Annotated[
    str, StringConstraints(pattern=LINE_PATTERN, min_length=1, max_length=64), SAME_IN_ANY_CASE
]
DailyRate = Annotated[Decimal, DecimalText("0", "9999999999.99")]


class ItemCreate(Input):
    """A new item."""

    name: Name
    serial_no: SerialNo
    daily_rate: DailyRate
    condition: ItemCondition = ItemCondition.GOOD
    is_available: StrictBool = True


@with_config(STRICT)
class ItemUpdate(TypedDict, total=False):
    """The fields to change; those left out keep their value."""

    name: Name
    serial_no: SerialNo
    daily_rate: DailyRate
    condition: ItemCondition
    is_available: StrictBool


class ItemRead(Output):
    """One item."""

    id: UUID
    name: str
    serial_no: str
    daily_rate: DailyRate
    condition: ItemCondition
    is_available: bool
    created_at: datetime
    updated_at: datetime


class ItemPage(Page[ItemRead]):
    """A part of the items."""


ItemSort = Literal[
    "created_at",
    "-created_at",
    "name",
    "-name",
    "serial_no",
    "-serial_no",
    "daily_rate",
    "-daily_rate",
    "condition",
    "-condition",
    "is_available",
    "-is_available",
]


class ItemFilter(PageParams):
    """Which items to list, and in which order."""

    condition: ItemCondition | None = None
    is_available: bool | None = None
    q: SearchTerm | None = None
    sort: ItemSort = "created_at"
