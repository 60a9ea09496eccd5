"""Starting and stopping the local Prefect server, one at a time, leaving nothing behind."""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from qlf.cli.server.process import start_mark, stop_group
from qlf.cli.server.state import Secrets, Server, folder, forget, make_secrets, recorded, remember, running
from qlf.errors import EnvironmentUnavailable, OutputError, UsageError
from qlf.settings import PrefectApi, Settings

__all__ = ["DEFAULT_PORT", "Started", "answers", "start", "stop"]

DEFAULT_PORT = 4200
"""Where Prefect is expected."""

_POLL_SECONDS = 0.2

Tick = Callable[[float, bool], None]


@dataclass(frozen=True, slots=True)
class Started:
    """What `start` found or made."""

    server: Server
    new: bool
    """False when it ran before."""
    seconds: float


def start(
    settings: Settings,
    *,
    port: int | None = None,
    protected: bool = True,
    timeout: float = 120.0,
    tick: Tick | None = None,
) -> Started:
    """Start the local server and wait until it answers; a server that runs already is left alone.

    Args:
        settings: Where its files are.
        port: Its port; without one 4200, or any free port when that is taken.
        protected: Whether its API asks for a password.
        timeout: Seconds until it must answer. A new database takes about 25, more on a busy machine.
        tick: Called while a new server is waited for: seconds so far, and whether its database is new.

    Raises:
        UsageError: If a server runs that differs from what is asked.
        EnvironmentUnavailable: If it does not come up; nothing runs then.
    """
    begun = time.monotonic()
    with _lock(settings):
        known = recorded(settings)
        if known is not None and known.alive:
            _same(known, port, protected=protected)
            _wait(settings, known, begun, timeout)
            return Started(known, new=False, seconds=time.monotonic() - begun)
        if known is not None:
            # Its leader died but a child may hold the port still.
            stop_group(known.pid)
            forget(settings)
        return _launch(settings, _pick(port), begun, timeout, tick, protected=protected)


def stop(settings: Settings) -> Server | None:
    """Stop the local server for sure; the server that was stopped, or `None` when none ran.

    Raises:
        EnvironmentUnavailable: If a process of it survives even a kill.
    """
    with _lock(settings):
        known = recorded(settings)
        if known is None:
            return None
        alive = known.alive
        # A pid that another program has now is not ours to stop; only our own group is.
        if alive and not stop_group(known.pid):
            raise EnvironmentUnavailable(
                f"the Prefect server (process group {known.pid}) does not end",
                hint=f"try: kill -9 -- -{known.pid}",
            )
        forget(settings)
        return known if alive else None


def answers(api: PrefectApi, *, timeout: float = 2.0) -> str | None:
    """`None` when the API answers and lets us in, else what is wrong, as half a sentence."""
    from urllib.parse import urlsplit

    parts = urlsplit(api.url)
    connect = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = connect(parts.hostname or "", parts.port, timeout=timeout)
    try:
        connection.request("GET", f"{parts.path}/admin/version", headers=api.headers)
        status = connection.getresponse().status
    except TimeoutError:
        return f"does not answer within {timeout:g} seconds"
    except (OSError, http.client.HTTPException, UnicodeError):
        return "does not answer"
    finally:
        connection.close()
    if status in (401, 403):
        return "refuses the credentials"
    # A cloud API has no such route but proves with its 404 that it is there.
    return None if status in (200, 404) else f"answers with status {status}"


def _launch(
    settings: Settings,
    port: int,
    begun: float,
    timeout: float,
    tick: Tick | None,
    *,
    protected: bool,
) -> Started:
    kept = make_secrets(settings)
    home = folder(settings)
    new_database = not (home / "prefect.db").exists()
    with _fresh_log(home / "server.log") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)],
            env=_environment(settings, port, kept, protected=protected),
            # Prefect reads `.env`, `prefect.toml` and `pyproject.toml` of the working folder.
            cwd=home,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            umask=0o077,
        )
    try:
        mark = start_mark(process.pid)
        server = Server(pid=process.pid, mark=mark or "", port=port, protected=protected)
        remember(settings, server)
        _wait(
            settings,
            server,
            begun,
            timeout,
            process=process,
            tick=None if tick is None else lambda seconds: tick(seconds, new_database),
        )
    except BaseException:
        # Ctrl-C included: whoever is interrupted leaves nothing running.
        stop_group(process.pid, patience=3.0)
        forget(settings)
        raise
    return Started(server, new=True, seconds=time.monotonic() - begun)


