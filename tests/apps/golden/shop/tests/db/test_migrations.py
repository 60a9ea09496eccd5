"""Migrations: they make exactly what the models say, and can be undone."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, PrimaryKeyConstraint, UniqueConstraint, create_engine, inspect

from app.db.migrations import alembic_config, migrate
from app.models import User


@pytest.fixture
def urls(tmp_path: Path) -> tuple[str, str]:
    return f"sqlite:///{tmp_path}/migrated.db", f"sqlite:///{tmp_path}/created.db"


@pytest.fixture
def engines(urls: tuple[str, str]) -> Iterator[tuple[Engine, Engine]]:
    migrated, created = (create_engine(url) for url in urls)
    migrate(urls[0])
    User.metadata.create_all(created)
    yield migrated, created
    migrated.dispose()
    created.dispose()


def describe(engine: Engine) -> dict[str, Any]:
    """Return everything the database knows of its tables, constraints and indexes."""
    inspector = inspect(engine)
    tables = [name for name in inspector.get_table_names() if name != "alembic_version"]

    def named(items: Any) -> list[tuple[str, str]]:
        return sorted((str(item["name"]), repr(sorted(item.items()))) for item in items)

    return {
        table: {
            "columns": [
                (column["name"], str(column["type"]), column["nullable"], column["default"])
                for column in inspector.get_columns(table)
            ],
            "primary key": inspector.get_pk_constraint(table),
            "unique": named(inspector.get_unique_constraints(table)),
            "checks": named(inspector.get_check_constraints(table)),
            "foreign keys": named(inspector.get_foreign_keys(table)),
            "indexes": named(inspector.get_indexes(table)),
        }
        for table in tables
    }


def test_migrations_make_what_the_models_say(engines: tuple[Engine, Engine]) -> None:
    migrated, created = (describe(engine) for engine in engines)

    assert migrated == created
    assert set(migrated) == set(User.metadata.tables)


def test_alembic_finds_nothing_to_add(engines: tuple[Engine, Engine]) -> None:
    with engines[0].connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, User.metadata) == []


def test_every_migration_can_be_undone_and_done_again(urls: tuple[str, str]) -> None:
    config = alembic_config(urls[0])
    command.upgrade(config, "head")
    engine = create_engine(urls[0])
    before = describe(engine)

    command.downgrade(config, "base")
    assert describe(engine) == {}
    command.upgrade(config, "head")

    assert describe(engine) == before
    engine.dispose()


def test_every_foreign_key_has_an_index() -> None:
    for table in User.metadata.tables.values():
        indexed = {next(iter(index.columns)).name for index in table.indexes}
        # A primary key and a constraint of uniqueness are indexes too.
        kinds = (PrimaryKeyConstraint, UniqueConstraint)
        uniques = (item for item in table.constraints if isinstance(item, kinds))
        indexed |= {next(iter(unique.columns)).name for unique in uniques}
        for column in table.columns:
            if column.foreign_keys:
                assert column.name in indexed, f"{table.name}.{column.name}"


def test_every_table_has_times_or_is_no_entity() -> None:
    for name, table in User.metadata.tables.items():
        links_others = all(column.foreign_keys for column in table.columns)
        if name != "login_throttles" and not links_others:
            assert {"id", "created_at", "updated_at"} <= set(table.columns.keys()), name
