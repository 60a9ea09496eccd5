"""The application: its factory, its lifetime, and what the server imports."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from fastapi.routing import APIRoute

from app import __version__
from app.api.router import ROUTERS
from app.api.trouble import install_database_errors
from app.api.version import API_PREFIX
from app.core.config import Settings, SettingsError, load_settings
from app.core.errors import install_error_handlers
from app.core.logging import configure_logging
from app.core.metrics import Metrics
from app.core.middleware import (
    HSTS,
    SECURITY_HEADERS,
    BodyLimitMiddleware,
    HeadersMiddleware,
    RequestMiddleware,
)
from app.core.openapi import install_openapi
from app.core.passwords import Passwords
from app.db.session import Database


def create_app(settings: Settings) -> FastAPI:
    """Put the application together; it opens no connection before the first request."""
    app = FastAPI(
        title="Users",
        summary="User management with authentication.",
        version=__version__,
        openapi_url=f"{API_PREFIX}/openapi.json",
        # Both pages run scripts from a foreign host, which the content security policy forbids.
        docs_url=None,
        redoc_url=None,
        lifespan=_lifespan,
        generate_unique_id_function=_operation_id,
        # A redirect from /users/ to /users would be the one answer that is not documented.
        redirect_slashes=False,
    )
    app.state.settings = settings
    app.state.database = Database(settings)
    app.state.passwords = Passwords(settings)
    app.state.metrics = Metrics()
    app.state.stopping = False
    for router in ROUTERS:
        app.include_router(router)
    install_error_handlers(app)
    install_database_errors(app)
    install_openapi(app)
    # The last one added is the outermost: an error 500 gets the headers like any other answer.
    app.add_middleware(BodyLimitMiddleware, max_bytes=settings.max_body_bytes)
    app.add_middleware(RequestMiddleware, metrics=app.state.metrics)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=["Authorization", "Content-Type", "X-Request-ID"],
            expose_headers=["Location", "Retry-After", "X-Request-ID"],
        )
    headers = SECURITY_HEADERS | (HSTS if settings.is_production else {})
    app.add_middleware(HeadersMiddleware, headers=headers)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    yield
    app.state.stopping = True
    app.state.database.dispose()


def _operation_id(route: APIRoute) -> str:
    return route.name


def __getattr__(name: str) -> FastAPI:
    """Make `app` when a server asks for `app.main:app`; importing the module alone does nothing."""
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        settings = load_settings()
    except SettingsError as error:
        raise SystemExit(str(error)) from None
    configure_logging(settings.log_level)
    return create_app(settings)
