"""Queries every entity needs: the rows within a scope, one of them, a page of them."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, Select, SQLColumnExpression, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.core.errors import NotFoundError
from app.db.base import Entity
from app.policy import Access, Scope

Row = TypeVar("Row", bound=Entity)


def visible(
    statement: Select[tuple[Row]], owner: SQLColumnExpression[UUID], access: Access
) -> Select[tuple[Row]]:
    """Narrow the statement to the rows this access covers."""
    if access.scope is Scope.ALL:
        return statement
    return statement.where(owner == access.user_id)


def get_visible(
    session: Session,
    model: type[Row],
    identifier: UUID,
    owner: SQLColumnExpression[UUID],
    access: Access,
    *,
    lock: bool = False,
) -> Row:
    """Return the row; with a lock if it is going to be changed.

    Raises:
        NotFoundError: it does not exist or belongs to somebody else; the caller cannot tell which.
    """
    statement = visible(select(model).where(model.id == identifier), owner, access)
    return _only(session, statement, lock)


def _only(session: Session, statement: Select[tuple[Row]], lock: bool) -> Row:
    if lock:
        # What the session has read before may be out of date by the time the lock is there.
        statement = statement.with_for_update().execution_options(populate_existing=True)
    row = session.scalars(statement).one_or_none()
    if row is None:
        raise NotFoundError("There is no such record.")
    return row


def contains(term: str, *columns: InstrumentedAttribute[Any]) -> ColumnElement[bool]:
    """Match rows with the term, as plain text and in any case, in one of the columns."""
    return or_(*(column.icontains(term, autoescape=True) for column in columns))


def paginate(
    session: Session,
    statement: Select[tuple[Row]],
    model: type[Row],
    sortable: Mapping[str, InstrumentedAttribute[Any]],
    sort: str,
    limit: int,
    offset: int,
) -> tuple[Sequence[Row], int]:
    """Return one page of the rows and how many there are in all.

    `sort` is a key of `sortable`, with a leading minus for descending order. The key of the row
    breaks ties, so that no row appears on two pages.
    """
    total = session.scalar(select(func.count()).select_from(statement.subquery())) or 0
    column = sortable[sort.removeprefix("-")]
    order = column.desc() if sort.startswith("-") else column.asc()
    # Databases disagree on where rows without a value go; here it is the end, in both directions.
    order = order.nulls_last()
    rows = session.scalars(statement.order_by(order, model.id).limit(limit).offset(offset)).all()
    return rows, total
