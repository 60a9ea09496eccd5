"""Rows and requests for the tests: valid, as small as can be, and the same in every run."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any, TypeVar
from uuid import UUID

from fastapi.encoders import jsonable_encoder
from sqlalchemy.orm import Session

from app.db.base import Entity
from app.models.customer import Customer
from app.models.damage_report import DamageReport
from app.models.item import Item, ItemCondition
from app.models.rental import Rental, RentalStatus
from tests.support import add_user

Row = TypeVar("Row", bound=Entity)

FIRST_DAY = date(2030, 1, 7)
FIRST_NAMES = ("Ada", "Bela", "Chidi", "Dana", "Emre", "Fumiko", "Gita", "Hugo", "Ines", "Jonas")
LAST_NAMES = ("Amaro", "Brandt", "Costa", "Dahl", "Eriksen", "Fischer", "Goto", "Haas", "Ivanov")

_numbers = count(1)


def restart() -> None:
    """Begin again with number one."""
    global _numbers
    _numbers = count(1)


def store(session: Session, row: Row) -> Row:
    """Save a row and return it."""
    session.add(row)
    session.commit()
    return row


def as_json(values: dict[str, Any]) -> dict[str, Any]:
    """Return the values as a request sends them."""
    encoders: dict[Any, Callable[[Any], Any]] = {
        Decimal: str,
        datetime: lambda moment: moment.isoformat().replace("+00:00", "Z"),
    }
    encoded: dict[str, Any] = jsonable_encoder(values, custom_encoder=encoders)
    return encoded


def add_owner(session: Session) -> UUID:
    """Store an account of nobody in particular and return its key."""
    return add_user(session, f"owner.{next(_numbers)}@example.com").id


def _person(number: int) -> str:
    return f"{FIRST_NAMES[number % 10]} {LAST_NAMES[number % 9]}"


def values_of_customer(session: Session, changes: dict[str, Any]) -> dict[str, Any]:
    """Return the columns of one customer and store what it needs."""
    number = next(_numbers)
    values = dict(changes)
    return {
        "full_name": _person(number),
        "email": f"customer.{number}@example.com",
        "phone": f"+1 555 {number:04}",
        "notes": f"Notes {number}",
        **values,
    }


def add_customer(session: Session, **changes: Any) -> Customer:
    """Store one customer."""
    return store(session, Customer(**values_of_customer(session, changes)))


def body_of_customer(session: Session, **changes: Any) -> dict[str, Any]:
    """Return the body of a request that makes one customer."""
    values = values_of_customer(session, changes)
    given = ("full_name", "email", "phone", "notes")
    return as_json({name: values[name] for name in given if name in values})


def values_of_item(session: Session, changes: dict[str, Any]) -> dict[str, Any]:
    """Return the columns of one item and store what it needs."""
    number = next(_numbers)
    values = dict(changes)
    return {
        "name": f"Item {number}",
        "serial_no": f"SN-{number:04}",
        "daily_rate": Decimal(number % 998) + Decimal("0.50"),
        "condition": ItemCondition.GOOD,
        "is_available": True,
        **values,
    }


def add_item(session: Session, **changes: Any) -> Item:
    """Store one item."""
    return store(session, Item(**values_of_item(session, changes)))


def body_of_item(session: Session, **changes: Any) -> dict[str, Any]:
    """Return the body of a request that makes one item."""
    values = values_of_item(session, changes)
    given = ("name", "serial_no", "daily_rate", "condition", "is_available")
    return as_json({name: values[name] for name in given if name in values})


def values_of_rental(session: Session, changes: dict[str, Any]) -> dict[str, Any]:
    """Return the columns of one rental and store what it needs."""
    number = next(_numbers)
    values = dict(changes)
    if "customer_id" not in values:
        values["customer_id"] = add_customer(session).id
    if "item_id" not in values:
        values["item_id"] = add_item(session).id
    return {
        "start_date": FIRST_DAY + timedelta(days=7 * number),
        "end_date": FIRST_DAY + timedelta(days=7 * number + 3),
        "deposit": Decimal(number % 998) + Decimal("0.50"),
        "status": RentalStatus.RESERVED,
        **values,
    }


def add_rental(session: Session, **changes: Any) -> Rental:
    """Store one rental."""
    return store(session, Rental(**values_of_rental(session, changes)))


def body_of_rental(session: Session, **changes: Any) -> dict[str, Any]:
    """Return the body of a request that makes one rental."""
    values = values_of_rental(session, changes)
    given = ("customer_id", "item_id", "start_date", "end_date", "deposit")
    return as_json({name: values[name] for name in given if name in values})


def values_of_damage_report(session: Session, changes: dict[str, Any]) -> dict[str, Any]:
    """Return the columns of one damage report and store what it needs."""
    number = next(_numbers)
    values = dict(changes)
    if "rental_id" not in values:
        values["rental_id"] = add_rental(session).id
    return {
        "description": f"Description {number}",
        "repair_cost": Decimal(number % 998) + Decimal("0.50"),
        "reported_on": FIRST_DAY + timedelta(days=7 * number),
        **values,
    }


def add_damage_report(session: Session, **changes: Any) -> DamageReport:
    """Store one damage report."""
    return store(session, DamageReport(**values_of_damage_report(session, changes)))


def body_of_damage_report(session: Session, **changes: Any) -> dict[str, Any]:
    """Return the body of a request that makes one damage report."""
    values = values_of_damage_report(session, changes)
    given = ("rental_id", "description", "repair_cost", "reported_on")
    return as_json({name: values[name] for name in given if name in values})
