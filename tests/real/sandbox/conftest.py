"""Both tiers, each forced in turn, and a way to run Python inside."""

from __future__ import annotations

import os
import shutil
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from qlf.sandbox import (
    Command,
    Completed,
    Limits,
    Policy,
    Sandbox,
    SandboxUnavailable,
    Tier,
    Workspace,
    open_sandbox,
)

SYSTEM_PATH = "/usr/local/bin:/usr/bin"
NO_BUBBLEWRAP = Path("/nonexistent/bwrap")

Run = Callable[..., Completed]


def _open(tier: Tier) -> Sandbox:
    policy = Policy(minimum=Tier.A) if tier is Tier.A else Policy(bwrap=NO_BUBBLEWRAP)
    try:
        return open_sandbox(policy)
    except SandboxUnavailable as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session", params=[Tier.A, Tier.B], ids=["A", "B"])
def sandbox(request: pytest.FixtureRequest) -> Sandbox:
    return _open(request.param)


@pytest.fixture(scope="session")
def namespaces() -> Sandbox:
    return _open(Tier.A)


@pytest.fixture(scope="session")
def python() -> str:
    found = shutil.which("python3", path=SYSTEM_PATH)
    if found is None:
        pytest.skip("there is no Python below /usr, which every sandbox shows")
    return found


@pytest.fixture
def work(sandbox: Sandbox) -> Iterator[Workspace]:
    with sandbox.workspace({}) as work:
        yield work


@pytest.fixture
def command(sandbox: Sandbox, work: Workspace, python: str) -> Callable[..., Command]:
    """Python code as a command, in a writable workspace."""

    def make(code: str, *arguments: str, **options: object) -> Command:
        mount = sandbox.place(work.path, "/app", writable=True)
        limits = options.pop("limits", Limits(cpu_seconds=20, wall_seconds=30, processes=64))
        argv = (python, "-I", "-S", "-c", textwrap.dedent(code), *arguments)
        return Command(argv, cwd=mount.target, mounts=(mount,), limits=limits, **options)  # type: ignore[arg-type]

    return make


@pytest.fixture
def run(sandbox: Sandbox, command: Callable[..., Command]) -> Run:
    """Run Python code in the sandbox."""

    def inside(code: str, *arguments: str, **options: object) -> Completed:
        return sandbox.run(command(code, *arguments, **options))

    return inside


@pytest.fixture
def alive() -> Callable[[str], list[int]]:
    """Which processes of this machine have a marker in their command line."""

    def look(marker: str) -> list[int]:
        found = []
        for folder in Path("/proc").iterdir():
            if folder.name.isdigit() and int(folder.name) != os.getpid():
                try:
                    if marker.encode() in (folder / "cmdline").read_bytes():
                        found.append(int(folder.name))
                except OSError:
                    continue
        return found

    return look


@pytest.fixture
def gone(alive: Callable[[str], list[int]]) -> Callable[[str], bool]:
    """Whether all processes with a marker end within a few seconds."""

    def wait(marker: str, seconds: float = 8.0) -> bool:
        deadline = time.monotonic() + seconds
        while alive(marker):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        return True

    return wait


@pytest.fixture(scope="session")
def uv() -> Path:
    try:
        from uv import find_uv_bin

        return Path(find_uv_bin())
    except ImportError:
        found = shutil.which("uv")
        if found is None:
            pytest.skip("uv is not installed")
        return Path(found)
