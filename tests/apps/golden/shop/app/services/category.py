"""The use cases of categories."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.db.query import contains, get_row, paginate
from app.db.session import transaction
from app.models.category import Category
from app.schemas.category import CategoryCreate, CategoryFilter, CategoryUpdate

SORTABLE = {
    "created_at": Category.created_at,
    "name": Category.name,
}


def list_categories(session: Session, filters: CategoryFilter) -> tuple[Sequence[Category], int]:
    """Return a page of the categories, and how many there are."""
    statement = select(Category)
    if filters.q is not None:
        statement = statement.where(contains(filters.q, Category.name))
    return paginate(
        session, statement, Category, SORTABLE, filters.sort, filters.limit, filters.offset
    )


def get_category(session: Session, category_id: UUID) -> Category:
    """Return one category."""
    return get_row(session, Category, category_id)


def create_category(session: Session, data: CategoryCreate) -> Category:
    """Store a new category."""
    row = Category(**data.model_dump())
    with transaction(session):
        session.add(row)
    return row


def update_category(session: Session, category_id: UUID, changes: CategoryUpdate) -> Category:
    """Change the given fields of one category."""
    with transaction(session):
        row = get_row(session, Category, category_id, lock=True)
        for field, value in changes.items():
            setattr(row, field, value)
    return row


def delete_category(session: Session, category_id: UUID) -> None:
    """Delete one category."""
    with transaction(session):
        session.delete(get_row(session, Category, category_id, lock=True))
