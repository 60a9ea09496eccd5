"""The cart."""

from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Entity
from app.db.types import text_enum


class CartStatus(StrEnum):
    """What `status` can be."""

    OPEN = "open"
    CHECKED_OUT = "checked_out"


class Cart(Entity):
    """One cart."""

    __tablename__ = "carts"

    owner_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    status: Mapped[CartStatus] = mapped_column(text_enum(CartStatus, "status", 48))
