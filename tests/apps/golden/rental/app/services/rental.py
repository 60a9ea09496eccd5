"""The use cases of rentals."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from app.core.errors import ConflictError, UnprocessableError
from app.db.query import get_row, paginate, refer
from app.db.session import transaction
from app.models.customer import Customer
from app.models.item import Item
from app.models.rental import Rental, RentalStatus
from app.schemas.rental import RentalCreate, RentalFilter, RentalUpdate

SORTABLE = {
    "created_at": Rental.created_at,
    "start_date": Rental.start_date,
    "end_date": Rental.end_date,
    "deposit": Rental.deposit,
    "status": Rental.status,
}


def list_rentals(session: Session, filters: RentalFilter) -> tuple[Sequence[Rental], int]:
    """Return a page of the rentals, and how many there are."""
    statement = select(Rental)
    if filters.customer_id is not None:
        statement = statement.where(Rental.customer_id == filters.customer_id)
    if filters.item_id is not None:
        statement = statement.where(Rental.item_id == filters.item_id)
    if filters.start_date_from is not None:
        statement = statement.where(Rental.start_date >= filters.start_date_from)
    if filters.start_date_to is not None:
        statement = statement.where(Rental.start_date <= filters.start_date_to)
    if filters.end_date_from is not None:
        statement = statement.where(Rental.end_date >= filters.end_date_from)
    if filters.end_date_to is not None:
        statement = statement.where(Rental.end_date <= filters.end_date_to)
    if filters.status is not None:
        statement = statement.where(Rental.status == filters.status)
    return paginate(
        session, statement, Rental, SORTABLE, filters.sort, filters.limit, filters.offset
    )


def get_rental(session: Session, rental_id: UUID) -> Rental:
    """Return one rental."""
    return get_row(session, Rental, rental_id)


def create_rental(session: Session, data: RentalCreate) -> Rental:
    """Store a new rental."""
    row = Rental(**data.model_dump(), status=RentalStatus.RESERVED)
    with transaction(session):
        _check(session, row)
        session.add(row)
    return row


def update_rental(session: Session, rental_id: UUID, changes: RentalUpdate) -> Rental:
    """Change the given fields of one rental."""
    with transaction(session), session.no_autoflush:
        row = get_row(session, Rental, rental_id, lock=True)
        for field, value in changes.items():
            setattr(row, field, value)
        _check(session, row)
    return row


def delete_rental(session: Session, rental_id: UUID) -> None:
    """Delete one rental."""
    with transaction(session):
        session.delete(get_row(session, Rental, rental_id, lock=True))


def pick_up_rental(session: Session, rental_id: UUID) -> Rental:
    """Pick up a rental."""
    with transaction(session):
        row = get_row(session, Rental, rental_id, lock=True)
        _move(row, RentalStatus.PICKED_UP, RentalStatus.RESERVED)
    return row


def return_rental(session: Session, rental_id: UUID) -> Rental:
    """Return a rental."""
    with transaction(session):
        row = get_row(session, Rental, rental_id, lock=True)
        _move(row, RentalStatus.RETURNED, RentalStatus.PICKED_UP)
    return row


def cancel_rental(session: Session, rental_id: UUID) -> Rental:
    """Cancel a rental."""
    with transaction(session):
        row = get_row(session, Rental, rental_id, lock=True)
        _move(row, RentalStatus.CANCELLED, RentalStatus.RESERVED)
    return row


def _move(row: Rental, target: RentalStatus, *sources: RentalStatus) -> None:
    if row.status not in sources:
        raise ConflictError(
            f"This cannot be done while status is {row.status.value}.", code="illegal_transition"
        )
    row.status = target


def _check(session: Session, row: Rental) -> None:
    refer(session, Customer, row.customer_id, "customer_id")
    # Whoever else wants the same one waits here, and then finds this row.
    refer(session, Item, row.item_id, "item_id", lock=True)
    _check_rental_dates_ordered(row)
    _check_item_rented_once(session, row)


def _check_rental_dates_ordered(row: Rental) -> None:
    if row.start_date > row.end_date:
        raise UnprocessableError(
            "end_date must not be before start_date.", code="not_ordered", field="body.end_date"
        )


def _check_item_rented_once(session: Session, row: Rental) -> None:
    counted = (RentalStatus.RESERVED, RentalStatus.PICKED_UP)
    if row.status not in counted:
        return
    statement = select(Rental.id).where(
        Rental.id != row.id,
        Rental.item_id == row.item_id,
        Rental.status.in_(counted),
        # Half-open: one may start when another ends; two of no length collide when they start.
        or_(
            Rental.start_date == row.start_date,
            and_(Rental.start_date < row.end_date, Rental.end_date > row.start_date),
        ),
    )
    if session.scalars(statement.limit(1)).first() is not None:
        raise ConflictError(
            "The item is taken in this time.", code="overlap", field="body.start_date"
        )
