"""Virtual environments from a lock, made from wheels that the tests build themselves: no index is asked."""

from __future__ import annotations

import base64
import concurrent.futures
import hashlib
import multiprocessing
import sys
import zipfile
from pathlib import Path

import pytest

from qlf.errors import EnvironmentUnavailable, InputError
from qlf.sandbox import Command, Environment, Sandbox, ensure

pytestmark = pytest.mark.real


def _wheel(folder: Path, name: str, files: dict[str, str]) -> str:
    """Write a wheel (PEP 427) and return the line of a lock for it."""
    info = f"{name}-1.0.dist-info"
    files = files | {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": f"[console_scripts]\n{name} = {name}:main\n",
    }
    record = ""
    path = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for place, text in files.items():
            archive.writestr(place, text)
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
            record += f"{place},sha256={digest},{len(text.encode())}\n"
        archive.writestr(f"{info}/RECORD", record + f"{info}/RECORD,,\n")
    return f"{name}==1.0 --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n"


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    folder = tmp_path / "wheels"
    folder.mkdir()
    return folder


@pytest.fixture
def make(tmp_path: Path, wheels: Path, uv: Path):
    def build(lock: str, **changes) -> Environment:
        settings = {"UV_NO_INDEX": "1", "UV_FIND_LINKS": str(wheels)}
        options = {
            "python": Path(sys.executable),
            "cache_dir": tmp_path / "cache",
            "uv": uv,
            "variables": settings,
        }
        return ensure(lock, **(options | changes))

    return build


GREETER = {"greeter/__init__.py": "def main():\n    print('hello from', __file__)\n"}


def test_an_environment_runs_in_the_sandbox_and_cannot_be_changed(make, wheels: Path, sandbox: Sandbox):
    environment = make(_wheel(wheels, "greeter", GREETER))
    mounts = environment.mounts(sandbox)
    reachable = sandbox.tier.letter == "A" or sandbox.owner[0] == environment.path.stat().st_uid
    if not reachable:
        pytest.skip("without namespaces, another user cannot enter this folder for temporary files")
    program = environment.program(sandbox, "greeter")
    done = sandbox.run(Command((program,), mounts=mounts))
    assert done.ok, done.stderr
    assert done.stdout.startswith(b"hello from " + mounts[0].target.encode())
    code = "import greeter; open(greeter.__file__, 'a')"
    done = sandbox.run(Command((environment.program(sandbox, "python"), "-c", code), mounts=mounts))
    assert done.returncode == 1
    assert b"Error" in done.stderr


def test_an_environment_is_built_once(make, wheels: Path):
    lock = _wheel(wheels, "greeter", GREETER)
    first = make(lock)
    stamp = first.path.stat().st_mtime_ns
    (wheels / "greeter-1.0-py3-none-any.whl").unlink()
    assert make(lock).path == first.path
    assert first.path.stat().st_mtime_ns == stamp


def test_many_builders_at_once_make_one_environment(make, wheels: Path, tmp_path: Path):
    lock = _wheel(wheels, "greeter", GREETER)
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        made = {environment.path for environment in pool.map(make, [lock] * 6)}
    assert len(made) == 1
    assert not list((tmp_path / "cache").glob("*.new"))


def test_nothing_of_a_package_runs_while_it_is_installed(make, wheels: Path, tmp_path: Path):
    canary = tmp_path / "ran"
    code = f"import pathlib; pathlib.Path({str(canary)!r}).touch()\n"
    lock = _wheel(wheels, "evil", {"evil.py": code, "evil.pth": code, "sitecustomize.py": code})
    environment = make(lock)
    make(lock)
    assert list(environment.path.rglob("evil.pth"))
    assert list(environment.path.rglob("evil.*.pyc"))
    assert not canary.exists()


def test_a_wheel_with_another_hash_is_refused(make, wheels: Path, tmp_path: Path):
    lock = _wheel(wheels, "greeter", GREETER)
    _wheel(wheels, "greeter", {"greeter/__init__.py": "import os\n"})
    with pytest.raises(EnvironmentUnavailable, match=r"(?i)hash"):
        make(lock)
    assert not [path for path in (tmp_path / "cache").iterdir() if path.is_dir() and path.name != "uv"]


def test_a_source_package_is_not_built(make, wheels: Path):
    archive = wheels / "greeter-1.0.tar.gz"
    archive.write_bytes(b"no archive at all")
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    with pytest.raises(EnvironmentUnavailable):
        make(f"greeter==1.0 --hash=sha256:{digest}\n")


def test_a_lock_without_hashes_is_refused(make):
    with pytest.raises(InputError, match="no hash"):
        make("greeter==1.0\n")


def test_the_environment_of_the_caller_does_not_configure_uv(make, wheels: Path, monkeypatch):
    lock = _wheel(wheels, "greeter", GREETER)
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("UV_LINK_MODE", "nonsense")
    monkeypatch.setenv("PYTHONHOME", "/nonsense")
    assert make(lock).path.is_dir()


def test_a_cache_that_others_may_write_to_is_refused(make, tmp_path: Path):
    cache = tmp_path / "shared"
    cache.mkdir()
    cache.chmod(0o777)
    with pytest.raises(EnvironmentUnavailable, match="written by others"):
        make("", cache_dir=cache)


def test_an_empty_lock_makes_an_empty_environment(make):
    environment = make("# nothing\n")
    assert not list(environment.path.glob("lib/*/site-packages/*.dist-info"))


def test_builders_in_other_processes_wait_too(make, wheels: Path, uv: Path, tmp_path: Path):
    lock = _wheel(wheels, "greeter", GREETER)
    variables = {"UV_NO_INDEX": "1", "UV_FIND_LINKS": str(wheels)}
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(3, mp_context=context) as pool:
        waiting = [
            pool.submit(
                ensure,
                lock,
                python=Path(sys.executable),
                cache_dir=tmp_path / "cache",
                uv=uv,
                variables=variables,
            )
            for _ in range(3)
        ]
        assert len({future.result().digest for future in waiting}) == 1
