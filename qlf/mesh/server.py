"""The application as its users would have it: migrated, with an administrator, on a Unix socket.

Migrating is done once for a tree. Each server starts on its own copy of the fresh database, so that what one
gate does to it is not seen by another.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from qlf.errors import InputError
from qlf.mesh.bench import Bench
from qlf.mesh.checks.junit import stable
from qlf.mesh.http import Client, NoAnswer
from qlf.sandbox import Completed, Limits, Process, SandboxFailed, Workspace

__all__ = ["ADMIN_EMAIL", "BootFailed", "Fresh", "Server", "fresh_of", "prepare", "serve"]

ADMIN_EMAIL = "checker@example.com"

_MIB = 1024 * 1024
_SETUP = Limits(cpu_seconds=60, wall_seconds=90.0, memory_bytes=1024 * _MIB)
_SERVE = Limits(cpu_seconds=600, wall_seconds=900.0, memory_bytes=1024 * _MIB, output_bytes=256 * 1024)
_DATA = "/data"
_DATABASE = "app.db"
_SOCKET = "app.sock"
_START_SECONDS = 40.0
_READY_SECONDS = 20.0
_POLL_SECONDS = 0.05


class BootFailed(Exception):
    """The application did not get as far as answering.

    Args:
        step: Which step failed: `migrate`, `admin`, `start`, `live`, `ready`.
        message: What happened, the same for equal trees.
    """

    def __init__(self, step: str, message: str) -> None:
        super().__init__(message)
        self.step = step
        self.message = message


@dataclass(frozen=True, slots=True)
class Fresh:
    """A migrated database that nobody has used yet, and how to get in."""

    files: Mapping[str, bytes] = field(repr=False)
    secret: str = field(repr=False)
    password: str | None = field(repr=False)
    """Of the administrator `ADMIN_EMAIL`; `None` for an application without accounts."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running application."""

    process: Process
    socket: str
    """A path that this process may connect to."""
    folder: Workspace
    """Where the socket is."""
    socket_name: str
    fresh: Fresh = field(repr=False)

    @contextmanager
    def client(self) -> Iterator[Client]:
        """A client of it, outside of its sandbox."""
        with Client(self.socket) as client:
            yield client


def fresh_of(bench: Bench) -> Fresh:
    """The migrated database of a tree under test, made on first use; see `prepare`."""
    return bench.once("fresh", lambda: prepare(bench))


def prepare(bench: Bench) -> Fresh:
    """Migrate an empty database and make the first administrator.

    Raises:
        BootFailed: If the application cannot do one of these.
        EnvironmentUnavailable: If this machine cannot run it.
    """
    book = bench.runbook
    secret = secrets.token_urlsafe(48)
    password = secrets.token_urlsafe(24) if bench.spec.auth.enabled else None
    with bench.files(writable=False) as app, bench.sandbox.workspace({}) as work:
        data = bench.sandbox.place(work.path, _DATA, writable=True)
        env = book.settings(database=f"{data.target}/{_DATABASE}", secret=secret)
        _step("migrate", bench.run(bench.command(book.migrate, app, env=env, mounts=(data,), limits=_SETUP)))
        if password is not None:
            words = (*book.create_admin, ADMIN_EMAIL)
            # By the environment of the sandboxed program, which no list of processes shows.
            env |= {book.admin_password_variable: password}
            _step("admin", bench.run(bench.command(words, app, env=env, mounts=(data,), limits=_SETUP)))
        return Fresh(_database(work), secret, password)


@contextmanager
def serve(bench: Bench, fresh: Fresh, *, unthrottled: bool = False) -> Iterator[Server]:
    """Start the application on a copy of the database and wait until it says that it is ready.

    Args:
        bench: The application.
        fresh: From `prepare`.
        unthrottled: Lift the limits on guessing, for a checker that sends wrong input on purpose.

    Raises:
        BootFailed: If it does not start, or does not become ready in time.
    """
    book = bench.runbook
    with bench.files(writable=False) as app, bench.sandbox.workspace(fresh.files) as work:
        data = bench.sandbox.place(work.path, _DATA, writable=True)
        env = book.settings(database=f"{data.target}/{_DATABASE}", secret=fresh.secret)
        if unthrottled:
            env |= book.unthrottled()
        words = (*book.serve, f"{data.target}/{_SOCKET}")
        with bench.start(bench.command(words, app, env=env, mounts=(data,), limits=_SERVE)) as process:
            try:
                with work.listening(process, _SOCKET, _START_SECONDS) as socket:
                    server = Server(process, socket, work, _SOCKET, fresh)
                    _wait_ready(server, book.live, book.ready)
                    yield server
            except SandboxFailed as error:
                raise BootFailed("start", _reason(process)) from error


def _step(name: str, done: Completed) -> None:
    if not done.ok:
        why = f"was stopped ({done.killed_reason})" if done.killed_reason else f"ended with {done.returncode}"
        raise BootFailed(name, f"the command {why}{last_words(done.stderr or done.stdout)}")


def last_words(said: bytes) -> str:
    """The last line of an output, ready to be put behind a sentence."""
    lines = [line for line in said.decode(errors="replace").splitlines() if line.strip()]
    return f": {stable(lines[-1])}" if lines else ""


def _reason(process: Process) -> str:
    if process.running:
        return f"the server did not listen within {_START_SECONDS:.0f} seconds"
    return f"the server ended before it listened{last_words(process.output(4000))}"


def _wait_ready(server: Server, live: str, ready: str) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    with server.client() as client:
        status = _ask(client, live)
        if status != 200:
            raise BootFailed("live", f"GET {live} answers {status or 'nothing'}, not 200")
        while (status := _ask(client, ready)) != 200:
            # An address that does not exist will not come to exist.
            if status == 404 or time.monotonic() > deadline:
                raise BootFailed("ready", f"GET {ready} answers {status or 'nothing'}, not 200")
            time.sleep(_POLL_SECONDS)


def _ask(client: Client, path: str) -> int:
    try:
        return client.send("GET", path).status
    except NoAnswer:
        return 0


def _database(work: Workspace) -> dict[str, bytes]:
    """The database with its journal, if there still is one."""
    files = {}
    for name in (_DATABASE, f"{_DATABASE}-wal"):
        try:
            files[name] = work.read(name, 256 * _MIB)
        except InputError:
            continue
    if _DATABASE not in files:
        raise BootFailed("migrate", "the migration left no database behind")
    return files
