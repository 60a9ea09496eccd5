"""The use cases of a cart item."""

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
from app.policy import Access
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
    """Return a page of the cart items within the caller's scope, and their number."""
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
    with transaction(session):
        refer_visible(session, Cart, data.cart_id, Cart.owner_id, access, "cart_id")
        refer(session, Product, data.product_id, "product_id")
        hold_open_cart(session, data.cart_id)
        cart_item = CartItem(
            quantity=data.quantity,
            cart_id=data.cart_id,
            product_id=data.product_id,
        )
        session.add(cart_item)
    return cart_item


def update_cart_item(
    session: Session, access: Access, cart_item_id: UUID, changes: CartItemUpdate
) -> CartItem:
    """Change the given fields of a cart item within the caller's scope."""
    with transaction(session):
        cart_item = get_visible(session, CartItem, cart_item_id, OWNER, access, lock=True)
        hold_open_cart(session, cart_item.cart_id)
        product_id = changes.get("product_id")
        if product_id is not None:
            refer(session, Product, product_id, "product_id")
        for field, value in changes.items():
            setattr(cart_item, field, value)
    return cart_item


def delete_cart_item(session: Session, access: Access, cart_item_id: UUID) -> None:
    """Delete a cart item within the caller's scope."""
    with transaction(session):
        cart_item = get_visible(session, CartItem, cart_item_id, OWNER, access, lock=True)
        hold_open_cart(session, cart_item.cart_id)
        session.delete(cart_item)


def hold_open_cart(session: Session, cart_id: UUID) -> None:
    """Keep the cart from being checked out while its cart items change.

    Raises:
        ConflictError: it is checked out already.
    """
    cart = session.get_one(Cart, cart_id, with_for_update=True, populate_existing=True)
    if cart.status is CartStatus.CHECKED_OUT:
        raise ConflictError("The cart is checked out already.", code="closed")
