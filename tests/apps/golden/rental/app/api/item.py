"""The routes of items."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Body, Depends, Query, Request, Response

from app.api.deps import SessionDep, allow
from app.api.responses import created_at_location, problems, set_location
from app.api.version import API_PREFIX
from app.models.item import Item
from app.policy import Action, Resource
from app.schemas.item import ItemCreate, ItemFilter, ItemPage, ItemRead, ItemUpdate
from app.services import item as service

router = APIRouter(prefix=f"{API_PREFIX}/items", tags=["items"])


@router.get(
    "",
    responses=problems(401, 403, 422),
    dependencies=[Depends(allow(Resource.ITEMS, Action.LIST))],
)
def list_items(session: SessionDep, filters: Annotated[ItemFilter, Query()]) -> ItemPage:
    """List items."""
    rows, total = service.list_items(session, filters)
    items = [ItemRead.model_validate(row) for row in rows]
    return ItemPage(items=items, total=total, limit=filters.limit, offset=filters.offset)


@router.post(
    "",
    status_code=201,
    response_model=ItemRead,
    responses=created_at_location(400, 401, 403, 409, 413, 415, 422),
    dependencies=[Depends(allow(Resource.ITEMS, Action.CREATE))],
)
def create_item(
    session: SessionDep, data: ItemCreate, request: Request, response: Response
) -> Item:
    """Create one item."""
    row = service.create_item(session, data)
    set_location(request, response, "get_item", item_id=row.id)
    return row


@router.get(
    "/{item_id}",
    response_model=ItemRead,
    responses=problems(401, 403, 404, 422),
    dependencies=[Depends(allow(Resource.ITEMS, Action.READ))],
)
def get_item(session: SessionDep, item_id: UUID) -> Item:
    """Read one item."""
    return service.get_item(session, item_id)


@router.patch(
    "/{item_id}",
    response_model=ItemRead,
    responses=problems(400, 401, 403, 404, 409, 413, 415, 422),
    dependencies=[Depends(allow(Resource.ITEMS, Action.UPDATE))],
)
def update_item(session: SessionDep, item_id: UUID, changes: Annotated[ItemUpdate, Body()]) -> Item:
    """Change the given fields of one item."""
    return service.update_item(session, item_id, changes)


@router.delete(
    "/{item_id}",
    status_code=204,
    responses=problems(401, 403, 404, 409, 422),
    dependencies=[Depends(allow(Resource.ITEMS, Action.DELETE))],
)
def delete_item(session: SessionDep, item_id: UUID) -> None:
    """Delete one item."""
    service.delete_item(session, item_id)
