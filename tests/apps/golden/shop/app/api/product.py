"""The routes of products."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Body, Depends, Query, Request, Response

from app.api.deps import SessionDep, allow
from app.api.responses import created_at_location, problems, set_location
from app.api.version import API_PREFIX
from app.models.product import Product
from app.policy import Action, Resource
from app.schemas.product import (
    ProductCreate,
    ProductFilter,
    ProductPage,
    ProductRead,
    ProductUpdate,
)
from app.services import product as service

router = APIRouter(prefix=f"{API_PREFIX}/products", tags=["products"])


@router.get(
    "",
    responses=problems(422),
    dependencies=[Depends(allow(Resource.PRODUCTS, Action.LIST))],
)
def list_products(session: SessionDep, filters: Annotated[ProductFilter, Query()]) -> ProductPage:
    """List products."""
    rows, total = service.list_products(session, filters)
    items = [ProductRead.model_validate(row) for row in rows]
    return ProductPage(items=items, total=total, limit=filters.limit, offset=filters.offset)


@router.post(
    "",
    status_code=201,
    response_model=ProductRead,
    responses=created_at_location(400, 401, 403, 409, 413, 415, 422),
    dependencies=[Depends(allow(Resource.PRODUCTS, Action.CREATE))],
)
def create_product(
    session: SessionDep, data: ProductCreate, request: Request, response: Response
) -> Product:
    """Create one product."""
    row = service.create_product(session, data)
    set_location(request, response, "get_product", product_id=row.id)
    return row


@router.get(
    "/{product_id}",
    response_model=ProductRead,
    responses=problems(404, 422),
    dependencies=[Depends(allow(Resource.PRODUCTS, Action.READ))],
)
def get_product(session: SessionDep, product_id: UUID) -> Product:
    """Read one product."""
    return service.get_product(session, product_id)


@router.patch(
    "/{product_id}",
    response_model=ProductRead,
    responses=problems(400, 401, 403, 404, 409, 413, 415, 422),
    dependencies=[Depends(allow(Resource.PRODUCTS, Action.UPDATE))],
)
def update_product(
    session: SessionDep, product_id: UUID, changes: Annotated[ProductUpdate, Body()]
) -> Product:
    """Change the given fields of one product."""
    return service.update_product(session, product_id, changes)


@router.delete(
    "/{product_id}",
    status_code=204,
    responses=problems(401, 403, 404, 409, 422),
    dependencies=[Depends(allow(Resource.PRODUCTS, Action.DELETE))],
)
def delete_product(session: SessionDep, product_id: UUID) -> None:
    """Delete one product."""
    service.delete_product(session, product_id)
