"""The refresh token: stored only as a fingerprint, usable once."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Entity
from app.db.types import UtcDateTime


class RefreshToken(Entity):
    """One link in the chain of a session. A used one is kept, to notice when it comes back."""

    __tablename__ = "refresh_tokens"

    user_session_id: Mapped[UUID] = mapped_column(
        ForeignKey("user_sessions.id", ondelete="CASCADE"), index=True
    )
    fingerprint: Mapped[str] = mapped_column(String(64), unique=True)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
