"""The use cases of cart items."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.errors import ConflictError
from app.db.query import get_visible, paginate, refer, refer_visible, visible
from app.db.session import transaction
from app.models.cart import Cart, CartStatus
from app.models.cart_item import CartItem
from app.models.product import Product
from app.policy import Access, Resource, reading
from app.schemas.cart_item import CartItemCreate, CartItemFilter, CartItemUpdate

OWNER = (
    select(Cart.owner_id).where(Cart.id == CartItem.cart_id).correlate(CartItem).scalar_subquery()
)
"""The column that says whose row it is: that of its cart."""

SORTABLE = {
    "created_at": CartItem.created_at,
    "quantity": CartItem.quantity,
}


def list_cart_items(
    session: Session, access: Access, filters: CartItemFilter
) -> tuple[Sequence[CartItem], int]:
    """Return a page of the cart items within the caller's scope, and how many there are."""
    statement = visible(select(CartItem), OWNER, access)
    if filters.cart_id is not None:
        statement = statement.where(CartItem.cart_id == filters.cart_id)
    if filters.product_id is not None:
        statement = statement.where(CartItem.product_id == filters.product_id)
    return paginate(
        session, statement, CartItem, SORTABLE, filters.sort, filters.limit, filters.offset
    )


def get_cart_item(session: Session, access: Access, cart_item_id: UUID) -> CartItem:
    """Return one cart item within the caller's scope."""
    return get_visible(session, CartItem, cart_item_id, OWNER, access)


def create_cart_item(session: Session, access: Access, data: CartItemCreate) -> CartItem:
    """Store a new cart item."""
    row = CartItem(**data.model_dump())
    with transaction(session):
        _check(session, access, row)
        session.add(row)
    return row


def update_cart_item(
    session: Session, access: Access, cart_item_id: UUID, changes: CartItemUpdate
) -> CartItem:
    """Change the given fields of one cart item within the caller's scope."""
    with transaction(session), session.no_autoflush:
        row = get_visible(session, CartItem, cart_item_id, OWNER, access, lock=True)
        for field, value in changes.items():
            setattr(row, field, value)
        _check(session, access, row)
    return row


def delete_cart_item(session: Session, access: Access, cart_item_id: UUID) -> None:
    """Delete one cart item within the caller's scope."""
    with transaction(session):
        row = get_visible(session, CartItem, cart_item_id, OWNER, access, lock=True)
        _check_cart_open(session, row)
        session.delete(row)


def _check(session: Session, access: Access, row: CartItem) -> None:
    refer_visible(
        session, Cart, row.cart_id, Cart.owner_id, reading(access, Resource.CARTS), "cart_id"
    )
    refer(session, Product, row.product_id, "product_id")
    _check_cart_open(session, row)


def _check_cart_open(session: Session, row: CartItem) -> None:
    # Held until the end, so that it cannot be closed while what belongs to it changes.
    cart = session.get_one(Cart, row.cart_id, with_for_update=True, populate_existing=True)
    if cart.status == CartStatus.CHECKED_OUT:
        raise ConflictError("The cart is closed.", code="closed")
