"""The use cases of a user."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.errors import ConflictError, UnprocessableError
from app.core.passwords import Passwords, weakness
from app.db.query import contains, get_visible, paginate, visible
from app.db.session import transaction
from app.models.user import User
from app.policy import Access, Role
from app.schemas.user import PasswordReset, UserCreate, UserFilter, UserUpdate
from app.services.user_session import revoke_all

OWNER = User.id
"""The column that says whose row it is: a user owns themselves."""

SORTABLE = {
    "created_at": User.created_at,
    "email": User.email,
    "full_name": User.full_name,
    "last_login_at": User.last_login_at,
}


def list_users(session: Session, access: Access, filters: UserFilter) -> tuple[Sequence[User], int]:
    """Return a page of the users within the caller's scope, and their number."""
    statement = visible(select(User), OWNER, access)
    if filters.role is not None:
        statement = statement.where(User.role == filters.role)
    if filters.is_active is not None:
        statement = statement.where(User.is_active == filters.is_active)
    if filters.q is not None:
        statement = statement.where(contains(filters.q, User.email, User.full_name))
    return paginate(session, statement, User, SORTABLE, filters.sort, filters.limit, filters.offset)


def get_user(session: Session, access: Access, user_id: UUID) -> User:
    """Return one user within the caller's scope."""
    return get_visible(session, User, user_id, OWNER, access)


def create_user(session: Session, passwords: Passwords, data: UserCreate) -> User:
    """Store a new user."""
    refuse_weak_password(data.password, data.email)
    user = User(
        email=data.email,
        full_name=data.full_name,
        role=data.role,
        is_active=data.is_active,
        password_hash=passwords.hash(data.password),
    )
    with transaction(session):
        session.add(user)
    return user


def update_user(session: Session, access: Access, user_id: UUID, changes: UserUpdate) -> User:
    """Change the given fields of a user within the caller's scope."""
    with transaction(session):
        admins = lock_admins(session)
        user = get_visible(session, User, user_id, OWNER, access, lock=True)
        stays_admin = changes.get("role", user.role) is Role.ADMIN
        if not stays_admin or not changes.get("is_active", user.is_active):
            refuse_removing_last_admin(user, admins)
        for field, value in changes.items():
            setattr(user, field, value)
        if not user.is_active:
            revoke_all(session, user.id)
    return user


def delete_user(session: Session, access: Access, user_id: UUID) -> None:
    """Delete a user within the caller's scope."""
    with transaction(session):
        admins = lock_admins(session)
        user = get_visible(session, User, user_id, OWNER, access, lock=True)
        remove(session, user, admins)


def remove(session: Session, user: User, admins: Sequence[UUID]) -> None:
    """Delete an account and what belongs to it alone.

    Raises:
        ConflictError: it is the last administrator.
    """
    refuse_removing_last_admin(user, admins)
    session.delete(user)


def reset_password(
    session: Session, passwords: Passwords, access: Access, user_id: UUID, data: PasswordReset
) -> None:
    """Give a user another password and end their sessions."""
    with transaction(session):
        user = get_visible(session, User, user_id, OWNER, access, lock=True)
        refuse_weak_password(data.password, user.email)
        user.password_hash = passwords.hash(data.password)
        revoke_all(session, user.id)


def refuse_weak_password(password: str, email: str, field: str = "body.password") -> None:
    """Check the rules for a new password.

    Raises:
        UnprocessableError: it is common or contains the e-mail address.
    """
    if reason := weakness(password, email):
        raise UnprocessableError(reason, code="weak_password", field=field)


def lock_admins(session: Session) -> Sequence[UUID]:
    """Return the active administrators, locked: of two who remove each other, the second waits.

    They are locked before the row that is changed and in one order, so nobody waits in a circle.
    """
    statement = select(User.id).where(User.role == Role.ADMIN, User.is_active)
    return session.scalars(statement.order_by(User.id).with_for_update()).all()


def refuse_removing_last_admin(user: User, admins: Sequence[UUID]) -> None:
    """Keep at least one active administrator; without one nobody could ever make another.

    Raises:
        ConflictError: this user is the last one.
    """
    if admins == [user.id]:
        raise ConflictError("The last active administrator must stay one.", code="last_admin")
