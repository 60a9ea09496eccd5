"""The user session: one login on one device, which is also one family of refresh tokens."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Entity
from app.db.types import UtcDateTime


class UserSession(Entity):
    """A login. Revoking it ends its access tokens and its refresh tokens at once."""

    __tablename__ = "user_sessions"
    __table_args__ = (
        CheckConstraint("length(ip_address) <= 45", name="ip_address_length"),
        CheckConstraint("length(user_agent) <= 200", name="user_agent_length"),
    )

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    ip_address: Mapped[str] = mapped_column(String(45))
    user_agent: Mapped[str] = mapped_column(String(200))
    last_used_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
