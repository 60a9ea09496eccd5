"""The customer."""

from sqlalchemy import CheckConstraint, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Entity


class Customer(Entity):
    """One customer."""

    __tablename__ = "customers"
    __table_args__ = (
        CheckConstraint("length(full_name) BETWEEN 1 AND 120", name="full_name_length"),
        CheckConstraint("email = lower(email)", name="email_lower"),
        CheckConstraint("length(email) BETWEEN 3 AND 254", name="email_length"),
        CheckConstraint("length(phone) BETWEEN 5 AND 24", name="phone_length"),
        CheckConstraint("length(notes) <= 2000", name="notes_length"),
    )

    full_name: Mapped[str] = mapped_column(String(120))
    email: Mapped[str] = mapped_column(String(254), unique=True)
    phone: Mapped[str | None] = mapped_column(String(24))
    notes: Mapped[str | None] = mapped_column(Text)
