"""The command line as a user meets it: arguments in; exit code, stdout and stderr out."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from qlf.cli import main
from qlf.core.finding import GateResult, Status
from qlf.core.spec import Spec
from qlf.core.tree import Tree


@dataclass(frozen=True)
class Answer:
    """What one run of the command line gave."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)


Cli = Callable[..., Answer]


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every test has its own folders, its own working folder and no Prefect."""
    for name in list(os.environ):
        if name.startswith(("QLF_", "PREFECT_")) or name in ("NO_COLOR", "FORCE_COLOR"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    monkeypatch.setenv("QLF_HOME", str(tmp_path / "home"))
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    return tmp_path / "home"


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Run the command line in this process."""

    def run(*arguments: str, stdin: bytes | None = None) -> Answer:
        if stdin is not None:
            monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        capsys.readouterr()
        code = main(arguments)
        captured = capsys.readouterr()
        return Answer(code, captured.out, captured.err)

    return run


@pytest.fixture
def program() -> Callable[..., subprocess.Popen[bytes]]:
    """Start the command line as a process of its own."""

    def start(*arguments: str, **options: Any) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", "import sys; from qlf.cli import main; sys.exit(main())", *arguments]
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen(command, **{**pipes, **options})

    return start


@dataclass(frozen=True)
class FakeAgent:
    path: str
    needs: tuple[str, ...] = ()
    title: str = "write one file"

    def write(self, spec: Spec) -> Tree:
        return Tree.from_texts({self.path: f"{spec.app.name}\n"})


class FakeGates:
    """Gates whose verdicts a test decides."""

    def __init__(self) -> None:
        self.results: dict[str, GateResult] = {}
        self.calls: list[str] = []
        self.error: BaseException | None = None

    def run(self, name: str, tree: Tree, spec: Spec, context: Any) -> GateResult:
        self.calls.append(name)
        if self.error is not None:
            raise self.error
        return self.results.get(name, GateResult(name, Status.PASSED, milliseconds=12, checks=3))


@pytest.fixture
def gates(monkeypatch: pytest.MonkeyPatch) -> FakeGates:
    """Two agents that write one file each, and two gates."""
    made = FakeGates()
    agents = {"api": FakeAgent("openapi.json"), "devops": FakeAgent("requirements.lock", needs=("api",))}
    monkeypatch.setattr("qlf.agents.AGENTS", agents)
    monkeypatch.setattr("qlf.mesh.GATES", ("static", "unit"))
    monkeypatch.setattr("qlf.mesh.run_gate", made.run)
    return made
