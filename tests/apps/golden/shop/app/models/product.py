"""The product."""

from decimal import Decimal
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column, validates

from app.db.base import Entity
from app.db.text import fold
from app.db.types import Exact


class Product(Entity):
    """One product."""

    __tablename__ = "products"
    __table_args__ = (
        CheckConstraint("length(sku) BETWEEN 1 AND 32", name="sku_length"),
        CheckConstraint("length(name) BETWEEN 1 AND 120", name="name_length"),
        CheckConstraint("length(description) <= 5000", name="description_length"),
        CheckConstraint("price > 0", name="price_range"),
        CheckConstraint("stock >= 0", name="stock_range"),
    )

    category_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("categories.id", ondelete="SET NULL"), index=True
    )
    sku: Mapped[str] = mapped_column(String(32))
    sku_folded: Mapped[str] = mapped_column(String(96), unique=True)
    name: Mapped[str] = mapped_column(String(120))
    description: Mapped[str | None] = mapped_column(Text)
    price: Mapped[Decimal] = mapped_column(Exact(12, 2))
    stock: Mapped[int]
    is_active: Mapped[bool]

    @validates("sku")
    def _fold(self, name: str, value: str) -> str:
        setattr(self, f"{name}_folded", fold(value))
        return value
