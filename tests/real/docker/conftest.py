"""A Docker engine, an application and its image; whatever is missing skips with the reason.

A running engine named by DOCKER_HOST is used as it is, with real base images. Otherwise a private engine
is started (root only) with images that stand in for them, made from Debian packages; their file systems and
the tools are kept in `qlf-tests` of the cache folder, and made anew when that is deleted.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from ruamel.yaml import YAML

from qlf.blueprint import PARTS, render
from qlf.core.spec import load_spec
from qlf.errors import QlfError
from qlf.settings import load, uv_program

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
SPEC = ROOT / "tests" / "apps" / "golden" / "rental" / "app.yaml"
RELEASE = "trixie"  # of Debian: its Python is the one that the Dockerfile names
BAIT = "not-for-the-image-5f1c0b7e"
ADMIN = {"email": "admin@example.com", "password": "seven green boats"}

Run = subprocess.CompletedProcess[str]


@dataclass(frozen=True)
class Docker:
    """The command line client of one engine."""

    program: str
    host: str
    private: bool
    environment: Mapping[str, str] = field(repr=False)

    def __call__(self, *words: str | Path, check: bool = True, **options: Any) -> Run:
        command = [self.program, *map(str, words)]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, **options)
        assert not check or done.returncode == 0, f"docker {words[0]}: {done.stderr[-2000:]}"
        return done

    def inspect(self, name: str) -> dict[str, Any]:
        found: list[dict[str, Any]] = json.loads(self("inspect", name).stdout)
        return found[0]


def _cache() -> Path:
    given = os.environ.get("XDG_CACHE_HOME", "")
    folder = (Path(given) if given.startswith("/") else Path.home() / ".cache") / "qlf-tests"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _client(program: str, host: str, *, private: bool) -> Docker:
    environment = {**os.environ, "DOCKER_HOST": host}
    docker = Docker(program, host, private, environment)
    version = docker("version", "--format", "{{.Client.Version}}").stdout
    # Clients since 23 build with BuildKit through the plugin buildx, older ones by themselves.
    able = int(version.split(".")[0]) < 23 or docker("buildx", "version", check=False).returncode == 0
    return Docker(program, host, private, {**environment, "DOCKER_BUILDKIT": "1" if able else "0"})


@pytest.fixture(scope="session")
def docker() -> Iterator[Docker]:
    """An engine: the one of DOCKER_HOST, or a private one that is gone afterwards."""
    given = os.environ.get("DOCKER_HOST")
    program = next(
        (path for path in ("/usr/bin/docker", shutil.which("docker")) if path and Path(path).exists()), ""
    )
    if not program:
        pytest.skip("there is no docker; run scripts/real-parts")
    if given:
        if subprocess.run([program, "info"], capture_output=True).returncode:
            pytest.skip("the engine named by DOCKER_HOST does not answer")
        yield _client(program, given, private=False)
        return
    folder = Path(tempfile.mkdtemp(prefix="qlf-docker-"))
    engine = ROOT / "scripts" / "docker-engine"
    started = subprocess.run([engine, "start", folder], capture_output=True, text=True)
    if started.returncode:
        shutil.rmtree(folder, ignore_errors=True)
        pytest.skip(started.stderr.strip())
    try:
        yield _client(program, started.stdout.strip(), private=True)
    finally:
        stopped = subprocess.run([engine, "stop", folder], capture_output=True, text=True)
        assert stopped.returncode == 0, stopped.stderr


def _rootfs(name: str, packages: Sequence[str]) -> Path:
    """The file system of a Debian with these packages, as an archive; made once."""
    archive = _cache() / f"{name}-{RELEASE}.tar"
    if archive.exists():
        return archive
    program = shutil.which("mmdebstrap")
    if program is None:
        pytest.skip("there is no mmdebstrap to make base images with; run scripts/real-parts")
    part = archive.with_suffix(".part")
    # PostgreSQL's compiler, a third of it all, is loaded for long queries only.
    unused = ("share/doc/*", "share/man/*", "share/locale/*", "lib/*/libLLVM*", "lib/postgresql/*/bitcode/*")
    leave_out = [f"--dpkgopt=path-exclude=/usr/{path}" for path in unused]
    no_cluster = 'mkdir -p "$1/etc/postgresql-common" && echo "create_main_cluster = false" > '
    no_cluster += '"$1/etc/postgresql-common/createcluster.conf"'
    command = [program, "--variant=minbase", "--format=tar", *leave_out, f"--essential-hook={no_cluster}"]
    made = subprocess.run(
        [*command, f"--include={','.join(packages)}", RELEASE, str(part)], capture_output=True, text=True
    )
    if made.returncode:
        part.unlink(missing_ok=True)
        pytest.skip(f"mmdebstrap cannot make a Debian {RELEASE}: {made.stderr.strip().splitlines()[-1]}")
    part.rename(archive)
    return archive


def _authorities() -> Path | None:
    paths = ssl.get_default_verify_paths()
    named = (os.environ.get("SSL_CERT_FILE"), paths.cafile, paths.openssl_cafile)
    return next(
        (
            Path(path)
            for path in (*named, "/etc/ssl/certs/ca-certificates.crt")
            if path and Path(path).is_file()
        ),
        None,
    )


def _services(app: Path) -> dict[str, Any]:
    text = (app / "deploy" / "compose.production.yaml").read_text(encoding="utf-8")
    services: dict[str, Any] = YAML(typ="safe").load(text)["services"]
    return services


@pytest.fixture(scope="session")
def bases(docker: Docker, app: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The images that the application's files start from are there."""
    python = re.search(r"^ARG PYTHON=(\S+)$", (app / "Dockerfile").read_text(), re.MULTILINE)
    services = _services(app)
    assert python
    names = {"python": python[1], "postgres": services["db"]["image"], "caddy": services["proxy"]["image"]}
    if not docker.private:
        for name in names.values():
            there = docker("image", "inspect", name, check=False).returncode == 0
            if not there and docker("pull", "--quiet", name, check=False).returncode:
                pytest.skip(f"the engine named by DOCKER_HOST has no image {name} and cannot get it")
        return
    packages = {
        "python": ["python3", "python3-venv", "python-is-python3", "ca-certificates"],
        "services": ["postgresql-17", "caddy", "ca-certificates"],
    }
    with ThreadPoolExecutor() as pool:
        archives = dict(zip(packages, pool.map(_rootfs, packages, packages.values()), strict=True))
    for name, archive in archives.items():
        docker("import", archive, f"rootfs/{name}")
    for name, tag in names.items():
        folder = tmp_path_factory.mktemp("standins") / name
        shutil.copytree(HERE / "standins" / name, folder)
        if name == "python":
            known = _authorities()
            (folder / "ca-certificates.crt").write_bytes(known.read_bytes() if known else b"")
            index = os.environ.get("PIP_INDEX_URL")
            (folder / "pip.conf").write_text(f"[global]\nindex-url = {index}\n" if index else "")
        rootfs = f"ROOTFS=rootfs/{'python' if name == 'python' else 'services'}"
        docker("build", "--quiet", "--build-arg", rootfs, "--tag", tag, folder)


