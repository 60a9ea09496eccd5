"""The engine, the sessions, and the transaction."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from sqlite3 import Connection as SqliteConnection
from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, sessionmaker

from app.core.config import Settings
from app.core.errors import ConflictError


class Database:
    """One engine and the factory of its sessions."""

    def __init__(self, settings: Settings) -> None:
        self.engine = _create_engine(settings)
        self.session = sessionmaker(self.engine, expire_on_commit=False)

    def dispose(self) -> None:
        """Close the pooled connections."""
        self.engine.dispose()


def _create_engine(settings: Settings) -> Engine:
    seconds = settings.database_timeout_seconds
    if settings.database_url.startswith("sqlite:"):
        engine = create_engine(settings.database_url, connect_args={"timeout": seconds})
        event.listen(engine, "connect", _prepare_sqlite)
        return engine
    return create_engine(
        settings.database_url,
        pool_size=settings.database_pool_size,
        pool_timeout=seconds,
        pool_pre_ping=True,
        connect_args={
            "connect_timeout": seconds,
            "options": f"-c statement_timeout={seconds * 1000} -c timezone=utc",
        },
    )


def _prepare_sqlite(connection: SqliteConnection, _record: object) -> None:
    # SQLite checks foreign keys only when asked, and asks are per connection.
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA journal_mode = WAL")


@contextmanager
def transaction(session: Session) -> Iterator[None]:
    """Commit at the end of the block, or roll everything back.

    What the block reads with a lock stays true until it commits: on PostgreSQL the rows are locked,
    on SQLite, which cannot do that, the block has the whole database to itself.

    Raises:
        ConflictError: a constraint of the database refused the change.
    """
    try:
        _exclude_other_writers(session)
        yield
        session.commit()
    except IntegrityError as error:
        session.rollback()
        raise _conflict(error) from error
    except BaseException:
        session.rollback()
        raise


def _exclude_other_writers(session: Session) -> None:
    connection = session.connection()
    raw = connection.connection.driver_connection
    # The driver would begin at the first write only, after the block has read what it relies on.
    if isinstance(raw, SqliteConnection) and not raw.in_transaction:
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _conflict(error: IntegrityError) -> ConflictError:
    if str(error.statement).startswith("DELETE"):
        return ConflictError("Other records refer to it, so it has to stay.", code="in_use")
    constraint = _constraint(error.orig)
    kind, _, rest = constraint.partition("_")
    if kind == "fk":
        return ConflictError("It refers to a record that does not exist.")
    if kind == "uq":
        # What is unique whatever its case is so in a column of its own.
        field = rest.partition(".")[2].removesuffix("_folded")
        return ConflictError("This value is taken.", code="already_exists", field=f"body.{field}")
    return ConflictError("It contradicts a rule of the stored data.")


def _constraint(original: Any) -> str:
    """Return the broken constraint as `<kind>_<table>.<column>`, as far as the driver tells."""
    diagnostics = getattr(original, "diag", None)
    if diagnostics is not None:
        name = str(diagnostics.constraint_name or "")
        table = str(diagnostics.table_name or "")
        return name.replace(f"_{table}_", f"_{table}.", 1)
    message = str(original)
    if found := re.search(r"UNIQUE constraint failed: (\w+)\.(\w+)", message):
        return f"uq_{found[1]}.{found[2]}"
    return "fk_" if "FOREIGN KEY" in message else "ck_"
