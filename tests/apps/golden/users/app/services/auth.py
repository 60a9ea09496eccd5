"""The use cases of logging in, staying logged in, and of one's own account."""

import logging
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import CursorResult, select, update
from sqlalchemy.orm import Session

from app.core import clock
from app.core.config import Settings
from app.core.errors import ForbiddenError, UnauthorizedError
from app.core.passwords import Passwords
from app.core.tokens import (
    AccessToken,
    InvalidTokenError,
    fingerprint,
    issue_access_token,
    new_secret,
    read_access_token,
)
from app.db.session import transaction
from app.models.refresh_token import RefreshToken
from app.models.user import User
from app.models.user_session import UserSession
from app.policy import LOWEST_ROLE, Principal
from app.schemas.auth import (
    AccountDeletion,
    Login,
    PasswordChange,
    ProfileUpdate,
    Refresh,
    Registration,
    TokenPair,
)
from app.schemas.user import UserCreate
from app.services import login_throttle as throttle
from app.services.user import create_user, lock_admins, refuse_weak_password, remove
from app.services.user_session import revoke_all

logger = logging.getLogger("app.auth")

CHALLENGE = 'Bearer error="invalid_token"'


@dataclass(frozen=True)
class Device:
    """Where a request comes from. The address is empty on a Unix socket."""

    ip_address: str
    user_agent: str


def register(
    session: Session, settings: Settings, passwords: Passwords, device: Device, data: Registration
) -> User:
    """Make an account with the lowest role.

    Raises:
        ForbiddenError: registration is switched off.
    """
    if not settings.registration_open:
        raise ForbiddenError("Registration is closed; ask an administrator for an account.")
    if device.ip_address:
        throttle.charge(
            session,
            throttle.throttle_key("registration", device.ip_address),
            settings.registrations_per_address,
            _window(settings),
        )
    return create_user(
        session,
        passwords,
        UserCreate(
            email=data.email,
            full_name=data.full_name,
            role=LOWEST_ROLE,
            password=data.password,
        ),
    )


def login(
    session: Session, settings: Settings, passwords: Passwords, device: Device, data: Login
) -> TokenPair:
    """Open a session.

    Raises:
        UnauthorizedError: the same for a wrong password, an unknown address and a closed account.
        TooManyRequestsError: too many attempts on this account or from this address.
    """
    account_key = throttle.throttle_key("account", data.email)
    address_key = throttle.throttle_key("address", device.ip_address)
    window = _window(settings)
    if device.ip_address:
        limit = settings.login_max_failures_per_address
        throttle.charge(session, address_key, limit, window)
    throttle.charge(session, account_key, settings.login_max_failures, window)

    user = session.scalars(select(User).where(User.email == data.email)).one_or_none()
    matches = passwords.verify(user.password_hash if user else None, data.password)
    if user is None or not matches or not user.is_active:
        logger.warning("login refused", extra={"event": "login_refused"})
        raise UnauthorizedError("The e-mail address or the password is wrong.")

    with transaction(session):
        throttle.clear(session, account_key)
        throttle.refund(session, address_key)
        now = clock.now()
        user.last_login_at = now
        if passwords.needs_rehash(user.password_hash):
            user.password_hash = passwords.hash(data.password)
        user_session = UserSession(
            user_id=user.id,
            ip_address=device.ip_address[:45],
            user_agent=device.user_agent[:200],
            last_used_at=now,
            expires_at=now + timedelta(days=settings.session_days),
        )
        session.add(user_session)
        session.flush()
        secret = _add_refresh_token(session, settings, user_session)
    logger.info("login", extra={"event": "login", "user_id": str(user.id)})
    return _token_pair(settings, user_session, secret)


def refresh(session: Session, settings: Settings, data: Refresh) -> TokenPair:
    """Exchange a refresh token for the next pair (RFC 9700 4.14.2).

    Raises:
        UnauthorizedError: the token is unknown, expired, or was used before; in that case somebody
            else has a copy, and the whole session ends.
    """
    refused = UnauthorizedError("The refresh token is not valid; log in again.")
    with transaction(session):
        statement = (
            select(RefreshToken, UserSession, User)
            .join(UserSession, UserSession.id == RefreshToken.user_session_id)
            .join(User, User.id == UserSession.user_id)
            .where(RefreshToken.fingerprint == fingerprint(data.refresh_token))
        )
        found = session.execute(statement).one_or_none()
        if found is None:
            raise refused
        token, user_session, user = found._tuple()
        now = clock.now()
        if not _is_open(user_session, user) or token.expires_at <= now:
            raise refused
        # One statement finds out and marks it, so of two requests only one can win.
        marked = session.execute(
            update(RefreshToken)
            .where(RefreshToken.id == token.id, RefreshToken.used_at.is_(None))
            .values(used_at=now, updated_at=now)
            .execution_options(synchronize_session=False)
        )
        assert isinstance(marked, CursorResult)  # noqa: S101 - narrows the type
        reused = marked.rowcount == 0
        user_session.last_used_at = now
        if reused:
            user_session.revoked_at = now
        else:
            secret = _add_refresh_token(session, settings, user_session)
    if reused:
        extra = {"event": "refresh_token_reused", "user_id": str(user.id)}
        logger.warning("refresh token reused; session revoked", extra=extra)
        raise refused
    return _token_pair(settings, user_session, secret)


