"""A database that is busy or away is answered with 503 and Retry-After; any other error is not."""

import sqlite3
from collections.abc import Callable, Iterator

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Session

from app.api.trouble import is_passing
from tests.support import API, Actor, assert_problem


class Refusal(Exception):  # noqa: N818 - stands in for the error of a driver
    """What a driver raises, with the code that it gives."""

    sqlstate: str | None = None
    sqlite_errorcode = 0


def refusal(*, state: str | None = None, code: int = 0) -> DBAPIError:
    original = Refusal("refused")
    original.sqlstate = state
    original.sqlite_errorcode = code
    return OperationalError("SELECT 1", {}, original)


@pytest.mark.parametrize("state", ["40001", "40P01", "55P03", "57014", "57P01", "53300", "08006"])
def test_state_of_postgresql_passes(state: str) -> None:
    assert is_passing(refusal(state=state))


@pytest.mark.parametrize("state", ["42P01", "22001", "53100"])
def test_other_state_of_postgresql_does_not(state: str) -> None:
    assert not is_passing(refusal(state=state))


@pytest.mark.parametrize(
    "code", [sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_BUSY_SNAPSHOT]
)
def test_lock_of_sqlite_passes(code: int) -> None:
    assert is_passing(refusal(code=code))


@pytest.mark.parametrize("code", [sqlite3.SQLITE_FULL, sqlite3.SQLITE_CORRUPT])
def test_other_error_of_sqlite_does_not(code: int) -> None:
    assert not is_passing(refusal(code=code))


def test_empty_pool_and_lost_connection_pass() -> None:
    lost = refusal()
    lost.connection_invalidated = True

    assert is_passing(PoolTimeoutError("no connection was free"))
    assert is_passing(lost)


@pytest.fixture
def hold(session: Session) -> Iterator[Callable[[], None]]:
    """Keep everybody else from writing until the test ends."""

    def lock() -> None:
        on_sqlite = session.get_bind().dialect.name == "sqlite"
        session.connection().exec_driver_sql(
            "BEGIN IMMEDIATE" if on_sqlite else "LOCK TABLE users IN ACCESS EXCLUSIVE MODE"
        )

    yield lock
    session.rollback()


def test_lock_that_lasts_is_503_and_may_be_tried_again(
    start: Callable[..., TestClient], session: Session, user: Actor, hold: Callable[[], None]
) -> None:
    impatient = start(database_timeout_seconds=1)
    change = {"full_name": "Other Name"}
    hold()

    answer = impatient.patch(f"{API}/me", json=change, headers=user.headers)

    assert_problem(answer, 503, "busy")
    assert int(answer.headers["retry-after"]) >= 1
    session.rollback()
    assert impatient.patch(f"{API}/me", json=change, headers=user.headers).status_code == 200


def test_error_that_stays_is_500_without_its_statement(app: FastAPI, client: TestClient) -> None:
    @app.get("/broken")
    def fail() -> None:
        with app.state.database.session() as session:
            session.execute(text("SELECT * FROM no_such_table"))

    answer = client.get("/broken")

    assert_problem(answer, 500, "internal_error")
    assert "no_such_table" not in answer.text
