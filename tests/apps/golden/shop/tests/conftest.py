"""The application under test: in this process, on a migrated database of its own."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from pydantic import SecretStr
from sqlalchemy import delete
from sqlalchemy.orm import Session

from app.core.config import Settings
from app.db.base import Base
from app.db.migrations import migrate
from app.db.session import Database
from app.main import create_app
from app.policy import Role
from tests.support import Actor, MovableClock, add_user, log_in

TEST_DATABASE_URL = os.environ.get("TEST_DATABASE_URL")
"""A PostgreSQL database the tests may empty; without it each test gets a SQLite file."""


def make_settings(database_url: str, **changes: Any) -> Settings:
    values: dict[str, Any] = {
        "app_env": "test",
        "database_url": database_url,
        "secret_key": SecretStr("test-key-0123456789-abcdefghijklmnopq"),
        "argon2_time_cost": 1,
        "argon2_memory_kib": 8,
    }
    return Settings(_env_file=None, **(values | changes))


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> str | Path:
    """A migrated database: the URL of the shared one, or a file to copy."""
    if TEST_DATABASE_URL:
        migrate(make_settings(TEST_DATABASE_URL).database_url)
        return TEST_DATABASE_URL
    path = tmp_path_factory.mktemp("database") / "migrated.db"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture
def database_url(migrated: str | Path, tmp_path: Path) -> str:
    if isinstance(migrated, str):
        database = Database(make_settings(migrated))
        with database.session.begin() as session:
            for table in reversed(Base.metadata.sorted_tables):
                session.execute(delete(table))
        database.dispose()
        return migrated
    path = tmp_path / "test.db"
    shutil.copy(migrated, path)
    return f"sqlite:///{path}"


@pytest.fixture
def settings(database_url: str) -> Settings:
    return make_settings(database_url)


@pytest.fixture
def start(database_url: str) -> Iterator[Callable[..., TestClient]]:
    """Start an application with other settings than the usual ones."""
    clients: list[TestClient] = []

    def start_with(**changes: object) -> TestClient:
        client = TestClient(create_app(make_settings(database_url, **changes)))
        clients.append(client)
        return client.__enter__()

    yield start_with
    for client in clients:
        client.__exit__(None, None, None)


@pytest.fixture
def client(start: Callable[..., TestClient]) -> TestClient:
    return start()


@pytest.fixture
def app(client: TestClient) -> FastAPI:
    assert isinstance(client.app, FastAPI)
    return client.app


@pytest.fixture
def session(app: FastAPI) -> Iterator[Session]:
    with app.state.database.session() as session:
        yield session


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> MovableClock:
    clock = MovableClock()
    monkeypatch.setattr("app.core.clock.now", clock.now)
    return clock


@pytest.fixture
def admin(client: TestClient, session: Session) -> Actor:
    return log_in(client, add_user(session, "admin@example.com", Role.ADMIN))


@pytest.fixture
def manager(client: TestClient, session: Session) -> Actor:
    return log_in(client, add_user(session, "manager@example.com", Role.MANAGER))


@pytest.fixture
def user(client: TestClient, session: Session) -> Actor:
    return log_in(client, add_user(session, "user@example.com", Role.USER))


@pytest.fixture
def other(client: TestClient, session: Session) -> Actor:
    return log_in(client, add_user(session, "other@example.com", Role.USER))
