"""The use cases of items."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.db.query import contains, get_row, paginate
from app.db.session import transaction
from app.models.item import Item
from app.schemas.item import ItemCreate, ItemFilter, ItemUpdate

SORTABLE = {
    "created_at": Item.created_at,
    "name": Item.name,
    "serial_no": Item.serial_no,
    "daily_rate": Item.daily_rate,
    "condition": Item.condition,
    "is_available": Item.is_available,
}


def list_items(session: Session, filters: ItemFilter) -> tuple[Sequence[Item], int]:
    """Return a page of the items, and how many there are."""
    statement = select(Item)
    if filters.condition is not None:
        statement = statement.where(Item.condition == filters.condition)
    if filters.is_available is not None:
        statement = statement.where(Item.is_available == filters.is_available)
    if filters.q is not None:
        statement = statement.where(contains(filters.q, Item.name, Item.serial_no))
    return paginate(session, statement, Item, SORTABLE, filters.sort, filters.limit, filters.offset)


def get_item(session: Session, item_id: UUID) -> Item:
    """Return one item."""
    return get_row(session, Item, item_id)


def create_item(session: Session, data: ItemCreate) -> Item:
    """Store a new item."""
    row = Item(**data.model_dump())
    with transaction(session):
        session.add(row)
    return row


def update_item(session: Session, item_id: UUID, changes: ItemUpdate) -> Item:
    """Change the given fields of one item."""
    with transaction(session):
        row = get_row(session, Item, item_id, lock=True)
        for field, value in changes.items():
            setattr(row, field, value)
    return row


def delete_item(session: Session, item_id: UUID) -> None:
    """Delete one item."""
    with transaction(session):
        session.delete(get_row(session, Item, item_id, lock=True))
