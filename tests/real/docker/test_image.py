"""The image of a generated application: what is in it, and what it is like confined as in production."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]

BAIT = b"not-for-the-image-5f1c0b7e"
CONTENTS = """
import json, os
names = [os.path.join(f, n) for f, _, ns in os.walk('/srv') for n in ns]
print(json.dumps({'top': sorted(os.listdir('/srv')), 'names': names, 'data': os.stat('/data').st_uid}))
"""
WRITE = """
import json, pathlib
def can(folder):
    try:
        (pathlib.Path(folder) / 'probe').write_text('x')
    except OSError:
        return False
    return True
folders = ('/', '/srv', '/srv/app', '/venv', '/etc', '/tmp', '/data')
print(json.dumps({folder: can(folder) for folder in folders}))
"""


@pytest.fixture(scope="module")
def serving(serve):
    return serve()


def _python(docker: Callable[..., Any], container: str, code: str) -> str:
    output: str = docker("exec", container, "python", "-c", code).stdout
    return output


def test_only_what_runs_is_in_the_image(docker, image):
    found = json.loads(docker("run", "--rm", image, "python", "-c", CONTENTS).stdout)

    assert found["top"] == ["alembic.ini", "app", "migrations"]
    assert {Path(name).suffix for name in found["names"]} <= {".py", ".ini", ".mako", ".typed"}
    assert found["data"] == 10001


def test_no_file_of_the_developer_is_in_any_layer(docker, image, tmp_path):
    docker("save", "--output", tmp_path / "image.tar", image)

    kept = b""
    with (tmp_path / "image.tar").open("rb") as archive:
        while chunk := archive.read(1 << 22):
            assert BAIT not in kept + chunk
            kept = chunk[-len(BAIT) :]


def test_history_and_environment_hold_no_secret(docker, image):
    found = docker.inspect(image)["Config"]
    history = docker("history", "--no-trunc", "--format", "{{.CreatedBy}}", image).stdout

    assert found["User"] == "10001:10001"
    assert found["Cmd"][:3] == ["python", "-m", "uvicorn"]
    own = [line for line in found["Env"] if not line.startswith(("GPG_KEY=", "PYTHON_SHA256="))]
    assert not [line for line in own if re.search(r"SECRET|PASSWORD|TOKEN|KEY", line.upper())]
    assert BAIT.decode() not in history
    assert "SECRET_KEY" not in history


def test_it_runs_as_nobody_special(docker, serving):
    status = _python(docker, serving.name, "print(open('/proc/1/status').read())")
    lines = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)

    assert set(lines["Uid"].split()) == {"10001"}
    assert set(lines["Gid"].split()) == {"10001"}
    assert {int(lines[name], 16) for name in ("CapPrm", "CapEff", "CapBnd", "CapAmb")} == {0}
    assert lines["NoNewPrivs"] == "1"
    assert lines["Seccomp"] == "2"


def test_only_the_folders_meant_for_it_are_writable(docker, serving):
    writable = json.loads(_python(docker, serving.name, WRITE))

    assert [folder for folder, can in writable.items() if can] == ["/tmp", "/data"]


def test_limits_hold(docker, serving):
    found = docker.inspect(serving.name)["HostConfig"]

    assert found["Memory"] == 512 * 2**20
    assert found["PidsLimit"] == 200


def test_there_is_no_shell_to_need(docker, serving):
    assert docker("exec", serving.name, "sh", "-c", "true", check=False).returncode != 0


def test_health_check_passes_whatever_proxy_is_set(docker, serving):
    deadline = time.monotonic() + 60
    while (health := docker.inspect(serving.name)["State"]["Health"])["Status"] == "starting":
        assert time.monotonic() < deadline
        time.sleep(0.3)

    assert health["Status"] == "healthy", health["Log"]


def test_it_serves_and_keeps_rows_over_a_restart(docker, serving, sign_in, round_trip, ready):
    with sign_in(serving.url) as client:
        round_trip(client)
        client.post("/customers", json={"full_name": "Mary", "email": "mary@example.com"}).raise_for_status()
        token = client.headers["Authorization"]

    started = time.monotonic()
    docker("stop", "--time", "30", serving.name)
    took = time.monotonic() - started
    logs = docker("logs", serving.name)
    state = docker.inspect(serving.name)["State"]
    docker("start", serving.name)
    ready(serving.url)

    assert took < 15
    assert (state["ExitCode"], state["OOMKilled"]) == (0, False)
    assert "Application shutdown complete" in logs.stdout + logs.stderr
    customers = httpx.get(
        f"{serving.url}/api/v1/customers", headers={"Authorization": token}, trust_env=False
    )
    assert "mary@example.com" in customers.text


def test_request_in_flight_is_answered_before_the_end(docker, serve):
    served = serve()
    with httpx.Client(base_url=served.url, trust_env=False, timeout=30) as client:
        request = client.build_request(
            "POST",
            "/api/v1/auth/login",
            content=_slow_login(),
            headers={"Content-Type": "application/json"},
        )
        with ThreadPoolExecutor() as pool:
            answer = pool.submit(client.send, request)
            time.sleep(0.5)
            docker("stop", "--time", "30", served.name)
            assert answer.result().status_code == 401

    assert docker.inspect(served.name)["State"]["ExitCode"] == 0


def _slow_login():
    yield b'{"email": "nobody@example.com", '
    time.sleep(2)
    yield b'"password": "wrong-password-1"}'


def test_burst_of_logins_stays_within_the_memory(docker, serve, ready):
    served = serve()
    counted: Counter[int] = Counter()

    def guess(number: int) -> None:
        body = {"email": f"guess{number}@example.com", "password": "wrong-password-1"}
        answer = httpx.post(f"{served.url}/api/v1/auth/login", json=body, trust_env=False, timeout=60)
        counted[answer.status_code] += 1

    with ThreadPoolExecutor(60) as pool:
        list(pool.map(guess, range(180)))

    ready(served.url)
    status = _python(docker, served.name, "print(open('/proc/1/status').read())")
    peak = re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
    state = docker.inspect(served.name)["State"]
    assert peak
    assert int(peak[1]) < 256 * 1024, "half of the limit"
    assert (state["Status"], state["OOMKilled"]) == ("running", False)
    assert set(counted) <= {401, 429}
    assert counted[401] >= 40


def test_without_a_key_it_says_what_to_do_and_stops(docker, image, confinement):
    done: subprocess.CompletedProcess[str] = docker("run", "--rm", *confinement, image, check=False)

    assert done.returncode != 0
    assert "SECRET_KEY is not set" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
