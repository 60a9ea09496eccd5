"""Numbers that the application computes or changes by itself."""

from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import CursorResult, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.core.errors import ConflictError
from app.db.base import Entity


def exact(value: Decimal | int, scale: int, largest: str) -> Decimal:
    """Return a computed number with its digits after the point, rounded half up.

    Raises:
        ConflictError: it is larger than what can be stored.
    """
    rounded = Decimal(value).quantize(Decimal(1).scaleb(-scale), ROUND_HALF_UP)
    if abs(rounded) > Decimal(largest):
        raise ConflictError(f"The result is above {largest}.", code="out_of_range")
    return rounded


def adjust(
    session: Session,
    model: type[Entity],
    identifier: UUID,
    column: InstrumentedAttribute[Any],
    change: int | Decimal,
    floor: int | Decimal,
    label: InstrumentedAttribute[str] | None = None,
) -> None:
    """Change a number of a row; one statement, so that two at a time cannot pass the floor.

    `label` is the column that names the row to a person.

    Raises:
        ConflictError: it would fall below the floor.
    """
    statement = update(model).where(model.id == identifier)
    if change < 0:
        statement = statement.where(column + change >= floor)
    result = session.execute(
        statement.values({column: column + change}),
        execution_options={"synchronize_session": False},
    )
    assert isinstance(result, CursorResult)  # noqa: S101 - narrows the type
    if result.rowcount == 0:
        name = (
            session.scalar(select(label).where(model.id == identifier)) if label else model.__name__
        )
        detail = f"There is not enough {column.key} of {name} ({identifier}) left."
        raise ConflictError(detail, code="insufficient")
