"""The routes of customers."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Body, Depends, Query, Request, Response

from app.api.deps import SessionDep, allow
from app.api.responses import created_at_location, problems, set_location
from app.api.version import API_PREFIX
from app.models.customer import Customer
from app.policy import Action, Resource
from app.schemas.customer import (
    CustomerCreate,
    CustomerFilter,
    CustomerPage,
    CustomerRead,
    CustomerUpdate,
)
from app.services import customer as service

router = APIRouter(prefix=f"{API_PREFIX}/customers", tags=["customers"])


@router.get(
    "",
    responses=problems(401, 403, 422),
    dependencies=[Depends(allow(Resource.CUSTOMERS, Action.LIST))],
)
def list_customers(
    session: SessionDep, filters: Annotated[CustomerFilter, Query()]
) -> CustomerPage:
    """List customers."""
    rows, total = service.list_customers(session, filters)
    items = [CustomerRead.model_validate(row) for row in rows]
    return CustomerPage(items=items, total=total, limit=filters.limit, offset=filters.offset)


@router.post(
    "",
    status_code=201,
    response_model=CustomerRead,
    responses=created_at_location(400, 401, 403, 409, 413, 415, 422),
    dependencies=[Depends(allow(Resource.CUSTOMERS, Action.CREATE))],
)
def create_customer(
    session: SessionDep, data: CustomerCreate, request: Request, response: Response
) -> Customer:
    """Create one customer."""
    row = service.create_customer(session, data)
    set_location(request, response, "get_customer", customer_id=row.id)
    return row


@router.get(
    "/{customer_id}",
    response_model=CustomerRead,
    responses=problems(401, 403, 404, 422),
    dependencies=[Depends(allow(Resource.CUSTOMERS, Action.READ))],
)
def get_customer(session: SessionDep, customer_id: UUID) -> Customer:
    """Read one customer."""
    return service.get_customer(session, customer_id)


@router.patch(
    "/{customer_id}",
    response_model=CustomerRead,
    responses=problems(400, 401, 403, 404, 409, 413, 415, 422),
    dependencies=[Depends(allow(Resource.CUSTOMERS, Action.UPDATE))],
)
def update_customer(
    session: SessionDep, customer_id: UUID, changes: Annotated[CustomerUpdate, Body()]
) -> Customer:
    """Change the given fields of one customer."""
    return service.update_customer(session, customer_id, changes)


@router.delete(
    "/{customer_id}",
    status_code=204,
    responses=problems(401, 403, 404, 409, 422),
    dependencies=[Depends(allow(Resource.CUSTOMERS, Action.DELETE))],
)
def delete_customer(session: SessionDep, customer_id: UUID) -> None:
    """Delete one customer."""
    service.delete_customer(session, customer_id)
