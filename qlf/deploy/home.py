"""The folder of a deployment: what is written there, atomically, and who may do so at a time."""

from __future__ import annotations

import fcntl
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from qlf.core.tree import Tree
from qlf.deploy.process import Mark
from qlf.errors import InputError

__all__ = ["Home", "find_home", "homes", "open_home"]

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}\Z")
_JSON_LIMIT = 1_000_000
_ABOUT = "deployment.json"


class Home:
    """One deployment's folder."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = path.name
        self.app = path / "app"
        self.data = path / "data"
        self.run = path / "run"
        self.secrets = path / "secrets.json"
        self.plan = path / "plan.json"
        self.log = path / "log.txt"
        self.failure = path / "failure.json"
        self._claim = path / "claim.json"
        self._about = path / _ABOUT

    @property
    def source(self) -> Path | None:
        """The source folder that the deployment belongs to."""
        found = read_json(self._about).get("source")
        return Path(found) if isinstance(found, str) else None

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Only one process at a time starts or stops this deployment."""
        with _locked(self.path / ".lock"):
            yield

    def claim(self) -> dict[str, Any]:
        """What runs; empty when nothing does, or the file cannot be read."""
        return read_json(self._claim)

    def mark(self) -> Mark | None:
        """The process that the claim names."""
        match self.claim().get("process"):
            case [int(pid), int(start), str(boot)] if pid > 1:
                return pid, start, boot
        return None

    def write_claim(self, claim: dict[str, Any]) -> None:
        """Say what runs."""
        write_private(self._claim, json.dumps(claim, sort_keys=True).encode())

    def drop_claim(self) -> None:
        """Say that nothing runs."""
        self._claim.unlink(missing_ok=True)

    def keep_secrets(self, *, accounts: bool) -> dict[str, str]:
        """The secrets, made on the first call and kept from then on."""
        known = read_json(self.secrets)
        if not isinstance(known.get("secret_key"), str):
            known = {"secret_key": secrets.token_urlsafe(48)}
            if accounts:
                known |= {"admin_email": "admin@example.com", "admin_password": secrets.token_urlsafe(18)}
            write_private(self.secrets, json.dumps(known, indent=2).encode())
        return {key: value for key, value in known.items() if isinstance(value, str)}

    def replace_app(self, tree: Tree) -> None:
        """Put the files of the application in place of those of the last start."""
        shutil.rmtree(self.app, ignore_errors=True)
        for name, file in tree.items():
            target = self.app / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(file.data)
            target.chmod(0o755 if file.executable else 0o644)
        # The sandbox may run as another user, who has to read this whatever the umask is.
        for folder in (self.app, *(path for path in self.app.rglob("*") if path.is_dir())):
            folder.chmod(0o755)

    def make_run(self) -> None:
        """An empty folder for the socket; what a killed process left there is taken away."""
        shutil.rmtree(self.run, ignore_errors=True)
        self.run.mkdir(mode=0o755)

    def make_data(self, owner: tuple[int, int]) -> Path:
        """The folder of the database, which belongs to the user of the sandbox."""
        self.data.mkdir(mode=0o700, exist_ok=True)
        if self.data.stat().st_uid != owner[0]:
            os.chown(self.data, *owner)
        return self.data.resolve()


def open_home(state_dir: Path, source: Path, wished: str) -> Home:
    """The deployment that belongs to a source folder, made if there is none.

    Args:
        state_dir: Where deployments are kept.
        source: The folder, resolved.
        wished: What the application is called; a number follows when another source has that name.
    """
    folder = state_dir / "deployments"
    folder.mkdir(parents=True, exist_ok=True, mode=0o755)
    slug = re.sub(r"[^a-z0-9]+", "-", wished.lower()).strip("-")[:48] or "app"
    with _locked(folder / ".lock"):
        for home in homes(state_dir):
            if home.source == source:
                return home
        number = 1
        path = folder / slug
        while path.exists():
            number += 1
            path = folder / f"{slug}-{number}"
        path.mkdir(mode=0o755)
        write_private(path / _ABOUT, json.dumps({"source": str(source)}).encode())
        return Home(path.resolve())


def find_home(state_dir: Path, name: str) -> Home | None:
    """The deployment of that name.

    Raises:
        InputError: If the name could not be one.
    """
    if not _NAME.match(name):
        raise InputError(f"{name!r} is not the name of a deployment", hint="`qlf deploy status` lists them")
    path = state_dir / "deployments" / name
    return Home(path.resolve()) if path.is_dir() else None


def homes(state_dir: Path) -> Iterator[Home]:
    """Every deployment, by name."""
    folder = state_dir / "deployments"
    if folder.is_dir():
        for path in sorted(folder.iterdir()):
            if path.is_dir() and _NAME.match(path.name):
                yield Home(path.resolve())


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file of ours; empty when it is missing or damaged."""
    try:
        with path.open("rb") as file:
            found = json.loads(file.read(_JSON_LIMIT))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def write_private(path: Path, data: bytes) -> None:
    """Write a file that only its owner reads, in one step."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
