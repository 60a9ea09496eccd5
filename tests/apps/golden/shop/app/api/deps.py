"""What a route can ask for."""

from collections.abc import Callable, Iterator
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy.orm import Session

from app.core.config import Settings
from app.core.errors import ForbiddenError, UnauthorizedError
from app.core.passwords import Passwords
from app.db.session import Database
from app.policy import Access, Action, Principal, Resource, Scope, find_access, is_public
from app.services import auth

bearer = HTTPBearer(auto_error=False, bearerFormat="JWT", scheme_name="accessToken")


def get_settings(request: Request) -> Settings:
    """Return the settings the application was made with."""
    settings: Settings = request.app.state.settings
    return settings


def get_passwords(request: Request) -> Passwords:
    """Return the password hasher of the application."""
    passwords: Passwords = request.app.state.passwords
    return passwords


def get_session(request: Request) -> Iterator[Session]:
    """Open the session of this request; what is not committed by then is rolled back."""
    database: Database = request.app.state.database
    with database.session() as session:
        yield session


def get_device(request: Request) -> auth.Device:
    """Return where the request comes from, as far as the server trusts it."""
    address = request.client.host if request.client else ""
    return auth.Device(ip_address=address, user_agent=request.headers.get("user-agent", ""))


SettingsDep = Annotated[Settings, Depends(get_settings)]
PasswordsDep = Annotated[Passwords, Depends(get_passwords)]
SessionDep = Annotated[Session, Depends(get_session)]
DeviceDep = Annotated[auth.Device, Depends(get_device)]


def get_principal(
    session: SessionDep,
    settings: SettingsDep,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)],
) -> Principal:
    """Find out who calls.

    Raises:
        UnauthorizedError: there is no token, or it is not valid.
    """
    if credentials is None:
        raise UnauthorizedError("This needs an access token.")
    return auth.authenticate(session, settings, credentials.credentials)


PrincipalDep = Annotated[Principal, Depends(get_principal)]


def allow(resource: Resource, action: Action) -> Callable[..., Access]:
    """Make a dependency that lets a caller pass who has the right, and says how far it goes."""
    if is_public(resource, action):
        return lambda: Access(None, Scope.ALL)

    def find(principal: PrincipalDep) -> Access:
        access = find_access(principal, resource, action)
        if access is None:
            raise ForbiddenError("Your role does not allow this.")
        return access

    return find
