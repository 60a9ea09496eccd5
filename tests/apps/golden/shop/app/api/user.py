"""The routes of users."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Body, Depends, Query, Request, Response

from app.api.deps import PasswordsDep, SessionDep, allow
from app.api.responses import created_at_location, problems, set_location
from app.api.version import API_PREFIX
from app.models.user import User
from app.policy import Access, Action, Resource
from app.schemas.user import PasswordReset, UserCreate, UserFilter, UserPage, UserRead, UserUpdate
from app.services import user as service

router = APIRouter(prefix=f"{API_PREFIX}/users", tags=["users"])

ListAccess = Annotated[Access, Depends(allow(Resource.USERS, Action.LIST))]
ReadAccess = Annotated[Access, Depends(allow(Resource.USERS, Action.READ))]
UpdateAccess = Annotated[Access, Depends(allow(Resource.USERS, Action.UPDATE))]
DeleteAccess = Annotated[Access, Depends(allow(Resource.USERS, Action.DELETE))]


@router.get("", responses=problems(401, 403, 422))
def list_users(
    session: SessionDep, access: ListAccess, filters: Annotated[UserFilter, Query()]
) -> UserPage:
    """List users."""
    rows, total = service.list_users(session, access, filters)
    items = [UserRead.model_validate(row) for row in rows]
    return UserPage(items=items, total=total, limit=filters.limit, offset=filters.offset)


@router.post(
    "",
    status_code=201,
    response_model=UserRead,
    responses=created_at_location(400, 401, 403, 409, 413, 415, 422),
    dependencies=[Depends(allow(Resource.USERS, Action.CREATE))],
)
def create_user(
    session: SessionDep,
    passwords: PasswordsDep,
    data: UserCreate,
    request: Request,
    response: Response,
) -> User:
    """Create a user."""
    user = service.create_user(session, passwords, data)
    set_location(request, response, "get_user", user_id=user.id)
    return user


@router.get("/{user_id}", response_model=UserRead, responses=problems(401, 403, 404, 422))
def get_user(session: SessionDep, access: ReadAccess, user_id: UUID) -> User:
    """Read one user."""
    return service.get_user(session, access, user_id)


@router.patch(
    "/{user_id}",
    response_model=UserRead,
    responses=problems(400, 401, 403, 404, 409, 413, 415, 422),
)
def update_user(
    session: SessionDep,
    access: UpdateAccess,
    user_id: UUID,
    changes: Annotated[UserUpdate, Body()],
) -> User:
    """Change the given fields of a user."""
    return service.update_user(session, access, user_id, changes)


@router.delete("/{user_id}", status_code=204, responses=problems(401, 403, 404, 409, 422))
def delete_user(session: SessionDep, access: DeleteAccess, user_id: UUID) -> None:
    """Delete a user."""
    service.delete_user(session, access, user_id)


@router.put(
    "/{user_id}/password",
    status_code=204,
    responses=problems(400, 401, 403, 404, 413, 415, 422),
)
def reset_user_password(
    session: SessionDep,
    passwords: PasswordsDep,
    access: UpdateAccess,
    user_id: UUID,
    data: PasswordReset,
) -> None:
    """Give a user another password and end their sessions."""
    service.reset_password(session, passwords, access, user_id, data)
