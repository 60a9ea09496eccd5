"""What a database that is busy or away means to a caller: try again in a moment."""

import logging
from sqlite3 import SQLITE_BUSY, SQLITE_LOCKED

from fastapi import FastAPI, Request
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.responses import JSONResponse

from app.core.errors import UnavailableError, problem_response

logger = logging.getLogger("app.database")

PASSING_STATES = {
    "40001",  # serialization_failure
    "40P01",  # deadlock_detected
    "53300",  # too_many_connections
    "55P03",  # lock_not_available
    "57014",  # query_canceled, which is also how a statement times out
    "57P01",  # admin_shutdown
    "57P02",  # crash_shutdown
    "57P03",  # cannot_connect_now
}
"""SQLSTATE of what passes by itself (PostgreSQL, appendix A)."""


def install_database_errors(app: FastAPI) -> None:
    """Answer 503 with Retry-After when the database could not do it just now."""
    app.add_exception_handler(DBAPIError, _database_error)
    app.add_exception_handler(PoolTimeoutError, _database_error)


def is_passing(error: Exception) -> bool:
    """Say whether the same request may well succeed a moment later."""
    if not isinstance(error, DBAPIError):
        return isinstance(error, PoolTimeoutError)  # no connection of the pool was free in time
    if error.connection_invalidated:
        return True
    state = getattr(error.orig, "sqlstate", None)
    if state is not None:
        return state in PASSING_STATES or state.startswith("08")  # connection_exception
    # The low byte is the kind of error; the rest says more about it.
    return getattr(error.orig, "sqlite_errorcode", 0) & 0xFF in (SQLITE_BUSY, SQLITE_LOCKED)


async def _database_error(_request: Request, error: Exception) -> JSONResponse:
    if not is_passing(error):
        raise error
    logger.warning("database busy", exc_info=error)
    busy = UnavailableError("The database is busy; try again in a moment.", code="busy")
    return problem_response(busy.status, busy.detail, busy.code, headers=busy.headers)
