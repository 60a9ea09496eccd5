"""The tables. Importing this package is what makes them all known to the metadata."""

from app.models.cart import Cart
from app.models.cart_item import CartItem
from app.models.category import Category
from app.models.login_throttle import LoginThrottle
from app.models.order import Order
from app.models.order_item import OrderItem
from app.models.product import Product
from app.models.refresh_token import RefreshToken
from app.models.user import User
from app.models.user_session import UserSession

__all__ = [
    "Cart",
    "CartItem",
    "Category",
    "LoginThrottle",
    "Order",
    "OrderItem",
    "Product",
    "RefreshToken",
    "User",
    "UserSession",
]
