"""The use cases of damage reports."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.db.query import contains, get_row, paginate, refer
from app.db.session import transaction
from app.models.damage_report import DamageReport
from app.models.rental import Rental
from app.schemas.damage_report import DamageReportCreate, DamageReportFilter

SORTABLE = {
    "created_at": DamageReport.created_at,
    "repair_cost": DamageReport.repair_cost,
    "reported_on": DamageReport.reported_on,
}


def list_damage_reports(
    session: Session, filters: DamageReportFilter
) -> tuple[Sequence[DamageReport], int]:
    """Return a page of the damage reports, and how many there are."""
    statement = select(DamageReport)
    if filters.rental_id is not None:
        statement = statement.where(DamageReport.rental_id == filters.rental_id)
    if filters.q is not None:
        statement = statement.where(contains(filters.q, DamageReport.description))
    return paginate(
        session, statement, DamageReport, SORTABLE, filters.sort, filters.limit, filters.offset
    )


def get_damage_report(session: Session, damage_report_id: UUID) -> DamageReport:
    """Return one damage report."""
    return get_row(session, DamageReport, damage_report_id)


def create_damage_report(session: Session, data: DamageReportCreate) -> DamageReport:
    """Store a new damage report."""
    row = DamageReport(**data.model_dump())
    with transaction(session):
        _check(session, row)
        session.add(row)
    return row


def _check(session: Session, row: DamageReport) -> None:
    refer(session, Rental, row.rental_id, "rental_id")
