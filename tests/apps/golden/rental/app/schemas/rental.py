"""The forms of rentals."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from pydantic import with_config
from typing_extensions import TypedDict

from app.models.rental import RentalStatus
from app.schemas.base import STRICT, Input, Output, Page, PageParams
from app.schemas.types import Date, DecimalText

Deposit = Annotated[Decimal, DecimalText("0", "9999999999.99")]


class RentalCreate(Input):
    """A new rental."""

    customer_id: UUID
    item_id: UUID
    start_date: Date
    end_date: Date
    deposit: Deposit = Decimal("0.00")


@with_config(STRICT)
class RentalUpdate(TypedDict, total=False):
    """The fields to change; those left out keep their value."""

    customer_id: UUID
    item_id: UUID
    start_date: Date
    end_date: Date
    deposit: Deposit


class RentalRead(Output):
    """One rental."""

    id: UUID
    customer_id: UUID
    item_id: UUID
    start_date: date
    end_date: date
    deposit: Deposit
    status: RentalStatus
    created_at: datetime
    updated_at: datetime


class RentalPage(Page[RentalRead]):
    """A part of the rentals."""


RentalSort = Literal[
    "created_at",
    "-created_at",
    "start_date",
    "-start_date",
    "end_date",
    "-end_date",
    "deposit",
    "-deposit",
    "status",
    "-status",
]


class RentalFilter(PageParams):
    """Which rentals to list, and in which order."""

    customer_id: UUID | None = None
    item_id: UUID | None = None
    start_date_from: Date | None = None
    start_date_to: Date | None = None
    end_date_from: Date | None = None
    end_date_to: Date | None = None
    status: RentalStatus | None = None
    sort: RentalSort = "created_at"
