"""The forms of carts."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import StringConstraints

from app.models.cart import CartStatus
from app.schemas.base import TEXT_PATTERN, Input, Output, Page, PageParams

ShippingAddress = Annotated[
    str, StringConstraints(pattern=TEXT_PATTERN, min_length=1, max_length=500)
]


class CartCreate(Input):
    """A new cart."""


class CartCheckout(Input):
    """What it takes to check out a cart."""

    shipping_address: ShippingAddress


class CartRead(Output):
    """One cart."""

    id: UUID
    owner_id: UUID
    status: CartStatus
    created_at: datetime
    updated_at: datetime


class CartPage(Page[CartRead]):
    """A part of the carts."""


CartSort = Literal[
    "created_at",
    "-created_at",
    "status",
    "-status",
]


class CartFilter(PageParams):
    """Which carts to list, and in which order."""

    status: CartStatus | None = None
    sort: CartSort = "created_at"
