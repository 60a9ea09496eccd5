"""The order."""

from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Entity
from app.db.types import Exact, text_enum


class OrderStatus(StrEnum):
    """What `status` can be."""

    PLACED = "placed"
    PAID = "paid"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    CANCELLED = "cancelled"


class Order(Entity):
    """One order."""

    __tablename__ = "orders"
    __table_args__ = (
        CheckConstraint(
            "length(shipping_address) BETWEEN 1 AND 500", name="shipping_address_length"
        ),
        CheckConstraint("total >= 0", name="total_range"),
    )

    owner_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="RESTRICT"), index=True)
    status: Mapped[OrderStatus] = mapped_column(text_enum(OrderStatus, "status", 48))
    shipping_address: Mapped[str] = mapped_column(Text)
    total: Mapped[Decimal] = mapped_column(Exact(12, 2))
