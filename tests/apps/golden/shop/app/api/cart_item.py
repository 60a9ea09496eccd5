"""The routes of cart items."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Body, Depends, Query, Request, Response

from app.api.deps import SessionDep, allow
from app.api.responses import created_at_location, problems, set_location
from app.api.version import API_PREFIX
from app.models.cart_item import CartItem
from app.policy import Access, Action, Resource
from app.schemas.cart_item import (
    CartItemCreate,
    CartItemFilter,
    CartItemPage,
    CartItemRead,
    CartItemUpdate,
)
from app.services import cart_item as service

router = APIRouter(prefix=f"{API_PREFIX}/cart-items", tags=["cart items"])

ListAccess = Annotated[Access, Depends(allow(Resource.CART_ITEMS, Action.LIST))]
CreateAccess = Annotated[Access, Depends(allow(Resource.CART_ITEMS, Action.CREATE))]
ReadAccess = Annotated[Access, Depends(allow(Resource.CART_ITEMS, Action.READ))]
UpdateAccess = Annotated[Access, Depends(allow(Resource.CART_ITEMS, Action.UPDATE))]
DeleteAccess = Annotated[Access, Depends(allow(Resource.CART_ITEMS, Action.DELETE))]


@router.get(
    "",
    responses=problems(401, 403, 422),
)
def list_cart_items(
    session: SessionDep, access: ListAccess, filters: Annotated[CartItemFilter, Query()]
) -> CartItemPage:
    """List cart items."""
    rows, total = service.list_cart_items(session, access, filters)
    items = [CartItemRead.model_validate(row) for row in rows]
    return CartItemPage(items=items, total=total, limit=filters.limit, offset=filters.offset)


@router.post(
    "",
    status_code=201,
    response_model=CartItemRead,
    responses=created_at_location(400, 401, 403, 409, 413, 415, 422),
)
def create_cart_item(
    session: SessionDep,
    access: CreateAccess,
    data: CartItemCreate,
    request: Request,
    response: Response,
) -> CartItem:
    """Create one cart item."""
    row = service.create_cart_item(session, access, data)
    set_location(request, response, "get_cart_item", cart_item_id=row.id)
    return row


@router.get(
    "/{cart_item_id}",
    response_model=CartItemRead,
    responses=problems(401, 403, 404, 422),
)
def get_cart_item(session: SessionDep, access: ReadAccess, cart_item_id: UUID) -> CartItem:
    """Read one cart item."""
    return service.get_cart_item(session, access, cart_item_id)


@router.patch(
    "/{cart_item_id}",
    response_model=CartItemRead,
    responses=problems(400, 401, 403, 404, 409, 413, 415, 422),
)
def update_cart_item(
    session: SessionDep,
    access: UpdateAccess,
    cart_item_id: UUID,
    changes: Annotated[CartItemUpdate, Body()],
) -> CartItem:
    """Change the given fields of one cart item."""
    return service.update_cart_item(session, access, cart_item_id, changes)


@router.delete(
    "/{cart_item_id}",
    status_code=204,
    responses=problems(401, 403, 404, 409, 422),
)
def delete_cart_item(session: SessionDep, access: DeleteAccess, cart_item_id: UUID) -> None:
    """Delete one cart item."""
    service.delete_cart_item(session, access, cart_item_id)
