"""What is known of the local server: one file of facts, one of secrets that only the user can read."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from qlf.cli.server.process import is_alive
from qlf.errors import OutputError
from qlf.settings import PrefectApi, Settings

__all__ = [
    "Secrets",
    "Server",
    "folder",
    "forget",
    "load_secrets",
    "make_secrets",
    "recorded",
    "remember",
    "running",
]


@dataclass(frozen=True, slots=True)
class Server:
    """A local server that was started."""

    pid: int
    """Also the id of its process group."""
    mark: str
    """Start mark, see `qlf.cli.server.process.start_mark`."""
    port: int
    protected: bool
    """Whether the API asks for the password."""

    @property
    def url(self) -> str:
        """Where the API answers."""
        return f"http://127.0.0.1:{self.port}/api"

    @property
    def ui(self) -> str:
        """Where a browser sees the runs."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def alive(self) -> bool:
        """Whether that very process still runs."""
        return is_alive(self.pid, self.mark)


@dataclass(frozen=True, slots=True, repr=False)
class Secrets:
    """What the server must keep across restarts: a new encryption key could not read old blocks."""

    auth: str
    """`user:password`."""
    encryption_key: str
    """Fernet key: 32 bytes in URL-safe Base64."""


def folder(settings: Settings) -> Path:
    """Where the files of the server are."""
    return settings.state_dir / "server"


def recorded(settings: Settings) -> Server | None:
    """The server of the last `qlf up`, whether it still runs or not."""
    try:
        data = json.loads((folder(settings) / "server.json").read_bytes())
        known = Server(**{field.name: data[field.name] for field in fields(Server)})
    except (OSError, ValueError, KeyError, TypeError):
        return None
    types_hold = type(known.pid) is int and type(known.port) is int and isinstance(known.mark, str)
    # A process id of 0 or below would address other groups when a signal is sent.
    return known if types_hold and known.pid > 1 else None


def running(settings: Settings) -> PrefectApi | None:
    """The API of the local server, if its process runs. Standard library only."""
    server = recorded(settings)
    if server is None or not server.alive:
        return None
    kept = load_secrets(settings) if server.protected else None
    return PrefectApi(url=server.url, origin="qlf up", auth=kept.auth if kept else None, explicit=False)


def remember(settings: Settings, server: Server) -> None:
    """Write down what was started."""
    _write(folder(settings) / "server.json", asdict(server))


def forget(settings: Settings) -> None:
    """Remove the record of a server that has stopped."""
    (folder(settings) / "server.json").unlink(missing_ok=True)


def load_secrets(settings: Settings) -> Secrets | None:
    """The secrets of the server, if they were made before."""
    try:
        data = json.loads((folder(settings) / "secrets.json").read_bytes())
        return Secrets(auth=str(data["auth"]), encryption_key=str(data["encryption_key"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def make_secrets(settings: Settings) -> Secrets:
    """The secrets of the server; made on the first call, the same ever after.

    Raises:
        OutputError: If they cannot be kept.
    """
    known = load_secrets(settings)
    if known is not None:
        return known
    import secrets
    from base64 import urlsafe_b64encode

    made = Secrets(
        auth=f"qlf:{secrets.token_urlsafe(24)}",
        encryption_key=urlsafe_b64encode(secrets.token_bytes(32)).decode("ascii"),
    )
    _write(folder(settings) / "secrets.json", {"auth": made.auth, "encryption_key": made.encryption_key})
    return made


def _write(path: Path, data: dict[str, object]) -> None:
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        beside.unlink(missing_ok=True)
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(data, file, indent=2)
        beside.replace(path)
    except OSError as error:
        raise OutputError(
            f"{str(path)!r} cannot be written: {error.strerror}",
            hint="check the folder, or set QLF_HOME to another",
        ) from error
