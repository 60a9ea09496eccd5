"""`qlf generate` with a real Prefect server: the run, its artifacts, and the cached run after it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.real

BRIEF = "A library. Books have a title and an author. Members borrow books."
QLF = [sys.executable, "-c", "import sys; from qlf.cli import main; sys.exit(main())"]

Qlf = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("qlf-generate")


@pytest.fixture(scope="module")
def environ(home: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "QLF_"))}
    return {**kept, "QLF_HOME": str(home), "HOME": str(home), "NO_COLOR": "1"}


@pytest.fixture(scope="module")
def qlf(environ: dict[str, str], home: Path) -> Iterator[Qlf]:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*QLF, *arguments], env=environ, cwd=home, capture_output=True, text=True, timeout=200
        )

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    assert run("up", "--port", str(port)).returncode == 0
    yield run
    run("down")


@pytest.fixture(scope="module")
def ask(home: Path, qlf: Qlf) -> Callable[..., Any]:
    """Send JSON to the server's API."""
    facts = json.loads((home / "state/server/server.json").read_text())
    secret = json.loads((home / "state/server/secrets.json").read_text())["auth"]
    headers = {
        "Authorization": "Basic " + b64encode(secret.encode()).decode(),
        "Content-Type": "application/json",
    }

    def send(path: str, body: Any = None) -> Any:
        url = f"http://127.0.0.1:{facts['port']}/api{path}"
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=10) as answer:
            return json.load(answer)

    return send


@pytest.fixture(scope="module")
def first(qlf: Qlf) -> dict[str, Any]:
    done = qlf("generate", BRIEF, "-o", "first", "--verify", "none", "--json")
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def _run_id(document: dict[str, Any]) -> str:
    return str(document["run_url"].rpartition("/")[2])


def test_the_run_is_shown_with_its_artifacts(first: dict[str, Any], ask: Callable[..., Any]) -> None:
    run = ask(f"/flow_runs/{_run_id(first)}")
    assert run["state_type"] == "COMPLETED"
    assert run["name"].startswith(first["name"])
    wanted = {"artifacts": {"flow_run_id": {"any_": [_run_id(first)]}}}
    keys = {artifact["key"] for artifact in ask("/artifacts/filter", wanted)}
    assert keys >= {"spec", "data-model", "files", "gates"}


def test_a_run_that_was_seen_is_shown_too(qlf: Qlf, first: dict[str, Any], ask: Callable[..., Any]) -> None:
    begun = time.monotonic()
    done = qlf("generate", BRIEF, "-o", "second", "--verify", "none", "--json")
    assert time.monotonic() - begun < 2
    document = json.loads(done.stdout)
    assert document["digest"] == first["digest"]
    run = ask(f"/flow_runs/{_run_id(document)}")
    assert (run["state_type"], run["state_name"]) == ("COMPLETED", "Cached")
    wanted = {"artifacts": {"flow_run_id": {"any_": [_run_id(document)]}}}
    assert ask("/artifacts/filter", wanted)


def test_both_ways_of_running_write_the_same_bytes(qlf: Qlf, first: dict[str, Any], home: Path) -> None:
    assert qlf("cache", "clear").returncode == 0
    done = qlf("generate", BRIEF, "-o", "inline", "--verify", "none", "--inline", "--json")
    assert json.loads(done.stdout)["digest"] == first["digest"]
    for path in (home / "first").rglob("*"):
        if path.is_file():
            assert (home / "inline" / path.relative_to(home / "first")).read_bytes() == path.read_bytes()


def test_a_refused_brief_is_one_sentence_without_a_traceback(qlf: Qlf) -> None:
    done = qlf("generate", "hello", "-o", "nothing", "--verify", "none")
    assert done.returncode == 3
    assert "Traceback" not in done.stderr
    assert "qlf: " in done.stderr.splitlines()[-2]


def test_ctrl_c_during_a_run_leaves_no_folder(qlf: Qlf, environ: dict[str, str], home: Path) -> None:
    command = [*QLF, "generate", BRIEF, "-o", "stopped", "--verify", "none", "--port", "8199", "-v"]
    with subprocess.Popen(command, env=environ, cwd=home, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "loading Prefect" in line:
                break
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        err = process.stderr.read()
        process.wait(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert not (home / "stopped").exists()


def test_a_server_that_died_means_a_run_inline(qlf: Qlf, home: Path) -> None:
    facts = json.loads((home / "state/server/server.json").read_text())
    os.killpg(facts["pid"], signal.SIGKILL)
    time.sleep(0.5)
    done = qlf("generate", BRIEF, "-o", "alone", "--verify", "none", "--port", "8300", "--json")
    assert done.returncode == 0
    assert "running inline: the Prefect server of `qlf up` has ended" in done.stderr
    assert "run_url" not in json.loads(done.stdout)
