"""Data for development: the same rows on every machine, and nobody can log in with them."""

from collections.abc import Callable
from decimal import Decimal
from uuid import UUID, uuid5

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.passwords import UNUSABLE
from app.db.base import Entity
from app.db.session import transaction
from app.models.cart import Cart, CartStatus
from app.models.cart_item import CartItem
from app.models.category import Category
from app.models.order import Order, OrderStatus
from app.models.order_item import OrderItem
from app.models.product import Product
from app.models.user import User
from app.policy import LOWEST_ROLE

NAMESPACE = UUID("5b9e1d0c-7c1a-4f6e-9d3b-2a8f4c6e0b17")
FIRST_NAMES = ("Ada", "Bela", "Chidi", "Dana", "Emre", "Fumiko", "Gita", "Hugo", "Ines", "Jonas")
LAST_NAMES = ("Amaro", "Brandt", "Costa", "Dahl", "Eriksen", "Fischer", "Goto", "Haas", "Ivanov")


def seed(session: Session, count: int) -> int:
    """Add what is missing of the first `count` rows of each kind, and return how many that were."""
    added = 0
    with transaction(session):
        for model, make in MAKERS:
            known = set(session.scalars(select(model.id)))
            rows = [make(number) for number in range(1, count + 1)]
            missing = [row for row in rows if row.id not in known]
            session.add_all(missing)
            session.flush()
            added += len(missing)
    return added


def _key(table: str, number: int) -> UUID:
    return uuid5(NAMESPACE, f"{table}:{number}")


def _person(number: int) -> str:
    return f"{FIRST_NAMES[number % 10]} {LAST_NAMES[number % 9]}"


def _user(number: int) -> User:
    return User(
        id=_key("users", number),
        email=f"user.{number}@example.com",
        full_name=_person(number),
        role=LOWEST_ROLE,
        is_active=number % 10 != 0,
        password_hash=UNUSABLE,
    )


def _category(number: int) -> Category:
    return Category(
        id=_key("categories", number),
        name=f"Category {number}",
        description=f"Description {number}",
    )


def _product(number: int) -> Product:
    return Product(
        id=_key("products", number),
        category_id=_key("categories", number),
        sku=f"S-{number:04}",
        name=f"Product {number}",
        description=f"Description {number}",
        price=Decimal(number % 998) + Decimal("0.50"),
        stock=1 + number % 100,
        is_active=True,
    )


def _cart(number: int) -> Cart:
    return Cart(
        id=_key("carts", number),
        owner_id=_key("users", number),
        status=CartStatus.OPEN,
    )


def _cart_item(number: int) -> CartItem:
    return CartItem(
        id=_key("cart_items", number),
        cart_id=_key("carts", number),
        product_id=_key("products", number),
        quantity=1 + number % 100,
    )


def _order(number: int) -> Order:
    return Order(
        id=_key("orders", number),
        owner_id=_key("users", number),
        status=OrderStatus.PLACED,
        shipping_address=f"Shipping address {number}",
        total=(1 + number % 100) * (Decimal(number % 998) + Decimal("0.50")),
    )


def _order_item(number: int) -> OrderItem:
    return OrderItem(
        id=_key("order_items", number),
        order_id=_key("orders", number),
        product_id=_key("products", number),
        quantity=1 + number % 100,
        unit_price=Decimal(number % 998) + Decimal("0.50"),
        line_total=(1 + number % 100) * (Decimal(number % 998) + Decimal("0.50")),
    )


MAKERS: tuple[tuple[type[Entity], Callable[[int], Entity]], ...] = (
    (User, _user),
    (Category, _category),
    (Product, _product),
    (Cart, _cart),
    (CartItem, _cart_item),
    (Order, _order),
    (OrderItem, _order_item),
)
"""Those that others refer to come first."""