def _wait(
    settings: Settings,
    server: Server,
    begun: float,
    timeout: float,
    *,
    process: subprocess.Popen[bytes] | None = None,
    tick: Callable[[float], None] | None = None,
) -> None:
    log = folder(settings) / "server.log"
    problem: str | None = "does not answer"
    while problem is not None:
        ended = process.poll() is not None if process is not None else not server.alive
        if ended:
            raise EnvironmentUnavailable(
                f"the Prefect server ended while it started{_last_words(log)}", hint=f"its log is {log}"
            )
        waited = time.monotonic() - begun
        if waited > timeout:
            raise EnvironmentUnavailable(
                f"the Prefect server did not answer within {timeout:g} seconds", hint=f"its log is {log}"
            )
        if tick is not None:
            tick(waited)
        api = running(settings)
        problem = answers(api) if api is not None else "does not answer"
        if problem is not None:
            time.sleep(_POLL_SECONDS)


def _environment(settings: Settings, port: int, kept: Secrets, *, protected: bool) -> dict[str, str]:
    home = folder(settings)
    origins = f"http://127.0.0.1:{port},http://localhost:{port}"
    # Secrets go by the environment, which only the user can read, never by the command line.
    values = {
        **settings.tools,
        "DO_NOT_TRACK": "1",
        "PREFECT_HOME": str(home / "prefect"),
        "PREFECT_PROFILES_PATH": str(home / "prefect" / "profiles.toml"),
        "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{home / 'prefect.db'}",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_EPHEMERAL_ENABLED": "false",
        "PREFECT_SERVER_ENCRYPTION_KEY": kept.encryption_key,
        # By default any web page may call the API from the user's browser.
        "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": origins,
        "PREFECT_SERVER_UI_API_URL": f"http://127.0.0.1:{port}/api",
        "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
        # On its defaults the recorder writes task runs one by one and falls behind.
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "100",
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE": "100",
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
        "NO_COLOR": "1",
        "PYTHONUNBUFFERED": "1",
    }
    if protected:
        values["PREFECT_SERVER_API_AUTH_STRING"] = kept.auth
        values["PREFECT_API_AUTH_STRING"] = kept.auth
    return values


def _same(known: Server, port: int | None, *, protected: bool) -> None:
    if port is not None and port != known.port:
        raise UsageError(
            f"the Prefect server runs already, on port {known.port}", hint="run `qlf down` first"
        )
    if protected != known.protected:
        how = "with" if known.protected else "without"
        raise UsageError(f"the Prefect server runs already, {how} a password", hint="run `qlf down` first")


def _pick(port: int | None) -> int:
    if _free(port or DEFAULT_PORT):
        return port or DEFAULT_PORT
    if port is not None:
        raise EnvironmentUnavailable(
            f"the port {port} is taken by another program", hint="choose another, or leave --port out"
        )
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
        return number


def _free(port: int) -> bool:
    with socket.socket() as probe:
        # As servers do: a port whose last connections are still closing is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


@contextlib.contextmanager
def _fresh_log(path: Path) -> Iterator[int]:
    try:
        if path.exists():
            path.replace(path.with_name("server.log.1"))
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise OutputError(f"{str(path)!r} cannot be written: {error.strerror}") from error
    try:
        yield handle
    finally:
        os.close(handle)


def _last_words(log: Path) -> str:
    try:
        lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    except OSError:
        return ""
    return f": {lines[-1][:200]}" if lines else ""


@contextlib.contextmanager
def _lock(settings: Settings) -> Iterator[None]:
    import fcntl

    home = folder(settings)
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(home / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise OutputError(
            f"{str(home)!r} cannot be written: {error.strerror}",
            hint="check the folder, or set QLF_HOME to another",
        ) from error
    try:
        # Two `qlf up` at once: the second waits, then finds the server of the first.
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
