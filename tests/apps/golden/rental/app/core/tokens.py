"""Access tokens (JWT, RFC 7519 and RFC 8725) and opaque secrets."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID, uuid4

import jwt

from app.core import clock
from app.core.config import Settings

ALGORITHM = "HS256"
ISSUER = "rental"
AUDIENCE = "rental-api"
REQUIRED_CLAIMS = ["aud", "exp", "iat", "iss", "jti", "sid", "sub", "type"]


class InvalidTokenError(Exception):
    """The access token is malformed, forged, expired or meant for somebody else."""


@dataclass(frozen=True)
class AccessToken:
    """What an access token says: who, and in which session. Rights are read from the database."""

    user_id: UUID
    session_id: UUID


def issue_access_token(settings: Settings, token: AccessToken) -> str:
    """Sign an access token that ends after `access_token_minutes`."""
    issued = clock.now()
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": str(token.user_id),
        "sid": str(token.session_id),
        "jti": str(uuid4()),
        "iat": issued,
        "exp": issued + timedelta(minutes=settings.access_token_minutes),
        "type": "access",
    }
    return jwt.encode(claims, settings.secret_key.get_secret_value(), algorithm=ALGORITHM)


def read_access_token(settings: Settings, encoded: str) -> AccessToken:
    """Check the signature and every claim.

    Raises:
        InvalidTokenError: whatever is wrong with it; the reason is not for the caller.
    """
    try:
        claims = jwt.decode(
            encoded,
            settings.secret_key.get_secret_value(),
            algorithms=[ALGORITHM],  # pinned: the token's own header must not choose
            audience=AUDIENCE,
            issuer=ISSUER,
            options={"require": REQUIRED_CLAIMS, "verify_exp": False, "verify_iat": False},
        )
        # Checked here and not by the library, which would read the real clock.
        if claims["type"] != "access" or int(claims["exp"]) <= clock.now().timestamp():
            raise InvalidTokenError
        return AccessToken(UUID(claims["sub"]), UUID(claims["sid"]))
    except (jwt.PyJWTError, ValueError, TypeError, AttributeError) as error:
        raise InvalidTokenError from error


def new_secret() -> str:
    """Return 256 random bits as text that fits a URL."""
    return secrets.token_urlsafe(32)


def fingerprint(secret: str) -> str:
    """Return what is stored instead of the secret. It has 256 bits, so no slow hash is needed."""
    return hashlib.sha256(secret.encode()).hexdigest()
