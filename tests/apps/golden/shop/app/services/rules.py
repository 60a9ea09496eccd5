"""What the rules of several entities share."""

from collections.abc import Set
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import CursorResult, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.core.errors import ConflictError
from app.db.base import Entity

State = TypeVar("State", bound=StrEnum)
Number = TypeVar("Number", int, Decimal)


def next_state(present: State, sources: Set[State], target: State) -> State:
    """Return the state a transition leads to.

    Raises:
        ConflictError: the row is not in a state it can start from.
    """
    if present not in sources:
        raise ConflictError(
            f"What is {present.value} cannot become {target.value}.", code="illegal_transition"
        )
    return target


def bounded(value: Number, largest: Number) -> Number:
    """Return a computed number.

    Raises:
        ConflictError: it is larger than what can be stored.
    """
    if value > largest:
        raise ConflictError(f"The result is above {largest}.", code="out_of_range")
    return value


def adjust(
    session: Session,
    model: type[Entity],
    identifier: UUID,
    column: InstrumentedAttribute[Any],
    change: int | Decimal,
    floor: int | Decimal,
) -> None:
    """Change a number of a row; one statement, so that two at a time cannot pass the floor.

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
        raise ConflictError(f"There is not enough {column.key} left.", code="insufficient")
