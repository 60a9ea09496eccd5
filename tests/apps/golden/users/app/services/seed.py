"""Data for development: the same rows on every machine, and nobody can log in with them."""

from collections.abc import Callable
from uuid import UUID, uuid5

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.passwords import UNUSABLE
from app.db.base import Entity
from app.db.session import transaction
from app.models.user import User
from app.policy import LOWEST_ROLE

NAMESPACE = UUID("5b9e1d0c-7c1a-4f6e-9d3b-2a8f4c6e0b17")
FIRST_NAMES = ("Ada", "Bela", "Chidi", "Dana", "Emre", "Fumiko", "Gita", "Hugo", "Ines", "Jonas")
LAST_NAMES = ("Amaro", "Brandt", "Costa", "Dahl", "Eriksen", "Fischer", "Goto", "Haas", "Ivanov")


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


MAKERS: tuple[tuple[type[Entity], Callable[[int], Entity]], ...] = ((User, _user),)
"""Those that others refer to come first."""
