"""The routes of order items."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query

from app.api.deps import SessionDep, allow
from app.api.responses import problems
from app.api.version import API_PREFIX
from app.models.order_item import OrderItem
from app.policy import Access, Action, Resource
from app.schemas.order_item import OrderItemFilter, OrderItemPage, OrderItemRead
from app.services import order_item as service

router = APIRouter(prefix=f"{API_PREFIX}/order-items", tags=["order items"])

ListAccess = Annotated[Access, Depends(allow(Resource.ORDER_ITEMS, Action.LIST))]
ReadAccess = Annotated[Access, Depends(allow(Resource.ORDER_ITEMS, Action.READ))]


@router.get(
    "",
    responses=problems(401, 403, 422),
)
def list_order_items(
    session: SessionDep, access: ListAccess, filters: Annotated[OrderItemFilter, Query()]
) -> OrderItemPage:
    """List order items."""
    rows, total = service.list_order_items(session, access, filters)
    items = [OrderItemRead.model_validate(row) for row in rows]
    return OrderItemPage(items=items, total=total, limit=filters.limit, offset=filters.offset)


@router.get(
    "/{order_item_id}",
    response_model=OrderItemRead,
    responses=problems(401, 403, 404, 422),
)
def get_order_item(session: SessionDep, access: ReadAccess, order_item_id: UUID) -> OrderItem:
    """Read one order item."""
    return service.get_order_item(session, access, order_item_id)
