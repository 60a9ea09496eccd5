"""The commands of a deployment, each inside the sandbox, on the deployment's own data."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from qlf.core.runbook import Runbook
from qlf.deploy.home import Home
from qlf.sandbox import Command, Environment, Limits, Mount, Sandbox

__all__ = ["SERVE", "SETUP", "command", "placed", "policy_folder"]

_MIB = 1024 * 1024
_GIB = 1024 * _MIB
_YEAR_SECONDS = 366 * 24 * 3600

SETUP = Limits(
    cpu_seconds=300, wall_seconds=300.0, memory_bytes=_GIB, scratch_bytes=8 * _GIB, file_bytes=4 * _GIB
)
"""For migrations."""
SERVE = Limits(
    cpu_seconds=_YEAR_SECONDS,
    wall_seconds=float(10 * _YEAR_SECONDS),
    memory_bytes=_GIB,
    scratch_bytes=8 * _GIB,
    file_bytes=4 * _GIB,
    output_bytes=256 * 1024,
)
"""For the server, which stays."""


def placed(sandbox: Sandbox, home: Home) -> tuple[Mount, Mount]:
    """Where commands see the files, read-only, and the data.

    Neither is in the folder for temporary files, which machines empty of whatever is some days old.
    """
    app = sandbox.place(home.app.resolve(), "/app")
    return app, sandbox.place(home.make_data(sandbox.owner), "/data", writable=True)


def command(
    words: tuple[str, ...],
    sandbox: Sandbox,
    environment: Environment,
    book: Runbook,
    mounts: tuple[Mount, ...],
    secret: str,
    *,
    limits: Limits,
    env: Mapping[str, str] | None = None,
) -> Command:
    """A command of the runbook.

    Args:
        words: Without the interpreter.
        sandbox: Where it will run.
        environment: Its packages.
        book: What its settings are called.
        mounts: The files and the data, in this order, and whatever else it sees.
        secret: The deployment's signing key.
        limits: What it may use.
        env: More variables.
    """
    app, data = mounts[:2]
    return Command(
        (environment.program(sandbox, "python"), *words),
        cwd=app.target,
        env={**book.settings(database=f"{data.target}/app.db", secret=secret), **(env or {})},
        mounts=(*mounts, *environment.mounts(sandbox)),
        limits=limits,
    )


def policy_folder(cache_dir: Path) -> Path:
    """Where passed self-tests of the sandbox are remembered."""
    folder = cache_dir / "sandbox"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
