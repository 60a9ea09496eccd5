"""The routes of orders."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query

from app.api.deps import SessionDep, allow
from app.api.responses import problems
from app.api.version import API_PREFIX
from app.models.order import Order
from app.policy import Access, Action, Resource
from app.schemas.order import OrderFilter, OrderPage, OrderRead
from app.services import order as service

router = APIRouter(prefix=f"{API_PREFIX}/orders", tags=["orders"])

ListAccess = Annotated[Access, Depends(allow(Resource.ORDERS, Action.LIST))]
ReadAccess = Annotated[Access, Depends(allow(Resource.ORDERS, Action.READ))]
PayAccess = Annotated[Access, Depends(allow(Resource.ORDERS, Action.PAY))]
ShipAccess = Annotated[Access, Depends(allow(Resource.ORDERS, Action.SHIP))]
DeliverAccess = Annotated[Access, Depends(allow(Resource.ORDERS, Action.DELIVER))]
CancelAccess = Annotated[Access, Depends(allow(Resource.ORDERS, Action.CANCEL))]


@router.get(
    "",
    responses=problems(401, 403, 422),
)
def list_orders(
    session: SessionDep, access: ListAccess, filters: Annotated[OrderFilter, Query()]
) -> OrderPage:
    """List orders."""
    rows, total = service.list_orders(session, access, filters)
    items = [OrderRead.model_validate(row) for row in rows]
    return OrderPage(items=items, total=total, limit=filters.limit, offset=filters.offset)


@router.get(
    "/{order_id}",
    response_model=OrderRead,
    responses=problems(401, 403, 404, 422),
)
def get_order(session: SessionDep, access: ReadAccess, order_id: UUID) -> Order:
    """Read one order."""
    return service.get_order(session, access, order_id)


@router.post(
    "/{order_id}/pay",
    response_model=OrderRead,
    summary="Pay an order",
    responses=problems(401, 403, 404, 409, 422),
)
def pay_order(session: SessionDep, access: PayAccess, order_id: UUID) -> Order:
    """Pay an order."""
    return service.pay_order(session, access, order_id)


@router.post(
    "/{order_id}/ship",
    response_model=OrderRead,
    summary="Ship an order",
    responses=problems(401, 403, 404, 409, 422),
)
def ship_order(session: SessionDep, access: ShipAccess, order_id: UUID) -> Order:
    """Ship an order."""
    return service.ship_order(session, access, order_id)


@router.post(
    "/{order_id}/deliver",
    response_model=OrderRead,
    summary="Deliver an order",
    responses=problems(401, 403, 404, 409, 422),
)
def deliver_order(session: SessionDep, access: DeliverAccess, order_id: UUID) -> Order:
    """Deliver an order."""
    return service.deliver_order(session, access, order_id)


@router.post(
    "/{order_id}/cancel",
    response_model=OrderRead,
    summary="Cancel an order",
    responses=problems(401, 403, 404, 409, 422),
)
def cancel_order(session: SessionDep, access: CancelAccess, order_id: UUID) -> Order:
    """Cancel an order."""
    return service.cancel_order(session, access, order_id)
