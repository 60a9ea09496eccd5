"""The rental."""

from datetime import date
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Entity
from app.db.types import Exact, text_enum


class RentalStatus(StrEnum):
    """What `status` can be."""

    RESERVED = "reserved"
    PICKED_UP = "picked_up"
    RETURNED = "returned"
    CANCELLED = "cancelled"


class Rental(Entity):
    """One rental."""

    __tablename__ = "rentals"
    __table_args__ = (
        CheckConstraint("deposit >= 0", name="deposit_range"),
        CheckConstraint("start_date <= end_date", name="rental_dates_ordered"),
    )

    customer_id: Mapped[UUID] = mapped_column(
        ForeignKey("customers.id", ondelete="RESTRICT"), index=True
    )
    item_id: Mapped[UUID] = mapped_column(ForeignKey("items.id", ondelete="RESTRICT"), index=True)
    start_date: Mapped[date]
    end_date: Mapped[date]
    deposit: Mapped[Decimal] = mapped_column(Exact(12, 2))
    status: Mapped[RentalStatus] = mapped_column(text_enum(RentalStatus, "status", 48))
