"""The use cases of carts."""

from collections.abc import Sequence
from decimal import Decimal
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.errors import ConflictError
from app.db.numbers import adjust, exact
from app.db.query import get_visible, paginate, visible
from app.db.session import transaction
from app.models.cart import Cart, CartStatus
from app.models.cart_item import CartItem
from app.models.order import Order, OrderStatus
from app.models.order_item import OrderItem
from app.models.product import Product
from app.policy import Access
from app.schemas.cart import CartCheckout, CartCreate, CartFilter

OWNER = Cart.owner_id
"""The column that says whose row it is."""

SORTABLE = {
    "created_at": Cart.created_at,
    "status": Cart.status,
}


def list_carts(session: Session, access: Access, filters: CartFilter) -> tuple[Sequence[Cart], int]:
    """Return a page of the carts within the caller's scope, and how many there are."""
    statement = visible(select(Cart), OWNER, access)
    if filters.status is not None:
        statement = statement.where(Cart.status == filters.status)
    return paginate(session, statement, Cart, SORTABLE, filters.sort, filters.limit, filters.offset)


def get_cart(session: Session, access: Access, cart_id: UUID) -> Cart:
    """Return one cart within the caller's scope."""
    return get_visible(session, Cart, cart_id, OWNER, access)


def create_cart(session: Session, access: Access, data: CartCreate) -> Cart:
    """Store a new cart."""
    row = Cart(**data.model_dump(), owner_id=access.user_id, status=CartStatus.OPEN)
    with transaction(session):
        session.add(row)
    return row


def delete_cart(session: Session, access: Access, cart_id: UUID) -> None:
    """Delete one cart within the caller's scope."""
    with transaction(session):
        session.delete(get_visible(session, Cart, cart_id, OWNER, access, lock=True))


def checkout_cart(session: Session, access: Access, cart_id: UUID, data: CartCheckout) -> Order:
    """Check out a cart."""
    with transaction(session):
        row = get_visible(session, Cart, cart_id, OWNER, access, lock=True)
        if row.status == CartStatus.CHECKED_OUT:
            raise ConflictError("The cart is closed.", code="closed")
        # Everybody goes by the same order, so that two at a time cannot block each other.
        statement = select(CartItem).where(CartItem.cart_id == row.id)
        lines = session.scalars(statement.order_by(CartItem.product_id, CartItem.id)).all()
        if not lines:
            raise ConflictError("The cart is empty.", code="empty")
        made = Order(
            owner_id=row.owner_id,
            shipping_address=data.shipping_address,
            status=OrderStatus.PLACED,
            total=Decimal("0.00"),
        )
        session.add(made)
        session.flush()
        for line in lines:
            adjust(
                session, Product, line.product_id, Product.stock, -line.quantity, 0, Product.name
            )
            product = session.get_one(Product, line.product_id, populate_existing=True)
            new_line = OrderItem(
                order_id=made.id,
                product_id=line.product_id,
                quantity=line.quantity,
                unit_price=product.price,
            )
            new_line.line_total = exact(new_line.quantity * new_line.unit_price, 2, "9999999999.99")
            made.total = exact(made.total + new_line.line_total, 2, "9999999999.99")
            session.add(new_line)
        row.status = CartStatus.CHECKED_OUT
    return made
