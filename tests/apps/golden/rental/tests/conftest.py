"""The application under test: in this process, on a migrated database of its own."""

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import delete, event
from sqlalchemy.orm import Session

from app.core.config import Settings
from app.db.base import Base
from app.db.migrations import migrate
from app.db.session import Database
from app.main import create_app
from app.policy import Role
from tests import factories
from tests.support import Actor, MovableClock, add_user, log_in, make_settings, sign_in

TEST_DATABASE_URL = os.environ.get("TEST_DATABASE_URL")
"""A PostgreSQL database the tests may empty; without it each test gets a SQLite file."""


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> str | Path:
    """A migrated database: the URL of the shared one, or a file to copy."""
    if TEST_DATABASE_URL:
        migrate(make_settings(TEST_DATABASE_URL).database_url)
        return TEST_DATABASE_URL
    path = tmp_path_factory.mktemp("database") / "migrated.db"
    migrate(f"sqlite:///{path}")
    connection = sqlite3.connect(path)
    # The copies then are in this mode already; changing it takes longer than most tests.
    connection.execute("PRAGMA journal_mode = WAL")
    connection.close()
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


def _hurry(connection: Any, _record: object) -> None:
    if isinstance(connection, sqlite3.Connection):
        # What a test writes need not survive a power failure.
        connection.execute("PRAGMA synchronous = OFF")


@pytest.fixture
def start(database_url: str) -> Iterator[Callable[..., TestClient]]:
    """Start an application with other settings than the usual ones."""
    clients: list[TestClient] = []

    def start_with(**changes: Any) -> TestClient:
        app = create_app(make_settings(**{"database_url": database_url, **changes}))
        event.listen(app.state.database.engine, "connect", _hurry)
        client = TestClient(app)
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


@pytest.fixture(autouse=True)
def _numbers_from_one() -> None:
    """Give every test the same rows, whichever tests run before it."""
    factories.restart()


@pytest.fixture
def act_as(settings: Settings, session: Session) -> Callable[[Role], Actor]:
    """Sign in as somebody with a role; in one test a role is always the same person."""
    known: dict[Role, Actor] = {}

    def find(role: Role) -> Actor:
        if role not in known:
            known[role] = sign_in(session, settings, f"as.{role.value}@example.com", role)
        return known[role]

    return find


@pytest.fixture
def admin(client: TestClient, session: Session) -> Actor:
    return log_in(client, add_user(session, "admin@example.com", Role.ADMIN))


@pytest.fixture
def user(client: TestClient, session: Session) -> Actor:
    return log_in(client, add_user(session, "user@example.com"))


@pytest.fixture
def other(client: TestClient, session: Session) -> Actor:
    return log_in(client, add_user(session, "other@example.com"))
