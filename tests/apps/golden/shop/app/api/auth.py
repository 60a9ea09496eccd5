"""The routes of logging in and out."""

from fastapi import APIRouter, Request, Response

from app.api.deps import DeviceDep, PasswordsDep, PrincipalDep, SessionDep, SettingsDep
from app.api.responses import created_at_location, problems, set_location
from app.api.version import API_PREFIX
from app.models.user import User
from app.schemas.auth import Login, Refresh, Registration, TokenPair
from app.schemas.user import UserRead
from app.services import auth as service

router = APIRouter(prefix=f"{API_PREFIX}/auth", tags=["auth"])


@router.post(
    "/register",
    status_code=201,
    response_model=UserRead,
    responses=created_at_location(400, 403, 409, 413, 415, 422, 429),
)
def register(
    session: SessionDep,
    settings: SettingsDep,
    passwords: PasswordsDep,
    device: DeviceDep,
    data: Registration,
    request: Request,
    response: Response,
) -> User:
    """Make an account with the lowest role."""
    user = service.register(session, settings, passwords, device, data)
    set_location(request, response, "get_user", user_id=user.id)
    return user


@router.post("/login", responses=problems(400, 401, 413, 415, 422, 429))
def login(
    session: SessionDep,
    settings: SettingsDep,
    passwords: PasswordsDep,
    device: DeviceDep,
    data: Login,
) -> TokenPair:
    """Open a session with an e-mail address and a password."""
    return service.login(session, settings, passwords, device, data)


@router.post("/refresh", responses=problems(400, 401, 413, 415, 422))
def refresh(session: SessionDep, settings: SettingsDep, data: Refresh) -> TokenPair:
    """Exchange a refresh token for new tokens; each works once."""
    return service.refresh(session, settings, data)


@router.post("/logout", status_code=204, responses=problems(401))
def logout(session: SessionDep, principal: PrincipalDep) -> None:
    """End this session."""
    service.logout(session, principal)


@router.post("/logout-all", status_code=204, responses=problems(401))
def logout_all(session: SessionDep, principal: PrincipalDep) -> None:
    """End every session of the caller."""
    service.logout_all(session, principal)
