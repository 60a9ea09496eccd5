"""The tables. Importing this package is what makes them all known to the metadata."""

from app.models.login_throttle import LoginThrottle
from app.models.refresh_token import RefreshToken
from app.models.user import User
from app.models.user_session import UserSession

__all__ = ["LoginThrottle", "RefreshToken", "User", "UserSession"]
