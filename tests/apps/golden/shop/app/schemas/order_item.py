"""The forms of order items."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from app.schemas.base import Output, Page, PageParams
from app.schemas.types import DecimalText

UnitPrice = Annotated[Decimal, DecimalText("0", "9999999999.99")]
LineTotal = Annotated[Decimal, DecimalText("0", "9999999999.99")]


class OrderItemRead(Output):
    """One order item."""

    id: UUID
    order_id: UUID
    product_id: UUID
    quantity: int
    unit_price: UnitPrice
    line_total: LineTotal
    created_at: datetime
    updated_at: datetime


class OrderItemPage(Page[OrderItemRead]):
    """A part of the order items."""


OrderItemSort = Literal[
    "created_at",
    "-created_at",
    "quantity",
    "-quantity",
    "unit_price",
    "-unit_price",
    "line_total",
    "-line_total",
]


class OrderItemFilter(PageParams):
    """Which order items to list, and in which order."""

    order_id: UUID | None = None
    product_id: UUID | None = None
    sort: OrderItemSort = "created_at"