@pytest.fixture(scope="session")
def app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A generated application, among files of its developer that must not get into the image."""
    folder = tmp_path_factory.mktemp("docker") / "app"
    spec = load_spec(SPEC.read_text(encoding="utf-8"))
    for part in PARTS:
        for path, file in render(part, spec).items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(file.data)
    for path in (
        ".env",
        "app/.env",
        "app/.env.local",
        ".git/config",
        "app/app.db",
        "app/tls.key",
        "notes.txt",
    ):
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(f"SECRET_KEY={BAIT}\n")
    return folder


@pytest.fixture(scope="session")
def image(docker: Docker, app: Path, bases: None) -> Iterator[str]:
    """The application's image."""
    tag = f"qlf-test/rental:{os.getpid()}"
    network = ["--network", "host"] if docker.private else []
    done = docker("build", *network, "--tag", tag, app, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    yield tag
    if not docker.private:
        docker("image", "rm", "--force", tag)


@pytest.fixture(scope="session")
def confinement(app: Path) -> list[str]:
    """The options of `docker run` that say what the production file of Compose says."""
    said = _services(app)["app"]
    options = ["--read-only"] if said["read_only"] else []
    options += [f"--tmpfs={item}" for item in said["tmpfs"]]
    options += [f"--cap-drop={item}" for item in said["cap_drop"]]
    options += [f"--security-opt={item}" for item in said["security_opt"]]
    return [*options, f"--memory={said['mem_limit']}", f"--pids-limit={said['pids_limit']}"]


@dataclass(frozen=True)
class Served:
    """A container that serves the application."""

    name: str
    url: str
    volume: str


Serve = Callable[..., Served]

# The image must need no shell: with nothing behind their names, none can be started.
NO_SHELLS = [word for name in ("dash", "bash") for word in ("--volume", f"/dev/null:/usr/bin/{name}:ro")]


@pytest.fixture(scope="session")
def serve(docker: Docker, image: str, confinement: list[str]) -> Iterator[Serve]:
    """Migrate a new database in a volume, make an administrator and serve, confined and without a shell."""
    made: list[Served] = []

    def run() -> Served:
        name = f"qlf-test-{os.getpid()}-{len(made)}"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        served = Served(name, f"http://127.0.0.1:{port}", f"{name}-data")
        made.append(served)
        settings = {
            "SECRET_KEY": secrets.token_urlsafe(48),
            # Docker's client puts the proxy of its user into containers; the health check must not ask it.
            "HTTP_PROXY": "http://127.0.0.1:9",
            "http_proxy": "http://127.0.0.1:9",
        }
        options = [*confinement, *NO_SHELLS, "--volume", f"{served.volume}:/data"]
        options += [word for key, value in settings.items() for word in ("--env", f"{key}={value}")]
        docker("run", "--rm", *options, image, "python", "-m", "app.cli", "migrate")
        admin = ["python", "-m", "app.cli", "create-admin", "--email", ADMIN["email"]]
        docker("run", "--rm", "--interactive", *options, image, *admin, input=ADMIN["password"] + "\n")
        docker("run", "--detach", "--name", name, "--publish", f"127.0.0.1:{port}:8000", *options, image)
        wait_ready(served.url)
        return served

    yield run
    for served in made:
        docker("rm", "--force", "--volumes", served.name, check=False)
        docker("volume", "rm", "--force", served.volume, check=False)


def wait_ready(url: str, seconds: float = 60, **options: Any) -> None:
    """Wait until the application says that it can be used."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            if httpx.get(f"{url}/health/ready", trust_env=False, **options).status_code == 200:
                return
        except httpx.TransportError:
            pass
        assert time.monotonic() < deadline, f"{url} is not ready after {seconds} s"
        time.sleep(0.1)


@pytest.fixture(scope="session")
def ready() -> Callable[..., None]:
    return wait_ready


@pytest.fixture(scope="session")
def admin() -> dict[str, str]:
    return ADMIN


@pytest.fixture(scope="session")
def sign_in() -> Callable[..., AbstractContextManager[httpx.Client]]:
    """A client of the API that is signed in as the administrator."""

    @contextmanager
    def run(url: str, **options: Any) -> Iterator[httpx.Client]:
        with httpx.Client(base_url=f"{url}/api/v1", trust_env=False, timeout=30, **options) as client:
            answer = client.post("/auth/login", json=ADMIN)
            assert answer.status_code == 200, answer.text
            client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
            yield client

    return run


@pytest.fixture(scope="session")
def round_trip() -> Callable[[httpx.Client], None]:
    """Create, read, change, list and delete one row."""

    def run(client: httpx.Client) -> None:
        made = client.post("/customers", json={"full_name": "Ada Byron", "email": "ada@example.com"})
        assert made.status_code == 201, made.text
        path = f"/customers/{made.json()['id']}"
        assert client.get(path).json()["full_name"] == "Ada Byron"
        assert client.patch(path, json={"full_name": "Ada Lovelace"}).json()["full_name"] == "Ada Lovelace"
        assert path.rsplit("/", 1)[1] in client.get("/customers").text
        assert client.delete(path).status_code == 204
        assert client.get(path).status_code == 404

    return run


@pytest.fixture(scope="session")
def tools() -> Path:
    """The folder of the locked programs that check and run what was generated."""
    lock = HERE / "tools.lock"
    folder = _cache() / "tools"
    stamp = folder / "tools.lock"
    if stamp.exists() and stamp.read_bytes() == lock.read_bytes():
        return folder / "bin"
    try:
        uv = uv_program(load())
    except QlfError as error:
        pytest.skip(str(error))
    for command in (
        ["venv", "--clear", folder],
        ["pip", "install", "--python", folder, "--require-hashes", "-r", lock],
    ):
        done = subprocess.run([uv, *command, "--quiet"], capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"the tools of tools.lock cannot be installed: {done.stderr.strip()[-300:]}")
    shutil.copyfile(lock, stamp)
    return folder / "bin"
