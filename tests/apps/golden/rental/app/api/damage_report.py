"""The routes of damage reports."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from app.api.deps import SessionDep, allow
from app.api.responses import created_at_location, problems, set_location
from app.api.version import API_PREFIX
from app.models.damage_report import DamageReport
from app.policy import Action, Resource
from app.schemas.damage_report import (
    DamageReportCreate,
    DamageReportFilter,
    DamageReportPage,
    DamageReportRead,
)
from app.services import damage_report as service

router = APIRouter(prefix=f"{API_PREFIX}/damage-reports", tags=["damage reports"])


@router.get(
    "",
    responses=problems(401, 403, 422),
    dependencies=[Depends(allow(Resource.DAMAGE_REPORTS, Action.LIST))],
)
def list_damage_reports(
    session: SessionDep, filters: Annotated[DamageReportFilter, Query()]
) -> DamageReportPage:
    """List damage reports."""
    rows, total = service.list_damage_reports(session, filters)
    items = [DamageReportRead.model_validate(row) for row in rows]
    return DamageReportPage(items=items, total=total, limit=filters.limit, offset=filters.offset)


@router.post(
    "",
    status_code=201,
    response_model=DamageReportRead,
    responses=created_at_location(400, 401, 403, 409, 413, 415, 422),
    dependencies=[Depends(allow(Resource.DAMAGE_REPORTS, Action.CREATE))],
)
def create_damage_report(
    session: SessionDep, data: DamageReportCreate, request: Request, response: Response
) -> DamageReport:
    """Create one damage report."""
    row = service.create_damage_report(session, data)
    set_location(request, response, "get_damage_report", damage_report_id=row.id)
    return row


@router.get(
    "/{damage_report_id}",
    response_model=DamageReportRead,
    responses=problems(401, 403, 404, 422),
    dependencies=[Depends(allow(Resource.DAMAGE_REPORTS, Action.READ))],
)
def get_damage_report(session: SessionDep, damage_report_id: UUID) -> DamageReport:
    """Read one damage report."""
    return service.get_damage_report(session, damage_report_id)
