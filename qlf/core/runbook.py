"""How an application of a stack is set up, checked, started and stopped: the one place that knows.

Commands leave out the interpreter: whoever runs them puts the one of the application's environment in
front. They expect the application's folder as working directory.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from qlf.core.spec import Stack
from qlf.errors import InputError

__all__ = ["Runbook", "runbook"]


@dataclass(frozen=True, slots=True)
class Runbook:
    """The commands, files and addresses that every application of one stack has."""

    contract: str
    """The committed OpenAPI document."""
    serve_lock: str
    """Hash-locked packages that the running application needs."""
    check_lock: str
    """The same together with what its tests and checks need."""
    migrate: tuple[str, ...]
    create_admin: tuple[str, ...]
    """Its last word is the e-mail address; the password comes by `admin_password_variable`."""
    admin_password_variable: str
    serve: tuple[str, ...]
    """Its last word is the path of the Unix socket."""
    stop_seconds: float
    """How long requests in flight may take after SIGTERM, before the server cuts them off."""
    test: tuple[str, ...]
    """Its last word is the path of the JUnit report."""
    lint: tuple[str, ...]
    format: tuple[str, ...]
    types: tuple[str, ...]
    """Its last word is the folder of the type checker's cache."""
    live: str
    ready: str
    login: str
    """Takes `email` and `password`, answers with `access_token`; below the contract's common prefix."""
    profile: str
    """Answers with the caller's own account, `id` among it; below the common prefix."""
    served_contract: str
    """Where the running application shows its OpenAPI document; below the common prefix."""

    def settings(self, *, database: str, secret: str) -> dict[str, str]:
        """The environment of an application in production on an embedded database.

        Args:
            database: Absolute path of the SQLite file, as the application sees it.
            secret: The signing key, unique to this installation.
        """
        return {
            "APP_ENV": "production",
            "DATABASE_URL": f"sqlite:///{database}",
            "SECRET_KEY": secret,
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONUNBUFFERED": "1",
        }

    def unthrottled(self) -> Mapping[str, str]:
        """Settings that lift the limits on guessing, for a checker that sends wrong input on purpose."""
        return {
            "LOGIN_MAX_FAILURES": "1000000",
            "LOGIN_MAX_FAILURES_PER_ADDRESS": "1000000",
            "REGISTRATIONS_PER_ADDRESS": "1000000",
        }


_FASTAPI = Runbook(
    contract="openapi.json",
    serve_lock="requirements.lock",
    check_lock="requirements-dev.lock",
    migrate=("-m", "app.cli", "migrate"),
    create_admin=("-m", "app.cli", "create-admin", "--email"),
    admin_password_variable="APP_ADMIN_PASSWORD",  # noqa: S106 - the name of a variable
    serve=(
        "-m",
        "uvicorn",
        "app.main:app",
        "--no-access-log",
        "--no-server-header",
        "--timeout-graceful-shutdown",
        "5",
        "--uds",
    ),
    stop_seconds=5.0,
    test=("-m", "pytest", "-p", "no:cacheprovider", "--tb=short", "-o", "junit_family=xunit2", "--junit-xml"),
    lint=("-m", "ruff", "check", "--no-cache", "--output-format", "json", "."),
    format=("-m", "ruff", "format", "--no-cache", "--check", "--output-format", "json", "."),
    types=(
        "-m",
        "mypy",
        "--strict",
        "--no-color-output",
        "--no-error-summary",
        "--output",
        "json",
        "--cache-dir",
    ),
    live="/health/live",
    ready="/health/ready",
    login="/auth/login",
    profile="/me",
    served_contract="/openapi.json",
)

_RUNBOOKS: Mapping[tuple[str, str], Runbook] = {("python", "fastapi"): _FASTAPI}


def runbook(stack: Stack) -> Runbook:
    """The runbook of a stack.

    Raises:
        InputError: If no blueprint makes applications of that stack.
    """
    try:
        return _RUNBOOKS[stack.language, stack.framework]
    except KeyError:
        raise InputError(f"there is no runbook for {stack.language!r} with {stack.framework!r}") from None
