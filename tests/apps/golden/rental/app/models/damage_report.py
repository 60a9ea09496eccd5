"""The damage report."""

from datetime import date
from decimal import Decimal
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Entity
from app.db.types import Exact


class DamageReport(Entity):
    """One damage report."""

    __tablename__ = "damage_reports"
    __table_args__ = (
        CheckConstraint("length(description) BETWEEN 1 AND 2000", name="description_length"),
        CheckConstraint("repair_cost >= 0", name="repair_cost_range"),
    )

    rental_id: Mapped[UUID] = mapped_column(
        ForeignKey("rentals.id", ondelete="RESTRICT"), index=True
    )
    description: Mapped[str] = mapped_column(Text)
    repair_cost: Mapped[Decimal] = mapped_column(Exact(12, 2))
    reported_on: Mapped[date]
