"""The declarative base, the naming of constraints, and the columns every entity has."""

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import MetaData, Uuid
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from app.core import clock
from app.db.types import UtcDateTime

NAMING_CONVENTION = {
    "pk": "pk_%(table_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ix": "ix_%(table_name)s_%(column_0_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
}
"""Names are part of the contract: errors are traced to their field by them."""


class Base(DeclarativeBase):
    """The base of every table."""

    metadata = MetaData(naming_convention=NAMING_CONVENTION)


class Entity(Base):
    """A table with an unguessable key and the times of creation and of the last change."""

    __abstract__ = True

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=uuid4, sort_order=-1)
    created_at: Mapped[datetime] = mapped_column(
        UtcDateTime, default=lambda: clock.now(), index=True, sort_order=1
    )
    updated_at: Mapped[datetime] = mapped_column(
        UtcDateTime, default=lambda: clock.now(), onupdate=lambda: clock.now(), sort_order=1
    )
