"""The routes of user sessions."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query

from app.api.deps import SessionDep, allow
from app.api.responses import problems
from app.api.version import API_PREFIX
from app.models.user_session import UserSession
from app.policy import Access, Action, Resource
from app.schemas.user_session import UserSessionFilter, UserSessionPage, UserSessionRead
from app.services import user_session as service

router = APIRouter(prefix=f"{API_PREFIX}/user-sessions", tags=["user sessions"])

ListAccess = Annotated[Access, Depends(allow(Resource.USER_SESSIONS, Action.LIST))]
ReadAccess = Annotated[Access, Depends(allow(Resource.USER_SESSIONS, Action.READ))]
DeleteAccess = Annotated[Access, Depends(allow(Resource.USER_SESSIONS, Action.DELETE))]


@router.get("", responses=problems(401, 403, 422))
def list_user_sessions(
    session: SessionDep, access: ListAccess, filters: Annotated[UserSessionFilter, Query()]
) -> UserSessionPage:
    """List user sessions."""
    rows, total = service.list_user_sessions(session, access, filters)
    items = [UserSessionRead.model_validate(row) for row in rows]
    return UserSessionPage(items=items, total=total, limit=filters.limit, offset=filters.offset)


@router.get(
    "/{user_session_id}",
    response_model=UserSessionRead,
    responses=problems(401, 403, 404, 422),
)
def get_user_session(session: SessionDep, access: ReadAccess, user_session_id: UUID) -> UserSession:
    """Read one user session."""
    return service.get_user_session(session, access, user_session_id)


@router.delete("/{user_session_id}", status_code=204, responses=problems(401, 403, 404, 422))
def delete_user_session(session: SessionDep, access: DeleteAccess, user_session_id: UUID) -> None:
    """Revoke a user session; its tokens stop working at once."""
    service.delete_user_session(session, access, user_session_id)
