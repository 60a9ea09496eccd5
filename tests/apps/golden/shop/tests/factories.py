"""Rows and requests for the tests: valid, as small as can be, and the same in every run."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from itertools import count
from typing import Any, TypeVar
from uuid import UUID

from fastapi.encoders import jsonable_encoder
from sqlalchemy.orm import Session

from app.db.base import Entity
from app.models.cart import Cart, CartStatus
from app.models.cart_item import CartItem
from app.models.category import Category
from app.models.order import Order, OrderStatus
from app.models.order_item import OrderItem
from app.models.product import Product
from tests.support import add_user

Row = TypeVar("Row", bound=Entity)


_numbers = count(1)


def restart() -> None:
    """Begin again with number one."""
    global _numbers
    _numbers = count(1)


def store(session: Session, row: Row) -> Row:
    """Save a row and return it."""
    session.add(row)
    session.commit()
    return row


def as_json(values: dict[str, Any]) -> dict[str, Any]:
    """Return the values as a request sends them."""
    encoders: dict[Any, Callable[[Any], Any]] = {
        Decimal: str,
        datetime: lambda moment: moment.isoformat().replace("+00:00", "Z"),
    }
    encoded: dict[str, Any] = jsonable_encoder(values, custom_encoder=encoders)
    return encoded


def add_owner(session: Session) -> UUID:
    """Store an account of nobody in particular and return its key."""
    return add_user(session, f"owner.{next(_numbers)}@example.com").id


def values_of_category(session: Session, changes: dict[str, Any]) -> dict[str, Any]:
    """Return the columns of one category and store what it needs."""
    number = next(_numbers)
    values = dict(changes)
    return {"name": f"Category {number}", "description": f"Description {number}", **values}


def add_category(session: Session, **changes: Any) -> Category:
    """Store one category."""
    return store(session, Category(**values_of_category(session, changes)))


def body_of_category(session: Session, **changes: Any) -> dict[str, Any]:
    """Return the body of a request that makes one category."""
    values = values_of_category(session, changes)
    given = ("name", "description")
    return as_json({name: values[name] for name in given if name in values})


def values_of_product(session: Session, changes: dict[str, Any]) -> dict[str, Any]:
    """Return the columns of one product and store what it needs."""
    number = next(_numbers)
    values = dict(changes)
    return {
        "sku": f"S-{number:04}",
        "name": f"Product {number}",
        "description": f"Description {number}",
        "price": Decimal(number % 998) + Decimal("0.50"),
        "stock": 1 + number % 100,
        "is_active": True,
        **values,
    }


def add_product(session: Session, **changes: Any) -> Product:
    """Store one product."""
    return store(session, Product(**values_of_product(session, changes)))


def body_of_product(session: Session, **changes: Any) -> dict[str, Any]:
    """Return the body of a request that makes one product."""
    values = values_of_product(session, changes)
    given = ("category_id", "sku", "name", "description", "price", "stock", "is_active")
    return as_json({name: values[name] for name in given if name in values})


def values_of_cart(
    session: Session, owner_id: UUID | None, changes: dict[str, Any]
) -> dict[str, Any]:
    """Return the columns of one cart and store what it needs."""
    values = dict(changes)
    owner_id = owner_id or add_owner(session)
    values.setdefault("owner_id", owner_id)
    return {"status": CartStatus.OPEN, **values}


def add_cart(session: Session, *, owner_id: UUID | None = None, **changes: Any) -> Cart:
    """Store one cart."""
    return store(session, Cart(**values_of_cart(session, owner_id, changes)))


def body_of_cart(
    session: Session, *, owner_id: UUID | None = None, **changes: Any
) -> dict[str, Any]:
    """Return the body of a request that makes one cart."""
    values = values_of_cart(session, owner_id, changes)
    return as_json({name: value for name, value in values.items() if name in changes})


def values_of_cart_item(
    session: Session, owner_id: UUID | None, changes: dict[str, Any]
) -> dict[str, Any]:
    """Return the columns of one cart item and store what it needs."""
    number = next(_numbers)
    values = dict(changes)
    owner_id = owner_id or add_owner(session)
    if "cart_id" not in values:
        values["cart_id"] = add_cart(session, owner_id=owner_id).id
    if "product_id" not in values:
        values["product_id"] = add_product(session).id
    return {"quantity": 1 + number % 100, **values}


def add_cart_item(session: Session, *, owner_id: UUID | None = None, **changes: Any) -> CartItem:
    """Store one cart item."""
    return store(session, CartItem(**values_of_cart_item(session, owner_id, changes)))


def body_of_cart_item(
    session: Session, *, owner_id: UUID | None = None, **changes: Any
) -> dict[str, Any]:
    """Return the body of a request that makes one cart item."""
    values = values_of_cart_item(session, owner_id, changes)
    given = ("cart_id", "product_id", "quantity")
    return as_json({name: values[name] for name in given if name in values})


def values_of_order(
    session: Session, owner_id: UUID | None, changes: dict[str, Any]
) -> dict[str, Any]:
    """Return the columns of one order and store what it needs."""
    number = next(_numbers)
    values = dict(changes)
    owner_id = owner_id or add_owner(session)
    values.setdefault("owner_id", owner_id)
    return {
        "status": OrderStatus.PLACED,
        "shipping_address": f"Shipping address {number}",
        "total": Decimal("0.00"),
        **values,
    }


def add_order(session: Session, *, owner_id: UUID | None = None, **changes: Any) -> Order:
    """Store one order."""
    return store(session, Order(**values_of_order(session, owner_id, changes)))


def values_of_order_item(
    session: Session, owner_id: UUID | None, changes: dict[str, Any]
) -> dict[str, Any]:
    """Return the columns of one order item and store what it needs."""
    number = next(_numbers)
    values = dict(changes)
    owner_id = owner_id or add_owner(session)
    if "order_id" not in values:
        values["order_id"] = add_order(session, owner_id=owner_id).id
    if "product_id" not in values:
        values["product_id"] = add_product(session).id
    return {
        "quantity": 1 + number % 100,
        "unit_price": Decimal(number % 998) + Decimal("0.50"),
        "line_total": (1 + number % 100) * (Decimal(number % 998) + Decimal("0.50")),
        **values,
    }


def add_order_item(session: Session, *, owner_id: UUID | None = None, **changes: Any) -> OrderItem:
    """Store one order item."""
    return store(session, OrderItem(**values_of_order_item(session, owner_id, changes)))
