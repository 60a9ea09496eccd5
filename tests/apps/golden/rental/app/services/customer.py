"""The use cases of customers."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.db.query import contains, get_row, paginate
from app.db.session import transaction
from app.models.customer import Customer
from app.schemas.customer import CustomerCreate, CustomerFilter, CustomerUpdate

SORTABLE = {
    "created_at": Customer.created_at,
    "full_name": Customer.full_name,
    "email": Customer.email,
    "phone": Customer.phone,
}


def list_customers(session: Session, filters: CustomerFilter) -> tuple[Sequence[Customer], int]:
    """Return a page of the customers, and how many there are."""
    statement = select(Customer)
    if filters.q is not None:
        statement = statement.where(contains(filters.q, Customer.full_name, Customer.email))
    return paginate(
        session, statement, Customer, SORTABLE, filters.sort, filters.limit, filters.offset
    )


def get_customer(session: Session, customer_id: UUID) -> Customer:
    """Return one customer."""
    return get_row(session, Customer, customer_id)


def create_customer(session: Session, data: CustomerCreate) -> Customer:
    """Store a new customer."""
    row = Customer(**data.model_dump())
    with transaction(session):
        session.add(row)
    return row


def update_customer(session: Session, customer_id: UUID, changes: CustomerUpdate) -> Customer:
    """Change the given fields of one customer."""
    with transaction(session):
        row = get_row(session, Customer, customer_id, lock=True)
        for field, value in changes.items():
            setattr(row, field, value)
    return row


def delete_customer(session: Session, customer_id: UUID) -> None:
    """Delete one customer."""
    with transaction(session):
        session.delete(get_row(session, Customer, customer_id, lock=True))
