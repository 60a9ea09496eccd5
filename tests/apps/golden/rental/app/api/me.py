"""The routes of the caller's own account."""

from typing import Annotated

from fastapi import APIRouter, Body

from app.api.deps import PasswordsDep, PrincipalDep, SessionDep, SettingsDep
from app.api.responses import problems
from app.api.version import API_PREFIX
from app.models.user import User
from app.schemas.auth import AccountDeletion, PasswordChange, ProfileUpdate
from app.schemas.user import UserRead
from app.services import auth as service

router = APIRouter(prefix=f"{API_PREFIX}/me", tags=["me"])


@router.get("", response_model=UserRead, responses=problems(401))
def get_me(session: SessionDep, principal: PrincipalDep) -> User:
    """Read one's own account."""
    return service.get_profile(session, principal)


@router.patch("", response_model=UserRead, responses=problems(400, 401, 413, 415, 422))
def update_me(
    session: SessionDep, principal: PrincipalDep, changes: Annotated[ProfileUpdate, Body()]
) -> User:
    """Change one's own account."""
    return service.update_profile(session, principal, changes)


@router.put("/password", status_code=204, responses=problems(400, 401, 403, 413, 415, 422, 429))
def change_my_password(
    session: SessionDep,
    settings: SettingsDep,
    passwords: PasswordsDep,
    principal: PrincipalDep,
    data: PasswordChange,
) -> None:
    """Change one's own password and end one's other sessions."""
    service.change_password(session, settings, passwords, principal, data)


@router.post(
    "/deletion", status_code=204, responses=problems(400, 401, 403, 409, 413, 415, 422, 429)
)
def delete_me(
    session: SessionDep,
    settings: SettingsDep,
    passwords: PasswordsDep,
    principal: PrincipalDep,
    data: AccountDeletion,
) -> None:
    """Delete one's own account; the password is asked again."""
    service.delete_account(session, settings, passwords, principal, data)
