"""The forms of orders."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from app.models.order import OrderStatus
from app.schemas.base import Output, Page, PageParams
from app.schemas.types import DecimalText

Total = Annotated[Decimal, DecimalText("0", "9999999999.99")]


class OrderRead(Output):
    """One order."""

    id: UUID
    owner_id: UUID
    status: OrderStatus
    shipping_address: str
    total: Total
    created_at: datetime
    updated_at: datetime


class OrderPage(Page[OrderRead]):
    """A part of the orders."""


OrderSort = Literal[
    "created_at",
    "-created_at",
    "status",
    "-status",
    "total",
    "-total",
]


class OrderFilter(PageParams):
    """Which orders to list, and in which order."""

    status: OrderStatus | None = None
    sort: OrderSort = "created_at"
