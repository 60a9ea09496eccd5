"""The use cases of a cart."""

from collections.abc import Sequence
from decimal import Decimal
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.errors import ConflictError
from app.db.query import get_visible, paginate, visible
from app.db.session import transaction
from app.models.cart import Cart, CartStatus
from app.models.cart_item import CartItem
from app.models.order import Order
from app.models.order_item import OrderItem
from app.models.product import Product
from app.policy import Access
from app.schemas.cart import CartCheckout, CartFilter
from app.services.rules import adjust, bounded

OWNER = Cart.owner_id
"""The column that says whose row it is."""

SORTABLE = {
    "created_at": Cart.created_at,
    "status": Cart.status,
}


def list_carts(session: Session, access: Access, filters: CartFilter) -> tuple[Sequence[Cart], int]:
    """Return a page of the carts within the caller's scope, and their number."""
    statement = visible(select(Cart), OWNER, access)
    if filters.status is not None:
        statement = statement.where(Cart.status == filters.status)
    return paginate(session, statement, Cart, SORTABLE, filters.sort, filters.limit, filters.offset)


def get_cart(session: Session, access: Access, cart_id: UUID) -> Cart:
    """Return one cart within the caller's scope."""
    return get_visible(session, Cart, cart_id, OWNER, access)


def create_cart(session: Session, access: Access) -> Cart:
    """Store a new cart that belongs to the caller."""
    with transaction(session):
        cart = Cart(
            owner_id=access.user_id,
        )
        session.add(cart)
    return cart


def delete_cart(session: Session, access: Access, cart_id: UUID) -> None:
    """Delete a cart within the caller's scope."""
    with transaction(session):
        cart = get_visible(session, Cart, cart_id, OWNER, access, lock=True)
        session.delete(cart)


def checkout_cart(session: Session, access: Access, cart_id: UUID, data: CartCheckout) -> Order:
    """Turn the cart into an order.

    Raises:
        ConflictError: it is checked out already, it is empty, or there is not enough of something.
    """
    with transaction(session):
        cart = get_visible(session, Cart, cart_id, OWNER, access, lock=True)
        if cart.status is CartStatus.CHECKED_OUT:
            raise ConflictError("The cart is checked out already.", code="illegal_transition")
        # Everybody takes stock in the same order, so that two at a time cannot block each other.
        statement = select(CartItem).where(CartItem.cart_id == cart.id)
        lines = session.scalars(statement.order_by(CartItem.product_id, CartItem.id)).all()
        if not lines:
            raise ConflictError("The cart is empty.", code="empty")
        order = Order(
            owner_id=cart.owner_id,
            shipping_address=data.shipping_address,
        )
        session.add(order)
        session.flush()
        total = Decimal(0)
        for line in lines:
            adjust(session, Product, line.product_id, Product.stock, -line.quantity, 0)
            product = session.get_one(Product, line.product_id, populate_existing=True)
            line_total = bounded(line.quantity * product.price, Decimal("9999999999.99"))
            session.add(
                OrderItem(
                    order_id=order.id,
                    product_id=line.product_id,
                    quantity=line.quantity,
                    unit_price=product.price,
                    line_total=line_total,
                )
            )
            total += line_total
        order.total = bounded(total, Decimal("9999999999.99"))
        cart.status = CartStatus.CHECKED_OUT
    return order
