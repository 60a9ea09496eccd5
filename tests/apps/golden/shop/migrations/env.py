"""Runs the migrations against the database of the settings, or of whoever calls."""

from alembic import context
from sqlalchemy import create_engine

from app.core.config import load_settings
from app.models import User

metadata = User.metadata


def run() -> None:
    """Apply the migrations in one transaction where the database can do that."""
    url = context.config.attributes.get("database_url") or load_settings().database_url
    engine = create_engine(url)
    with engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=metadata,
            compare_server_default=True,
            user_module_prefix="types.",
            # SQLite cannot alter a table; Alembic copies it instead.
            render_as_batch=connection.dialect.name == "sqlite",
        )
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()


run()
