"""The routes of carts."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from app.api.deps import SessionDep, allow
from app.api.responses import created_at_location, problems, set_location
from app.api.version import API_PREFIX
from app.models.cart import Cart
from app.models.order import Order
from app.policy import Access, Action, Resource
from app.schemas.cart import CartCheckout, CartCreate, CartFilter, CartPage, CartRead
from app.schemas.order import OrderRead
from app.services import cart as service

router = APIRouter(prefix=f"{API_PREFIX}/carts", tags=["carts"])

ListAccess = Annotated[Access, Depends(allow(Resource.CARTS, Action.LIST))]
CreateAccess = Annotated[Access, Depends(allow(Resource.CARTS, Action.CREATE))]
ReadAccess = Annotated[Access, Depends(allow(Resource.CARTS, Action.READ))]
DeleteAccess = Annotated[Access, Depends(allow(Resource.CARTS, Action.DELETE))]
CheckoutAccess = Annotated[Access, Depends(allow(Resource.CARTS, Action.CHECKOUT))]


@router.get(
    "",
    responses=problems(401, 403, 422),
)
def list_carts(
    session: SessionDep, access: ListAccess, filters: Annotated[CartFilter, Query()]
) -> CartPage:
    """List carts."""
    rows, total = service.list_carts(session, access, filters)
    items = [CartRead.model_validate(row) for row in rows]
    return CartPage(items=items, total=total, limit=filters.limit, offset=filters.offset)


@router.post(
    "",
    status_code=201,
    response_model=CartRead,
    responses=created_at_location(400, 401, 403, 409, 413, 415, 422),
)
def create_cart(
    session: SessionDep,
    access: CreateAccess,
    data: CartCreate,
    request: Request,
    response: Response,
) -> Cart:
    """Create one cart."""
    row = service.create_cart(session, access, data)
    set_location(request, response, "get_cart", cart_id=row.id)
    return row


@router.get(
    "/{cart_id}",
    response_model=CartRead,
    responses=problems(401, 403, 404, 422),
)
def get_cart(session: SessionDep, access: ReadAccess, cart_id: UUID) -> Cart:
    """Read one cart."""
    return service.get_cart(session, access, cart_id)


@router.delete(
    "/{cart_id}",
    status_code=204,
    responses=problems(401, 403, 404, 409, 422),
)
def delete_cart(session: SessionDep, access: DeleteAccess, cart_id: UUID) -> None:
    """Delete one cart."""
    service.delete_cart(session, access, cart_id)


@router.post(
    "/{cart_id}/checkout",
    status_code=201,
    response_model=OrderRead,
    summary="Check out a cart",
    responses=created_at_location(400, 401, 403, 404, 409, 413, 415, 422),
)
def checkout_cart(
    session: SessionDep,
    access: CheckoutAccess,
    cart_id: UUID,
    data: CartCheckout,
    request: Request,
    response: Response,
) -> Order:
    """Check out a cart."""
    row = service.checkout_cart(session, access, cart_id, data)
    set_location(request, response, "get_order", order_id=row.id)
    return row
