"""The forms of damage reports."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from app.core import clock
from app.schemas.base import TEXT_PATTERN, Input, Output, Page, PageParams, SearchTerm
from app.schemas.types import Date, DecimalText

Description = Annotated[str, StringConstraints(pattern=TEXT_PATTERN, min_length=1, max_length=2000)]
RepairCost = Annotated[Decimal, DecimalText("0", "9999999999.99")]


class DamageReportCreate(Input):
    """A new damage report."""

    rental_id: UUID
    description: Description
    repair_cost: RepairCost
    reported_on: Date = Field(default_factory=lambda: clock.now().date())


class DamageReportRead(Output):
    """One damage report."""

    id: UUID
    rental_id: UUID
    description: str
    repair_cost: RepairCost
    reported_on: date
    created_at: datetime
    updated_at: datetime


class DamageReportPage(Page[DamageReportRead]):
    """A part of the damage reports."""


DamageReportSort = Literal[
    "created_at",
    "-created_at",
    "repair_cost",
    "-repair_cost",
    "reported_on",
    "-reported_on",
]


class DamageReportFilter(PageParams):
    """Which damage reports to list, and in which order."""

    rental_id: UUID | None = None
    q: SearchTerm | None = None
    sort: DamageReportSort = "created_at"
