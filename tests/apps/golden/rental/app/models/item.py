"""The item."""

from decimal import Decimal
from enum import StrEnum

from sqlalchemy import CheckConstraint, String
from sqlalchemy.orm import Mapped, mapped_column, validates

from app.db.base import Entity
from app.db.text import fold
from app.db.types import Exact, text_enum


class ItemCondition(StrEnum):
    """What `condition` can be."""

    NEW = "new"
    GOOD = "good"
    WORN = "worn"
    DAMAGED = "damaged"


class Item(Entity):
    """One item."""

    __tablename__ = "items"
    __table_args__ = (
        CheckConstraint("length(name) BETWEEN 1 AND 120", name="name_length"),
        CheckConstraint("length(serial_no) BETWEEN 1 AND 64", name="serial_no_length"),
        CheckConstraint("daily_rate >= 0", name="daily_rate_range"),
    )

    name: Mapped[str] = mapped_column(String(120))
    serial_no: Mapped[str] = mapped_column(String(64))
    serial_no_folded: Mapped[str] = mapped_column(String(192), unique=True)
    daily_rate: Mapped[Decimal] = mapped_column(Exact(12, 2))
    condition: Mapped[ItemCondition] = mapped_column(text_enum(ItemCondition, "condition", 48))
    is_available: Mapped[bool]

    @validates("serial_no")
    def _fold(self, name: str, value: str) -> str:
        setattr(self, f"{name}_folded", fold(value))
        return value
