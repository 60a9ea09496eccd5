"""The category."""

from sqlalchemy import CheckConstraint, String, Text
from sqlalchemy.orm import Mapped, mapped_column, validates

from app.db.base import Entity
from app.db.text import fold


class Category(Entity):
    """One category."""

    __tablename__ = "categories"
    __table_args__ = (
        CheckConstraint("length(name) BETWEEN 1 AND 80", name="name_length"),
        CheckConstraint("length(description) <= 5000", name="description_length"),
    )

    name: Mapped[str] = mapped_column(String(80))
    name_folded: Mapped[str] = mapped_column(String(240), unique=True)
    description: Mapped[str | None] = mapped_column(Text)

    @validates("name")
    def _fold(self, name: str, value: str) -> str:
        setattr(self, f"{name}_folded", fold(value))
        return value
