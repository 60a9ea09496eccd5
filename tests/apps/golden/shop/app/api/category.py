"""The routes of categories."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Body, Depends, Query, Request, Response

from app.api.deps import SessionDep, allow
from app.api.responses import created_at_location, problems, set_location
from app.api.version import API_PREFIX
from app.models.category import Category
from app.policy import Action, Resource
from app.schemas.category import (
    CategoryCreate,
    CategoryFilter,
    CategoryPage,
    CategoryRead,
    CategoryUpdate,
)
from app.services import category as service

router = APIRouter(prefix=f"{API_PREFIX}/categories", tags=["categories"])


@router.get(
    "",
    responses=problems(422),
    dependencies=[Depends(allow(Resource.CATEGORIES, Action.LIST))],
)
def list_categories(
    session: SessionDep, filters: Annotated[CategoryFilter, Query()]
) -> CategoryPage:
    """List categories."""
    rows, total = service.list_categories(session, filters)
    items = [CategoryRead.model_validate(row) for row in rows]
    return CategoryPage(items=items, total=total, limit=filters.limit, offset=filters.offset)


@router.post(
    "",
    status_code=201,
    response_model=CategoryRead,
    responses=created_at_location(400, 401, 403, 409, 413, 415, 422),
    dependencies=[Depends(allow(Resource.CATEGORIES, Action.CREATE))],
)
def create_category(
    session: SessionDep, data: CategoryCreate, request: Request, response: Response
) -> Category:
    """Create one category."""
    row = service.create_category(session, data)
    set_location(request, response, "get_category", category_id=row.id)
    return row


@router.get(
    "/{category_id}",
    response_model=CategoryRead,
    responses=problems(404, 422),
    dependencies=[Depends(allow(Resource.CATEGORIES, Action.READ))],
)
def get_category(session: SessionDep, category_id: UUID) -> Category:
    """Read one category."""
    return service.get_category(session, category_id)


@router.patch(
    "/{category_id}",
    response_model=CategoryRead,
    responses=problems(400, 401, 403, 404, 409, 413, 415, 422),
    dependencies=[Depends(allow(Resource.CATEGORIES, Action.UPDATE))],
)
def update_category(
    session: SessionDep, category_id: UUID, changes: Annotated[CategoryUpdate, Body()]
) -> Category:
    """Change the given fields of one category."""
    return service.update_category(session, category_id, changes)


@router.delete(
    "/{category_id}",
    status_code=204,
    responses=problems(401, 403, 404, 409, 422),
    dependencies=[Depends(allow(Resource.CATEGORIES, Action.DELETE))],
)
def delete_category(session: SessionDep, category_id: UUID) -> None:
    """Delete one category."""
    service.delete_category(session, category_id)
