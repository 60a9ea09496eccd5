"""The migrations, as the application sees them: run them, and know whether they ran."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

ROOT = Path(__file__).resolve().parents[2]


def alembic_config(database_url: str) -> Config:
    """Return the configuration of Alembic for this database."""
    config = Config(ROOT / "alembic.ini")
    config.set_main_option("script_location", str(ROOT / "migrations"))
    config.attributes["database_url"] = database_url
    return config


def migrate(database_url: str, revision: str = "head") -> None:
    """Bring the schema to a revision."""
    command.upgrade(alembic_config(database_url), revision)


def pending_reason(engine: Engine) -> str | None:
    """Say why this database cannot serve the application, or None."""
    head = ScriptDirectory(str(ROOT / "migrations")).get_current_head()
    try:
        with engine.connect() as connection:
            current = MigrationContext.configure(connection).get_current_revision()
    except SQLAlchemyError:
        return "The database does not answer."
    if current != head:
        return "The database schema is not the one this version needs; run the migrations."
    return None
