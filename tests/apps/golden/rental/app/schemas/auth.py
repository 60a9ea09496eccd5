"""The forms of logging in and of the caller's own account."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, with_config
from typing_extensions import TypedDict

from app.schemas.base import STRICT, Input, Output
from app.schemas.types import Email
from app.schemas.user import FullName, GivenPassword, NewPassword

RefreshSecret = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{43}$")]


class Registration(Input):
    """Somebody who wants an account."""

    email: Email
    full_name: FullName
    password: NewPassword


class Login(Input):
    """Proof of who the caller is."""

    email: Email
    password: GivenPassword


class Refresh(Input):
    """A refresh token to exchange."""

    refresh_token: RefreshSecret


class TokenPair(Output):
    """What a client needs to act for the user (RFC 6749 5.1)."""

    access_token: str
    refresh_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105 - the name of a scheme
    expires_in: int = Field(description="Seconds until the access token ends.")


@with_config(STRICT)
class ProfileUpdate(TypedDict, total=False):
    """What people may change about themselves; role and e-mail address are not among it."""

    full_name: FullName


class PasswordChange(Input):
    """A new password, with the old one as proof."""

    current_password: GivenPassword
    new_password: NewPassword


class AccountDeletion(Input):
    """The password as proof that the account's owner wants it gone."""

    password: GivenPassword
