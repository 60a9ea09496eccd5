"""`qlf up` and `qlf down` with a real Prefect server, as processes."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from qlf.cli.server.process import group_members

pytestmark = pytest.mark.real

Qlf = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("qlf-server")


@pytest.fixture(scope="module")
def environ(home: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "QLF_"))}
    return {**kept, "QLF_HOME": str(home), "HOME": str(home), "NO_COLOR": "1"}


@pytest.fixture(scope="module")
def qlf(environ: dict[str, str], home: Path) -> Iterator[Qlf]:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", "import sys; from qlf.cli import main; sys.exit(main())", *arguments]
        return subprocess.run(command, env=environ, cwd=home, capture_output=True, text=True, timeout=200)

    yield run
    run("down")


@pytest.fixture(scope="module")
def server(qlf: Qlf) -> dict[str, Any]:
    done = qlf("up", "--port", str(_free_port()), "--json")
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _status(url: str, headers: dict[str, str] | None = None) -> int:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers or {}), timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return int(error.code)


def _auth(document: dict[str, Any]) -> dict[str, str]:
    from base64 import b64encode

    secret = json.loads(Path(document["password_file"]).read_text())["auth"]
    return {"Authorization": "Basic " + b64encode(secret.encode()).decode()}


def test_the_server_answers_those_who_know_the_password_only(server: dict[str, Any]) -> None:
    url = f"{server['url']}/admin/version"
    assert _status(f"{server['url']}/health") == 200
    assert _status(url) == 401
    assert _status(url, _auth(server)) == 200
    assert _status(server["ui"]) == 200


def test_the_server_listens_on_this_machine_only(server: dict[str, Any]) -> None:
    listening = [
        line.split()[1]
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]
        if line.split()[3] == "0A"
    ]
    wanted = f"{server['port']:04X}"
    assert [address for address in listening if address.endswith(f":{wanted}")] == [f"0100007F:{wanted}"]


def test_no_secret_is_in_the_process_list_or_in_the_log(server: dict[str, Any], home: Path) -> None:
    secrets = json.loads(Path(server["password_file"]).read_text()).values()
    seen = Path(server["log"]).read_text()
    for pid in group_members(server["pid"]):
        seen += Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    assert not [secret for secret in secrets if secret in seen or secret.partition(":")[2] in seen.split()]
    for path in (home / "state").rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_up_again_finds_the_same_server(qlf: Qlf, server: dict[str, Any]) -> None:
    done = qlf("up", "--json")
    document = json.loads(done.stdout)
    assert (document["state"], document["pid"]) == ("running", server["pid"])
    assert done.stderr == ""


def test_up_with_another_port_is_refused(qlf: Qlf, server: dict[str, Any]) -> None:
    done = qlf("up", "--port", str(server["port"] + 1))
    assert done.returncode == 2
    assert f"on port {server['port']}" in done.stderr


def test_status_and_doctor_show_it(qlf: Qlf, server: dict[str, Any]) -> None:
    assert json.loads(qlf("status", "--json").stdout)["server"]["url"] == server["url"]
    checks = {check["name"]: check for check in json.loads(qlf("doctor", "--json").stdout)["checks"]}
    assert checks["Prefect API"]["state"] == "ok"


def test_the_lines_of_env_let_the_prefect_command_in(
    qlf: Qlf, server: dict[str, Any], environ: dict[str, str]
) -> None:
    lines = qlf("up", "--env").stdout
    script = f"{lines}\nexec {sys.executable} -m prefect flow-run ls"
    done = subprocess.run(["/bin/sh", "-c", script], env=environ, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_down_leaves_nothing_and_up_keeps_database_and_password(qlf: Qlf, server: dict[str, Any]) -> None:
    before = _auth(server)
    body = json.dumps({"name": "kept-across-a-restart"}).encode()
    request = urllib.request.Request(
        f"{server['url']}/flows/", data=body, headers={**before, "Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        flow = json.load(answer)["id"]
    down = json.loads(qlf("down", "--json").stdout)
    assert down == {"stopped": True, "pid": server["pid"]}
    assert group_members(server["pid"]) == []
    assert json.loads(qlf("down", "--json").stdout) == {"stopped": False, "pid": None}
    again = json.loads(qlf("up", "--port", str(_free_port()), "--json").stdout)
    assert again["state"] == "started"
    assert _auth(again) == before
    assert _status(f"{again['url']}/flows/{flow}", before) == 200


def test_a_server_that_was_killed_is_replaced(qlf: Qlf, server: dict[str, Any]) -> None:
    first = json.loads(qlf("up", "--json").stdout)
    os.killpg(first["pid"], signal.SIGKILL)
    deadline = time.monotonic() + 10
    while group_members(first["pid"]) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert json.loads(qlf("status", "--json").stdout)["server"] is None
    second = json.loads(qlf("up", "--json").stdout)
    assert second["state"] == "started"
    assert second["pid"] != first["pid"]


def test_ctrl_c_while_starting_leaves_nothing_running(qlf: Qlf, environ: dict[str, str], home: Path) -> None:
    qlf("down")
    command = [sys.executable, "-c", "import sys; from qlf.cli import main; sys.exit(main())", "up"]
    with subprocess.Popen(command, env=environ, cwd=home, stderr=subprocess.PIPE, text=True) as process:
        record = home / "state/server/server.json"
        deadline = time.monotonic() + 20
        while not record.exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        group = json.loads(record.read_text())["pid"]
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "interrupted" in err
    assert group_members(group) == []
    assert not record.exists()


def test_a_taken_port_is_told(qlf: Qlf) -> None:
    qlf("down")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = qlf("up", "--port", str(taken.getsockname()[1]))
    assert done.returncode == 7
    assert "is taken by another program" in done.stderr
