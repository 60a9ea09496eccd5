"""One real Prefect server a session, on a database that is migrated once and then copied."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from qlf.core.finding import Finding, GateResult, Status
from qlf.core.spec import Spec, parse_spec
from qlf.core.tree import Tree
from qlf.engine.context import EngineContext
from qlf.engine.parts import Parts

START_SECONDS = 120
QUIET = {
    "DO_NOT_TRACK": "1",
    "PREFECT_LOGGING_LEVEL": "CRITICAL",
    "PREFECT_LOGGING_TO_API_ENABLED": "false",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_EPHEMERAL_ENABLED": "false",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "100",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE": "100",
}


@pytest.fixture(scope="session")
def api_url(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[str]:
    home = tmp_path_factory.mktemp("prefect")
    migrated = request.config.cache.mkdir("prefect") / f"migrated-{version('prefect')}.db"
    if migrated.exists():
        shutil.copy(migrated, home / "prefect.db")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, **QUIET, "PREFECT_HOME": str(home)}
    environment.pop("PREFECT_API_URL", None)
    program = str(Path(sys.executable).with_name("prefect"))
    server = subprocess.Popen(
        [program, "server", "start", "--host", "127.0.0.1", "--port", str(port)],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    url = f"http://127.0.0.1:{port}/api"
    try:
        _wait_for(url, server)
        if not migrated.exists():
            _keep(home / "prefect.db", migrated)
        with pytest.MonkeyPatch.context() as patch:
            for name, value in {**QUIET, "PREFECT_HOME": str(home), "PREFECT_API_URL": url}.items():
                patch.setenv(name, value)
            from prefect import settings

            # Another test may have loaded Prefect before the environment said where to go.
            changes = {
                settings.PREFECT_API_URL: url,
                settings.PREFECT_LOGGING_LEVEL: "CRITICAL",
                settings.PREFECT_LOGGING_TO_API_ENABLED: False,
            }
            with settings.temporary_settings(changes):
                yield url
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait(20)


def _wait_for(url: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        assert server.poll() is None, "the Prefect server ended"
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=2) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.2)
    raise AssertionError("the Prefect server did not answer in time")


def _keep(database: Path, migrated: Path) -> None:
    import sqlite3

    beside = migrated.with_suffix(".new")
    with sqlite3.connect(database) as source, sqlite3.connect(beside) as copy:
        source.backup(copy)
    source.close()
    copy.close()
    beside.replace(migrated)


@dataclass
class Author:
    """An agent that writes fixed files, as often as it is asked to."""

    files: dict[str, str]
    needs: tuple[str, ...] = ()
    title: str = ""
    calls: int = 0

    def write(self, spec: Spec) -> Tree:
        self.calls += 1
        return Tree.from_texts({path: text + spec.app.name for path, text in self.files.items()})


@dataclass
class Workshop:
    """The parts of a run, with counters and with verdicts to choose."""

    verdicts: dict[str, Status] = field(default_factory=dict)
    failures: list[BaseException] = field(default_factory=list)
    judged: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.agents = {
            "backend": Author({"app/main.py": "# "}),
            "api": Author({"openapi.json": ""}),
            "devops": Author({"requirements.lock": "# "}),
            "docs": Author({"README.md": "# "}, needs=("api",)),
        }

    def compile_brief(self, text: str, name: str | None) -> Spec:
        return parse_spec(
            {
                "app": {"name": name or "rental", "title": "Rental"},
                "brief": text,
                "entities": [{"name": "car", "fields": [{"name": "plate"}]}],
                "questions": [{"name": "q", "text": "How many?", "assumption": "Ten", "change": "edit"}],
            }
        )

    def run_gate(self, name: str, tree: Tree, spec: Spec, mesh: Any) -> GateResult:
        with self.lock:
            self.judged.append(name)
            if self.failures:
                raise self.failures.pop(0)
        status = self.verdicts.get(name, Status.PASSED)
        findings = (Finding("unit.test", "one test fails"),) if status is Status.FAILED else ()
        reason = "no sandbox works here" if status is Status.NOT_RUN else None
        return GateResult(name, status, 3, findings, reason, checks=len(tree))

    @property
    def parts(self) -> Parts:
        return Parts(self.compile_brief, self.agents, ("static", "unit", "runtime"), self.run_gate)


@pytest.fixture(autouse=True)
def installation(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same installation for a whole test, even while somebody edits the sources beside it."""
    for module in ("context", "seen"):
        monkeypatch.setattr(f"qlf.engine.{module}.engine_digest", lambda home: "e" * 64)


@pytest.fixture
def workshop() -> Workshop:
    return Workshop()


@pytest.fixture
def contexts(workshop: Workshop, tmp_path: Path) -> Callable[[], EngineContext]:
    """A context as a new process would make it, always with the same home."""
    return lambda: EngineContext(home=tmp_path / "cache", parts=workshop.parts)


@pytest.fixture
def api(api_url: str) -> Callable[[str, dict[str, Any]], Any]:
    """Asks the server."""
    import json

    def post(path: str, body: dict[str, Any]) -> Any:
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(api_url + path, json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    return post
