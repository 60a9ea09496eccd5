"""Data for development: the same rows on every machine, and nobody can log in with them."""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID, uuid5

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.passwords import UNUSABLE
from app.db.base import Entity
from app.db.session import transaction
from app.models.customer import Customer
from app.models.damage_report import DamageReport
from app.models.item import Item, ItemCondition
from app.models.rental import Rental, RentalStatus
from app.models.user import User
from app.policy import LOWEST_ROLE

NAMESPACE = UUID("5b9e1d0c-7c1a-4f6e-9d3b-2a8f4c6e0b17")
FIRST_NAMES = ("Ada", "Bela", "Chidi", "Dana", "Emre", "Fumiko", "Gita", "Hugo", "Ines", "Jonas")
LAST_NAMES = ("Amaro", "Brandt", "Costa", "Dahl", "Eriksen", "Fischer", "Goto", "Haas", "Ivanov")
FIRST_DAY = date(2030, 1, 7)


def seed(session: Session, count: int) -> int:
    """Add what is missing of the first `count` rows of each kind, and return how many that were."""
    added = 0
    with transaction(session):
        for model, make in MAKERS:
            known = set(session.scalars(select(model.id)))
            rows = [make(number) for number in range(1, count + 1)]
            missing = [row for row in rows if row.id not in known]
            session.add_all(missing)
            session.flush()
            added += len(missing)
    return added


def _key(table: str, number: int) -> UUID:
    return uuid5(NAMESPACE, f"{table}:{number}")


def _person(number: int) -> str:
    return f"{FIRST_NAMES[number % 10]} {LAST_NAMES[number % 9]}"


def _user(number: int) -> User:
    return User(
        id=_key("users", number),
        email=f"user.{number}@example.com",
        full_name=_person(number),
        role=LOWEST_ROLE,
        is_active=number % 10 != 0,
        password_hash=UNUSABLE,
    )


def _customer(number: int) -> Customer:
    return Customer(
        id=_key("customers", number),
        full_name=_person(number),
        email=f"customer.{number}@example.com",
        phone=f"+1 555 {number:04}",
        notes=f"Notes {number}",
    )


def _item(number: int) -> Item:
    return Item(
        id=_key("items", number),
        name=f"Item {number}",
        serial_no=f"SN-{number:04}",
        daily_rate=Decimal(number % 998) + Decimal("0.50"),
        condition=ItemCondition.GOOD,
        is_available=True,
    )


def _rental(number: int) -> Rental:
    return Rental(
        id=_key("rentals", number),
        customer_id=_key("customers", number),
        item_id=_key("items", number),
        start_date=FIRST_DAY + timedelta(days=7 * number),
        end_date=FIRST_DAY + timedelta(days=7 * number + 3),
        deposit=Decimal(number % 998) + Decimal("0.50"),
        status=RentalStatus.RESERVED,
    )


def _damage_report(number: int) -> DamageReport:
    return DamageReport(
        id=_key("damage_reports", number),
        rental_id=_key("rentals", number),
        description=f"Description {number}",
        repair_cost=Decimal(number % 998) + Decimal("0.50"),
        reported_on=FIRST_DAY + timedelta(days=7 * number),
    )


MAKERS: tuple[tuple[type[Entity], Callable[[int], Entity]], ...] = (
    (User, _user),
    (Customer, _customer),
    (Item, _item),
    (Rental, _rental),
    (DamageReport, _damage_report),
)
"""Those that others refer to come first."""
