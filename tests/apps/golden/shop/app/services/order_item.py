"""The use cases of order items."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.db.query import get_visible, paginate, visible
from app.models.order import Order
from app.models.order_item import OrderItem
from app.policy import Access
from app.schemas.order_item import OrderItemFilter

OWNER = (
    select(Order.owner_id)
    .where(Order.id == OrderItem.order_id)
    .correlate(OrderItem)
    .scalar_subquery()
)
"""The column that says whose row it is: that of its order."""

SORTABLE = {
    "created_at": OrderItem.created_at,
    "quantity": OrderItem.quantity,
    "unit_price": OrderItem.unit_price,
    "line_total": OrderItem.line_total,
}


def list_order_items(
    session: Session, access: Access, filters: OrderItemFilter
) -> tuple[Sequence[OrderItem], int]:
    """Return a page of the order items within the caller's scope, and how many there are."""
    statement = visible(select(OrderItem), OWNER, access)
    if filters.order_id is not None:
        statement = statement.where(OrderItem.order_id == filters.order_id)
    if filters.product_id is not None:
        statement = statement.where(OrderItem.product_id == filters.product_id)
    return paginate(
        session, statement, OrderItem, SORTABLE, filters.sort, filters.limit, filters.offset
    )


def get_order_item(session: Session, access: Access, order_item_id: UUID) -> OrderItem:
    """Return one order item within the caller's scope."""
    return get_visible(session, OrderItem, order_item_id, OWNER, access)
