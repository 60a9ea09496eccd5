"""Both files of Compose, brought up as their comments say: on PostgreSQL, and behind Caddy."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]


class Compose:
    """One project of Compose, that is taken down with all it made."""

    def __init__(self, docker, tools: Path, app: Path, *options: str) -> None:
        plugin = docker("compose", "version", check=False).returncode == 0
        program = [docker.program, "compose"] if plugin else [str(tools / "docker-compose")]
        self.command = [*program, "--project-name", f"qlf-test-{os.getpid()}", *options]
        self.environment = {
            name: value for name, value in docker.environment.items() if name not in {"SECRET_KEY", "IMAGE"}
        }
        self.folder = app

    def __call__(self, *words: str, check: bool = True, **options) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [*self.command, *words],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            **options,
        )
        if check and done.returncode:
            logs = subprocess.run(
                [*self.command, "logs"], cwd=self.folder, env=self.environment, capture_output=True
            )
            raise AssertionError(f"{words[0]}: {done.stderr[-1500:]}\n{logs.stdout[-3000:].decode()}")
        return done

    def container(self, service: str) -> str:
        return self("ps", "--all", "--quiet", service).stdout.strip()

    def make_admin(self, email: str, password: str) -> None:
        command = ["python", "-m", "app.cli", "create-admin", "--email", email]
        self("exec", "--no-TTY", "app", *command, input=password + "\n")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def workspace(app, tmp_path) -> Path:
    folder = Path(shutil.copytree(app, tmp_path / "app"))
    (folder / ".env").unlink()
    return folder


@pytest.fixture
def development(docker, tools, workspace, image) -> Iterator[Compose]:
    compose = Compose(docker, tools, workspace)
    project = compose.command[-1]
    for service in ("app", "migrate"):
        docker("tag", image, f"{project}-{service}")
    yield compose
    compose("down", "--volumes", "--timeout", "5")
    for service in ("app", "migrate"):
        docker("image", "rm", f"{project}-{service}")


@pytest.fixture
def production(docker, tools, workspace, image) -> Iterator[Compose]:
    for port in (80, 443):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                pytest.skip(f"port {port} of this machine is taken")
    (workspace / "production.env").write_text(
        f"DOMAIN=localhost\nIMAGE={image}\nSECRET_KEY={secrets.token_urlsafe(48)}\n"
        f"POSTGRES_PASSWORD={secrets.token_urlsafe(24)}\n"
    )
    options = ["--env-file", "production.env", "--file", "deploy/compose.production.yaml"]
    compose = Compose(docker, tools, workspace, *options)
    yield compose
    compose("down", "--volumes", "--timeout", "5")


def _is_confined(docker, container: str) -> None:
    found = docker.inspect(container)
    host = found["HostConfig"]
    assert found["Config"]["User"] == "10001:10001"
    assert host["ReadonlyRootfs"] is True
    assert host["CapDrop"] == ["ALL"]
    assert host["SecurityOpt"] == ["no-new-privileges:true"]
    assert host["Memory"] == 512 * 2**20
    assert host["PidsLimit"] == 200


def test_development_asks_for_its_secrets(development):
    done = development("config", check=False)

    assert done.returncode != 0
    assert "run make .env first" in done.stderr


def test_development_serves_from_postgresql(docker, development, workspace, sign_in, round_trip, admin):
    port = _free_port()
    subprocess.run(["make", "--silent", ".env"], cwd=workspace, check=True)
    development.environment["APP_PORT"] = str(port)

    development("up", "--detach", "--wait", "--no-build")
    development.make_admin(admin["email"], admin["password"])
    with sign_in(f"http://127.0.0.1:{port}") as client:
        round_trip(client)

    for service in ("app", "migrate"):
        _is_confined(docker, development.container(service))
    published = docker.inspect(development.container("app"))["NetworkSettings"]["Ports"]["8000/tcp"]
    assert published == [{"HostIp": "127.0.0.1", "HostPort": str(port)}]
    assert not any(docker.inspect(development.container("db"))["NetworkSettings"]["Ports"].values())
    development("stop", "--timeout", "30", "app")
    assert docker.inspect(development.container("app"))["State"]["ExitCode"] == 0


def test_production_is_reached_through_the_proxy_alone(docker, production, sign_in, round_trip, admin):
    production("up", "--detach", "--wait", "--no-build")
    production.make_admin(admin["email"], admin["password"])
    # Caddy signs for localhost by itself; somebody else's authority has nothing to say about that.
    spoofed = {"X-Forwarded-For": "203.0.113.7"}
    with sign_in("https://localhost", verify=False, headers=spoofed) as client:
        round_trip(client)
        sessions = client.get("/user-sessions").json()
        answer = client.get("/me")

    assert "203.0.113.7" not in str(sessions)
    assert "172.30.10.1" in str(sessions), "the address of the caller, not that of the proxy"
    assert answer.headers["strict-transport-security"].startswith("max-age=")
    assert "server" not in answer.headers
    for path in ("/health/ready", "/metrics", "/docs"):
        assert httpx.get(f"https://localhost{path}", verify=False, trust_env=False).status_code == 404
    plain = httpx.get("http://localhost/api/v1/me", trust_env=False)
    assert (plain.status_code, plain.headers["location"]) == (308, "https://localhost/api/v1/me")

    for service in ("app", "migrate"):
        _is_confined(docker, production.container(service))
    for service in ("app", "db"):
        assert not any(docker.inspect(production.container(service))["NetworkSettings"]["Ports"].values())
    proxy = docker.inspect(production.container("proxy"))["HostConfig"]
    assert (proxy["ReadonlyRootfs"], proxy["CapDrop"]) == (True, ["ALL"])
    project = production.command[production.command.index("--project-name") + 1]
    assert docker.inspect(f"{project}_back")["Internal"] is True
