"""The forms of products."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StrictBool, StringConstraints, with_config
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
from app.schemas.types import DecimalText

Sku = Annotated[
    str, StringConstraints(pattern=LINE_PATTERN, min_length=1, max_length=32), SAME_IN_ANY_CASE
]
Name = Annotated[str, StringConstraints(pattern=LINE_PATTERN, min_length=1, max_length=120)]
Description = Annotated[str, StringConstraints(pattern=TEXT_PATTERN, max_length=5000)]
Price = Annotated[Decimal, DecimalText("0.01", "9999999999.99")]
Stock = Annotated[int, Field(strict=True, ge=0, le=2147483647)]


class ProductCreate(Input):
    """A new product."""

    category_id: UUID | None = None
    sku: Sku
    name: Name
    description: Description | None = None
    price: Price
    stock: Stock = 0
    is_active: StrictBool = True


@with_config(STRICT)
class ProductUpdate(TypedDict, total=False):
    """The fields to change; those left out keep their value."""

    category_id: UUID | None
    sku: Sku
    name: Name
    description: Description | None
    price: Price
    stock: Stock
    is_active: StrictBool


class ProductRead(Output):
    """One product."""

    id: UUID
    category_id: UUID | None
    sku: str
    name: str
    description: str | None
    price: Price
    stock: int
    is_active: bool
    created_at: datetime
    updated_at: datetime


class ProductPage(Page[ProductRead]):
    """A part of the products."""


ProductSort = Literal[
    "created_at",
    "-created_at",
    "sku",
    "-sku",
    "name",
    "-name",
    "price",
    "-price",
    "stock",
    "-stock",
    "is_active",
    "-is_active",
]


class ProductFilter(PageParams):
    """Which products to list, and in which order."""

    category_id: UUID | None = None
    is_active: bool | None = None
    q: SearchTerm | None = None
    sort: ProductSort = "created_at"