def authenticate(session: Session, settings: Settings, encoded: str) -> Principal:
    """Find out who sends this access token, and that their session is still open.

    Raises:
        UnauthorizedError: the token is not valid, or no longer.
    """
    try:
        token = read_access_token(settings, encoded)
    except InvalidTokenError:
        raise UnauthorizedError("The token is not valid.", challenge=CHALLENGE) from None
    statement = (
        select(UserSession, User)
        .join(User, User.id == UserSession.user_id)
        .where(UserSession.id == token.session_id, User.id == token.user_id)
    )
    found = session.execute(statement).one_or_none()
    if found is None or not _is_open(*found._tuple()):
        raise UnauthorizedError("The session has ended; log in again.", challenge=CHALLENGE)
    user_session, user = found._tuple()
    return Principal(user_id=user.id, session_id=user_session.id, role=user.role)


def logout(session: Session, principal: Principal) -> None:
    """End the session the request came with."""
    with transaction(session):
        user_session = session.get_one(UserSession, principal.session_id)
        user_session.revoked_at = clock.now()


def logout_all(session: Session, principal: Principal) -> None:
    """End every session of the caller."""
    with transaction(session):
        revoke_all(session, principal.user_id)


def get_profile(session: Session, principal: Principal) -> User:
    """Return the caller's account."""
    return session.get_one(User, principal.user_id)


def update_profile(session: Session, principal: Principal, changes: ProfileUpdate) -> User:
    """Change what people may change about themselves."""
    with transaction(session):
        user = session.get_one(User, principal.user_id)
        for field, value in changes.items():
            setattr(user, field, value)
    return user


def change_password(
    session: Session,
    settings: Settings,
    passwords: Passwords,
    principal: Principal,
    data: PasswordChange,
) -> None:
    """Replace the caller's password and end their other sessions."""
    user = session.get_one(User, principal.user_id)
    _require_password(session, settings, passwords, user, data.current_password, "current_password")
    refuse_weak_password(data.new_password, user.email, "body.new_password")
    with transaction(session):
        user.password_hash = passwords.hash(data.new_password)
        revoke_all(session, user.id, keep=principal.session_id)


def delete_account(
    session: Session,
    settings: Settings,
    passwords: Passwords,
    principal: Principal,
    data: AccountDeletion,
) -> None:
    """Delete the caller's account and what belongs to it alone."""
    user = session.get_one(User, principal.user_id)
    _require_password(session, settings, passwords, user, data.password, "password")
    with transaction(session):
        remove(session, user, lock_admins(session))


def _require_password(
    session: Session, settings: Settings, passwords: Passwords, user: User, given: str, field: str
) -> None:
    # Counted like a login: a stolen access token must not become an oracle for the password.
    key = throttle.throttle_key("account", user.email)
    throttle.charge(session, key, settings.login_max_failures, _window(settings))
    if not passwords.verify(user.password_hash, given):
        raise ForbiddenError(
            "This is not the current password.", code="wrong_password", field=f"body.{field}"
        )
    with transaction(session):
        throttle.clear(session, key)


def _is_open(user_session: UserSession, user: User) -> bool:
    alive = user_session.revoked_at is None and user_session.expires_at > clock.now()
    return alive and user.is_active


def _add_refresh_token(session: Session, settings: Settings, user_session: UserSession) -> str:
    secret = new_secret()
    lifetime = timedelta(days=settings.refresh_token_days)
    session.add(
        RefreshToken(
            user_session_id=user_session.id,
            fingerprint=fingerprint(secret),
            expires_at=min(clock.now() + lifetime, user_session.expires_at),
        )
    )
    return secret


def _token_pair(settings: Settings, user_session: UserSession, secret: str) -> TokenPair:
    return TokenPair(
        access_token=issue_access_token(
            settings, AccessToken(user_session.user_id, user_session.id)
        ),
        refresh_token=secret,
        expires_in=settings.access_token_minutes * 60,
    )


def _window(settings: Settings) -> timedelta:
    return timedelta(minutes=settings.login_window_minutes)
