"""The use cases of orders."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.errors import ConflictError
from app.db.numbers import adjust
from app.db.query import get_visible, paginate, visible
from app.db.session import transaction
from app.models.order import Order, OrderStatus
from app.models.order_item import OrderItem
from app.models.product import Product
from app.policy import Access
from app.schemas.order import OrderFilter

OWNER = Order.owner_id
"""The column that says whose row it is."""

SORTABLE = {
    "created_at": Order.created_at,
    "status": Order.status,
    "total": Order.total,
}


def list_orders(
    session: Session, access: Access, filters: OrderFilter
) -> tuple[Sequence[Order], int]:
    """Return a page of the orders within the caller's scope, and how many there are."""
    statement = visible(select(Order), OWNER, access)
    if filters.status is not None:
        statement = statement.where(Order.status == filters.status)
    return paginate(
        session, statement, Order, SORTABLE, filters.sort, filters.limit, filters.offset
    )


def get_order(session: Session, access: Access, order_id: UUID) -> Order:
    """Return one order within the caller's scope."""
    return get_visible(session, Order, order_id, OWNER, access)


def pay_order(session: Session, access: Access, order_id: UUID) -> Order:
    """Pay an order."""
    with transaction(session):
        row = get_visible(session, Order, order_id, OWNER, access, lock=True)
        _move(row, OrderStatus.PAID, OrderStatus.PLACED)
    return row


def ship_order(session: Session, access: Access, order_id: UUID) -> Order:
    """Ship an order."""
    with transaction(session):
        row = get_visible(session, Order, order_id, OWNER, access, lock=True)
        _move(row, OrderStatus.SHIPPED, OrderStatus.PAID)
    return row


def deliver_order(session: Session, access: Access, order_id: UUID) -> Order:
    """Deliver an order."""
    with transaction(session):
        row = get_visible(session, Order, order_id, OWNER, access, lock=True)
        _move(row, OrderStatus.DELIVERED, OrderStatus.SHIPPED)
    return row


def cancel_order(session: Session, access: Access, order_id: UUID) -> Order:
    """Cancel an order."""
    with transaction(session):
        row = get_visible(session, Order, order_id, OWNER, access, lock=True)
        _move(row, OrderStatus.CANCELLED, OrderStatus.PLACED, OrderStatus.PAID)
        statement = select(OrderItem).where(OrderItem.order_id == row.id)
        # Everybody goes by the same order, so that two at a time cannot block each other.
        for line in session.scalars(statement.order_by(OrderItem.product_id, OrderItem.id)):
            adjust(session, Product, line.product_id, Product.stock, line.quantity, 0, Product.name)
    return row


def _move(row: Order, target: OrderStatus, *sources: OrderStatus) -> None:
    if row.status not in sources:
        raise ConflictError(
            f"This cannot be done while status is {row.status.value}.", code="illegal_transition"
        )
    row.status = target
