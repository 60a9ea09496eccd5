"""The forms of a user session."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from app.schemas.base import Output, Page, PageParams


class UserSessionRead(Output):
    """A login on one device."""

    id: UUID
    user_id: UUID
    ip_address: str
    user_agent: str
    last_used_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    created_at: datetime
    updated_at: datetime


class UserSessionPage(Page[UserSessionRead]):
    """A part of the user sessions."""


UserSessionSort = Literal[
    "created_at",
    "-created_at",
    "last_used_at",
    "-last_used_at",
    "expires_at",
    "-expires_at",
]


class UserSessionFilter(PageParams):
    """Which user sessions to list, and in which order."""

    user_id: UUID | None = None
    is_active: bool | None = None
    sort: UserSessionSort = "-created_at"
