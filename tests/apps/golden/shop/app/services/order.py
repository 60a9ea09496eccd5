"""The use cases of an order."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.db.query import get_visible, paginate, visible
from app.db.session import transaction
from app.models.order import Order, OrderStatus
from app.models.order_item import OrderItem
from app.models.product import Product
from app.policy import Access
from app.schemas.order import OrderFilter
from app.services.rules import adjust, next_state

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
    """Return a page of the orders within the caller's scope, and their number."""
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
    """Make a placed order paid."""
    with transaction(session):
        order = get_visible(session, Order, order_id, OWNER, access, lock=True)
        order.status = next_state(order.status, {OrderStatus.PLACED}, OrderStatus.PAID)
    return order


def ship_order(session: Session, access: Access, order_id: UUID) -> Order:
    """Make a paid order shipped."""
    with transaction(session):
        order = get_visible(session, Order, order_id, OWNER, access, lock=True)
        order.status = next_state(order.status, {OrderStatus.PAID}, OrderStatus.SHIPPED)
    return order


def deliver_order(session: Session, access: Access, order_id: UUID) -> Order:
    """Make a shipped order delivered."""
    with transaction(session):
        order = get_visible(session, Order, order_id, OWNER, access, lock=True)
        order.status = next_state(order.status, {OrderStatus.SHIPPED}, OrderStatus.DELIVERED)
    return order


def cancel_order(session: Session, access: Access, order_id: UUID) -> Order:
    """Make a placed or paid order cancelled."""
    with transaction(session):
        order = get_visible(session, Order, order_id, OWNER, access, lock=True)
        order.status = next_state(
            order.status, {OrderStatus.PLACED, OrderStatus.PAID}, OrderStatus.CANCELLED
        )
        lines = select(OrderItem).where(OrderItem.order_id == order.id)
        for line in session.scalars(lines.order_by(OrderItem.product_id, OrderItem.id)):
            adjust(session, Product, line.product_id, Product.stock, line.quantity, 0)
    return order
