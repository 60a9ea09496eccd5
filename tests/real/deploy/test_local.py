"""The golden application on a port of this machine: started, changed, stopped without a trace."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from qlf.deploy import Deployment, list_local, logs_local, start_local, status_local, stop_local
from qlf.errors import DeployError, InputError
from qlf.settings import load

pytestmark = pytest.mark.real

GOLDEN = Path(__file__).parents[2] / "apps" / "golden" / "users"

Start = Callable[..., Deployment]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "state"
    for found in list_local(tmp_path / "state"):
        stop_local(found.name, state_dir=tmp_path / "state", grace=1)


@pytest.fixture
def app(tmp_path: Path) -> Path:
    return Path(
        shutil.copytree(GOLDEN, tmp_path / "source", ignore=shutil.ignore_patterns("*_cache*", "__pyc*"))
    )


@pytest.fixture
def start(app: Path, state: Path, cache: Path) -> Start:
    def run(**options: object) -> Deployment:
        return start_local(app, state_dir=state, cache_dir=cache, tools=load().tools, **options)  # type: ignore[arg-type]

    return run


def _processes(marker: str) -> list[int]:
    found = []
    for folder in Path("/proc").iterdir():
        try:
            if folder.name.isdigit() and marker.encode() in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
        except OSError:
            continue
    return found


def _sign_in(deployment: Deployment) -> httpx.Response:
    keys = json.loads((deployment.secrets or Path()).read_text())
    body = {"email": keys["admin_email"], "password": keys["admin_password"]}
    return httpx.post(f"{deployment.url}/api/v1/auth/login", json=body, trust_env=False)


def test_it_runs_is_found_again_and_stops_without_a_trace(start: Start, state: Path) -> None:
    first = start()
    assert first.status == "ready"
    assert start() == first
    assert list_local(state) == [first]
    assert _sign_in(first).status_code == 200
    assert "Application startup complete" in logs_local(first.name, state_dir=state)
    below = _descendants(first.pid)
    assert len(below) >= 3
    assert stop_local(first.name, state_dir=state)
    assert not [pid for pid in (first.pid, *below) if Path(f"/proc/{pid}/cmdline").exists() and _running(pid)]
    assert list_local(state) == []
    assert not stop_local(first.name, state_dir=state)
    with pytest.raises(httpx.ConnectError):
        httpx.get(first.url, trust_env=False)


def _descendants(pid: int) -> list[int]:
    children = [
        int(word)
        for task in Path(f"/proc/{pid}/task").iterdir()
        for word in (task / "children").read_text().split()
    ]
    return children + [below for child in children for below in _descendants(child)]


def _running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def test_secrets_are_private_and_nowhere_else(start: Start, state: Path) -> None:
    deployment = start()
    assert _sign_in(deployment).status_code == 200
    time.sleep(1.5)
    assert deployment.secrets is not None
    assert deployment.secrets.stat().st_mode & 0o777 == 0o600
    keys = json.loads(deployment.secrets.read_text())
    for value in (keys["secret_key"], keys["admin_password"]):
        assert value not in json.dumps(deployment.to_json())
        assert value not in logs_local(deployment.name, state_dir=state)
        assert _processes(value) == []
        others = [path for path in deployment.secrets.parent.glob("*.*") if path != deployment.secrets]
        assert not [path for path in others if path.is_file() and value in path.read_text()]


def test_nothing_of_it_is_in_the_folder_for_temporary_files(
    start: Start, state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "temporary"
    elsewhere.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(elsewhere))
    deployment = start()
    assert deployment.status == "ready"
    opened = {str(link.readlink()) for link in Path(f"/proc/{deployment.pid}/fd").iterdir()}
    assert not [path for path in opened if path.startswith(("/tmp/qlf-", "/var/tmp", str(elsewhere)))]


def test_changed_files_start_anew_with_the_same_data(start: Start, app: Path) -> None:
    first = start()
    main = app / "app" / "main.py"
    main.write_text(main.read_text().replace('title="Users"', 'title="People"'))
    second = start()
    assert second.pid != first.pid
    assert second.digest != first.digest
    assert second.url == first.url
    assert httpx.get(f"{second.url}/api/v1/openapi.json", trust_env=False).json()["info"]["title"] == "People"
    assert _sign_in(second).status_code == 200


def test_an_application_that_does_not_start_says_its_last_words(start: Start, app: Path, state: Path) -> None:
    main = app / "app" / "main.py"
    main.write_text(main.read_text() + '\n\nraise SystemExit("out of order")\n')
    with pytest.raises(DeployError, match="out of order"):
        start()
    assert list_local(state) == []
    assert _processes(str(state)) == []


def test_an_application_that_never_gets_ready_is_stopped(start: Start, app: Path, state: Path) -> None:
    health = app / "app" / "api" / "health.py"
    health.write_text(health.read_text().replace('"/health/ready"', '"/health/steady"'))
    with pytest.raises(DeployError, match="/health/ready did not answer 200 within 2 seconds"):
        start(wait_seconds=2)
    assert _processes(str(state)) == []


def test_a_broken_migration_is_told(start: Start, app: Path) -> None:
    script = app / "migrations" / "versions" / "0001_initial.py"
    script.write_text(
        script.read_text().replace(
            "def upgrade() -> None:", "def upgrade() -> None:\n    raise OSError('no disk')"
        )
    )
    with pytest.raises(DeployError, match=r"could not be migrated: .*no disk"):
        start()


def test_a_port_that_is_taken_is_told(start: Start, state: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(DeployError, match="already in use"):
            start(port=other.getsockname()[1])
    assert _processes(str(state)) == []


def test_the_application_dies_with_the_process_that_holds_it(start: Start, state: Path) -> None:
    deployment = start()
    below = _descendants(deployment.pid)
    os.kill(deployment.pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while any(_running(pid) for pid in below) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not [pid for pid in below if _running(pid)]
    found = status_local(deployment.name, state_dir=state)
    assert found is not None
    assert found.status == "stopped"
    again = start()
    assert again.status == "ready"


def test_a_claim_of_a_process_id_that_somebody_else_got_is_harmless(start: Start, state: Path) -> None:
    deployment = start()
    stop_local(deployment.name, state_dir=state)
    claim = {"process": [os.getpid(), 1, "another boot"], "port": 1, "digest": "", "started": ""}
    (state / "deployments" / deployment.name / "claim.json").write_text(json.dumps(claim))
    assert [found.status for found in list_local(state)] == ["stopped"]
    assert not stop_local(deployment.name, state_dir=state)
    assert list_local(state) == []


def test_two_starts_at_once_give_one_deployment(start: Start, state: Path) -> None:
    found: list[Deployment] = []
    threads = [threading.Thread(target=lambda: found.append(start())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({one.pid for one in found}) == 1
    assert len(list_local(state)) == 1


def test_what_is_no_application_is_refused(tmp_path: Path, state: Path, cache: Path) -> None:
    with pytest.raises(InputError, match=r"holds no app\.yaml"):
        start_local(tmp_path, state_dir=state, cache_dir=cache)
    with pytest.raises(InputError, match="no application 'nothing'"):
        stop_local("nothing", state_dir=state)
