"""The command line of whoever operates the application: `python -m app.cli COMMAND`."""

import argparse
import getpass
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from pydantic import SecretStr, ValidationError
from sqlalchemy.orm import Session

from app.core.config import Settings, SettingsError, load_settings
from app.core.errors import AppError
from app.core.passwords import Passwords
from app.db import migrations
from app.db.session import Database

PASSWORD_VARIABLE = "APP_ADMIN_PASSWORD"  # noqa: S105 - the name of a variable, not a password


class CommandError(Exception):
    """The command cannot do what was asked; the message says what to do instead."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code: 0 done, 1 refused, 2 wrong usage."""
    arguments = _parser().parse_args(argv)
    command: Callable[[argparse.Namespace], None] = arguments.command
    try:
        command(arguments)
    except (CommandError, SettingsError) as error:
        print(error, file=sys.stderr)
        return 1
    except AppError as error:
        print(error.detail, file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m app.cli", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    add = commands.add_parser("migrate", help="bring the database schema up to date")
    add.add_argument("--revision", default="head")
    add.set_defaults(command=_migrate)

    text = f"make an administrator; the password comes from {PASSWORD_VARIABLE} or standard input"
    add = commands.add_parser("create-admin", help=text)
    add.add_argument("--email", required=True)
    add.add_argument("--full-name", default="Administrator")
    add.set_defaults(command=_create_admin)

    add = commands.add_parser("seed", help="fill a development database with the same rows always")
    add.add_argument("--count", type=int, default=20)
    add.set_defaults(command=_seed)

    add = commands.add_parser("purge", help="delete sessions that ended long ago")
    add.add_argument("--days", type=int, default=30, help="how long ended sessions are kept")
    add.set_defaults(command=_purge)

    add = commands.add_parser("openapi", help="write the OpenAPI document")
    add.add_argument("--output", type=Path, help="standard output if it is not given")
    add.set_defaults(command=_openapi)
    return parser


def _migrate(arguments: argparse.Namespace) -> None:
    migrations.migrate(load_settings().database_url, arguments.revision)


def _create_admin(arguments: argparse.Namespace) -> None:
    from app.policy import Role
    from app.schemas.user import UserCreate
    from app.services.user import create_user

    settings = load_settings()
    password = os.environ.get(PASSWORD_VARIABLE) or _ask_password()
    try:
        data = UserCreate(
            email=arguments.email,
            full_name=arguments.full_name,
            role=Role.ADMIN,
            password=password,
        )
    except ValidationError as error:
        reasons = (f"{item['loc'][0]}: {item['msg']}" for item in error.errors())
        raise CommandError("; ".join(reasons)) from None
    with _session(settings) as session:
        user = create_user(session, Passwords(settings), data)
    print(f"Administrator {user.email} was created.")


def _ask_password() -> str:
    if sys.stdin.isatty():
        return getpass.getpass("Password: ")
    return sys.stdin.readline().rstrip("\n")


def _seed(arguments: argparse.Namespace) -> None:
    from app.services.seed import seed

    settings = load_settings()
    if settings.is_production:
        raise CommandError("Seed data is not for production; set APP_ENV to development.")
    with _session(settings) as session:
        added = seed(session, arguments.count)
    print(f"{added} rows were added.")


def _purge(arguments: argparse.Namespace) -> None:
    from app.services.purge import purge

    with _session(load_settings()) as session:
        deleted = purge(session, timedelta(days=arguments.days))
    print(f"{deleted} rows were deleted.")


@contextmanager
def _session(settings: Settings) -> Iterator[Session]:
    database = Database(settings)
    try:
        with database.session() as session:
            yield session
    finally:
        database.dispose()


def _openapi(arguments: argparse.Namespace) -> None:
    from app.main import create_app

    # The document does not depend on the settings, so none have to exist.
    settings = Settings(
        _env_file=None, app_env="test", database_url="sqlite://", secret_key=SecretStr("-" * 32)
    )
    document = create_app(settings).openapi()
    text = json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    if arguments.output:
        arguments.output.write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)


if __name__ == "__main__":
    sys.exit(main())
