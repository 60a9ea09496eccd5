"""The forms of cart items."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, with_config
from typing_extensions import TypedDict

from app.schemas.base import STRICT, Input, Output, Page, PageParams

Quantity = Annotated[int, Field(strict=True, ge=1, le=1000)]


class CartItemCreate(Input):
    """A new cart item."""

    cart_id: UUID
    product_id: UUID
    quantity: Quantity


@with_config(STRICT)
class CartItemUpdate(TypedDict, total=False):
    """The fields to change; those left out keep their value."""

    product_id: UUID
    quantity: Quantity


class CartItemRead(Output):
    """One cart item."""

    id: UUID
    cart_id: UUID
    product_id: UUID
    quantity: int
    created_at: datetime
    updated_at: datetime


class CartItemPage(Page[CartItemRead]):
    """A part of the cart items."""


CartItemSort = Literal[
    "created_at",
    "-created_at",
    "quantity",
    "-quantity",
]


class CartItemFilter(PageParams):
    """Which cart items to list, and in which order."""

    cart_id: UUID | None = None
    product_id: UUID | None = None
    sort: CartItemSort = "created_at"
