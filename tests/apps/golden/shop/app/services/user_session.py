"""The use cases of a user session."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import and_, not_, select, update
from sqlalchemy.orm import Session

from app.core import clock
from app.db.query import get_visible, paginate, visible
from app.db.session import transaction
from app.models.user_session import UserSession
from app.policy import Access
from app.schemas.user_session import UserSessionFilter

OWNER = UserSession.user_id
"""The column that says whose row it is."""

SORTABLE = {
    "created_at": UserSession.created_at,
    "last_used_at": UserSession.last_used_at,
    "expires_at": UserSession.expires_at,
}


def list_user_sessions(
    session: Session, access: Access, filters: UserSessionFilter
) -> tuple[Sequence[UserSession], int]:
    """Return a page of the user sessions within the caller's scope, and their number."""
    statement = visible(select(UserSession), OWNER, access)
    if filters.user_id is not None:
        statement = statement.where(UserSession.user_id == filters.user_id)
    if filters.is_active is not None:
        active = and_(UserSession.revoked_at.is_(None), UserSession.expires_at > clock.now())
        statement = statement.where(active if filters.is_active else not_(active))
    return paginate(
        session, statement, UserSession, SORTABLE, filters.sort, filters.limit, filters.offset
    )


def get_user_session(session: Session, access: Access, user_session_id: UUID) -> UserSession:
    """Return one user session within the caller's scope."""
    return get_visible(session, UserSession, user_session_id, OWNER, access)


def delete_user_session(session: Session, access: Access, user_session_id: UUID) -> None:
    """Revoke a user session within the caller's scope; its row stays until it is purged."""
    with transaction(session):
        row = get_visible(session, UserSession, user_session_id, OWNER, access, lock=True)
        row.revoked_at = row.revoked_at or clock.now()


def revoke_all(session: Session, user_id: UUID, keep: UUID | None = None) -> None:
    """Revoke what sessions a user has, but for the one to keep. The caller commits."""
    statement = update(UserSession).where(
        UserSession.user_id == user_id, UserSession.revoked_at.is_(None)
    )
    if keep is not None:
        statement = statement.where(UserSession.id != keep)
    now = clock.now()
    session.execute(statement.values(revoked_at=now, updated_at=now))
