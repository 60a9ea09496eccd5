"""The tables. Importing this package is what makes them all known to the metadata."""

from app.models.customer import Customer
from app.models.damage_report import DamageReport
from app.models.item import Item
from app.models.login_throttle import LoginThrottle
from app.models.refresh_token import RefreshToken
from app.models.rental import Rental
from app.models.user import User
from app.models.user_session import UserSession

__all__ = [
    "Customer",
    "DamageReport",
    "Item",
    "LoginThrottle",
    "RefreshToken",
    "Rental",
    "User",
    "UserSession",
]
