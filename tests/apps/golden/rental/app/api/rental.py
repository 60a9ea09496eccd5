"""The routes of rentals."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Body, Depends, Query, Request, Response

from app.api.deps import SessionDep, allow
from app.api.responses import created_at_location, problems, set_location
from app.api.version import API_PREFIX
from app.models.rental import Rental
from app.policy import Action, Resource
from app.schemas.rental import RentalCreate, RentalFilter, RentalPage, RentalRead, RentalUpdate
from app.services import rental as service

router = APIRouter(prefix=f"{API_PREFIX}/rentals", tags=["rentals"])


@router.get(
    "",
    responses=problems(401, 403, 422),
    dependencies=[Depends(allow(Resource.RENTALS, Action.LIST))],
)
def list_rentals(session: SessionDep, filters: Annotated[RentalFilter, Query()]) -> RentalPage:
    """List rentals."""
    rows, total = service.list_rentals(session, filters)
    items = [RentalRead.model_validate(row) for row in rows]
    return RentalPage(items=items, total=total, limit=filters.limit, offset=filters.offset)


@router.post(
    "",
    status_code=201,
    response_model=RentalRead,
    responses=created_at_location(400, 401, 403, 409, 413, 415, 422),
    dependencies=[Depends(allow(Resource.RENTALS, Action.CREATE))],
)
def create_rental(
    session: SessionDep, data: RentalCreate, request: Request, response: Response
) -> Rental:
    """Create one rental."""
    row = service.create_rental(session, data)
    set_location(request, response, "get_rental", rental_id=row.id)
    return row


@router.get(
    "/{rental_id}",
    response_model=RentalRead,
    responses=problems(401, 403, 404, 422),
    dependencies=[Depends(allow(Resource.RENTALS, Action.READ))],
)
def get_rental(session: SessionDep, rental_id: UUID) -> Rental:
    """Read one rental."""
    return service.get_rental(session, rental_id)


@router.patch(
    "/{rental_id}",
    response_model=RentalRead,
    responses=problems(400, 401, 403, 404, 409, 413, 415, 422),
    dependencies=[Depends(allow(Resource.RENTALS, Action.UPDATE))],
)
def update_rental(
    session: SessionDep, rental_id: UUID, changes: Annotated[RentalUpdate, Body()]
) -> Rental:
    """Change the given fields of one rental."""
    return service.update_rental(session, rental_id, changes)


@router.delete(
    "/{rental_id}",
    status_code=204,
    responses=problems(401, 403, 404, 409, 422),
    dependencies=[Depends(allow(Resource.RENTALS, Action.DELETE))],
)
def delete_rental(session: SessionDep, rental_id: UUID) -> None:
    """Delete one rental."""
    service.delete_rental(session, rental_id)


@router.post(
    "/{rental_id}/pick-up",
    response_model=RentalRead,
    summary="Pick up a rental",
    responses=problems(401, 403, 404, 409, 422),
    dependencies=[Depends(allow(Resource.RENTALS, Action.PICK_UP))],
)
def pick_up_rental(session: SessionDep, rental_id: UUID) -> Rental:
    """Pick up a rental."""
    return service.pick_up_rental(session, rental_id)


@router.post(
    "/{rental_id}/return",
    response_model=RentalRead,
    summary="Return a rental",
    responses=problems(401, 403, 404, 409, 422),
    dependencies=[Depends(allow(Resource.RENTALS, Action.RETURN))],
)
def return_rental(session: SessionDep, rental_id: UUID) -> Rental:
    """Return a rental."""
    return service.return_rental(session, rental_id)


@router.post(
    "/{rental_id}/cancel",
    response_model=RentalRead,
    summary="Cancel a rental",
    responses=problems(401, 403, 404, 409, 422),
    dependencies=[Depends(allow(Resource.RENTALS, Action.CANCEL))],
)
def cancel_rental(session: SessionDep, rental_id: UUID) -> Rental:
    """Cancel a rental."""
    return service.cancel_rental(session, rental_id)
