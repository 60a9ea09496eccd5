from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from qlf.core.tree import Tree
from qlf.engine.record import Recording
from qlf.engine.request import GenerateRequest
from qlf.engine.seen_run import SeenRun

FLOW, RUN = "00000000-0000-0000-0000-00000000f10e", "00000000-0000-0000-0000-0000000000aa"


class FakeApi(ThreadingHTTPServer):
    """Understands as much of the Prefect API as a recording needs, and remembers what it was told."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.calls: list[tuple[str, dict[str, Any], dict[str, str]]] = []
        self.answers: list[tuple[int, bytes]] = []
        """Given out, one at a time, in place of the proper answer."""
        self.delay = 0.0
        self.cut = False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/api"

    @property
    def paths(self) -> list[str]:
        return [path for path, _, _ in self.calls]

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that gave up is part of the tests."""


class Handler(BaseHTTPRequestHandler):
    server: FakeApi

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.calls.append((self.path, body, dict(self.headers)))
        time.sleep(self.server.delay)
        identifier = FLOW if self.path == "/api/flows/" else RUN
        status, data = 201, json.dumps({"id": identifier}).encode()
        if self.server.answers:
            status, data = self.server.answers.pop(0)
        self.send_response(status)
        self.send_header("Content-Length", str(len(data) + (5 if self.server.cut else 0)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args: object) -> None:
        """Tests are quiet."""


@pytest.fixture
def api() -> Iterator[FakeApi]:
    with FakeApi() as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def run(home: Path) -> SeenRun:
    facts = {"name": "rental", "spec_digest": "abcdef0123456789", "steps": 3}
    artifacts = [{"key": "application", "type": "markdown", "description": "x", "data": "# Rental"}]
    return SeenRun(facts, {}, Tree(), artifacts, GenerateRequest(source="Rent."), home)


def test_a_run_is_shown_with_its_artifacts(api: FakeApi, run: SeenRun) -> None:
    recorded = Recording(api.url, {"Authorization": "Basic dTpw"}).send(run)
    assert recorded.problem is None
    assert recorded.run_url == f"http://127.0.0.1:{api.server_port}/runs/flow-run/{RUN}"
    assert api.paths == ["/api/flows/", "/api/flow_runs/", "/api/artifacts/"]
    flow_run = api.calls[1][1]
    assert flow_run["flow_id"] == FLOW
    assert flow_run["name"] == "rental-abcdef01"
    assert (flow_run["state"]["type"], flow_run["state"]["name"]) == ("COMPLETED", "Cached")
    assert flow_run["parameters"]["parameters"]["source"] == "Rent."
    assert api.calls[2][1] == {**run.artifacts[0], "flow_run_id": RUN}
    assert {headers["Authorization"] for _, _, headers in api.calls} == {"Basic dTpw"}


def test_the_flow_is_asked_for_once(api: FakeApi, run: SeenRun, home: Path) -> None:
    for _ in range(2):
        assert Recording(api.url, {}, home=home).send(run).problem is None
    assert api.paths.count("/api/flows/") == 1
    assert api.paths.count("/api/flow_runs/") == 2


def test_a_new_database_behind_the_same_address_is_noticed(api: FakeApi, run: SeenRun, home: Path) -> None:
    Recording(api.url, {}, home=home).send(run)
    api.answers = [(409, b'{"detail": "Data integrity conflict"}')]
    assert Recording(api.url, {}, home=home).send(run).problem is None
    assert api.paths[3:] == ["/api/flow_runs/", "/api/flows/", "/api/flow_runs/", "/api/artifacts/"]


def test_the_address_of_the_pages_may_differ_from_that_of_the_api(api: FakeApi, run: SeenRun) -> None:
    recorded = Recording(api.url, {}, ui_url="https://prefect.example.org/").send(run)
    assert recorded.run_url == f"https://prefect.example.org/runs/flow-run/{RUN}"


def test_a_busy_database_is_asked_again(api: FakeApi, run: SeenRun) -> None:
    api.answers = [(503, b"database is locked"), (503, b"")]
    assert Recording(api.url, {}).send(run).problem is None
    assert api.paths[:3] == ["/api/flows/"] * 3


@pytest.mark.parametrize(
    "answers",
    [
        [(503, b"")] * 9,
        [(401, b"Unauthorized")],
        [(500, b"")],
        [(201, b"<html>")],
        [(201, b"[]")],
        [(201, b"{}")],
        [(201, b"[" * 100_000)],
        [(302, b"")],
    ],
)
def test_no_answer_of_the_server_fails_the_job(api: FakeApi, run: SeenRun, answers: Any) -> None:
    api.answers = answers
    recorded = Recording(api.url, {}).send(run)
    assert recorded.run_url is None
    assert "could not be shown" in str(recorded.problem)


def test_an_answer_that_broke_off_is_noticed(api: FakeApi, run: SeenRun) -> None:
    api.cut = True
    assert "broke off" in str(Recording(api.url, {}).send(run).problem)


def test_a_server_that_hangs_is_left_behind(
    api: FakeApi, run: SeenRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("qlf.engine.record._DEADLINE_SECONDS", 0.2)
    api.delay = 1.0
    started = time.monotonic()
    assert Recording(api.url, {}).send(run).problem is not None
    assert time.monotonic() - started < 0.9


def test_credentials_never_become_extra_headers(api: FakeApi, run: SeenRun) -> None:
    recorded = Recording(api.url, {"Authorization": "Basic x\r\nX-Evil: 1"}).send(run)
    assert "line break" in str(recorded.problem)
    assert api.calls == []


def test_the_reason_never_repeats_the_credentials(run: SeenRun) -> None:
    recorded = Recording("http://127.0.0.1:1/api", {"Authorization": "Basic c2VjcmV0"}).send(run)
    assert recorded.problem is not None
    assert "c2VjcmV0" not in recorded.problem
