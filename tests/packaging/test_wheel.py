"""What is tested is what is installed: the built wheel, started in a folder that tries to shadow it."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("qlf", "flows", "tasks", "blocks", "overlays", "scenarios")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built by the backend in this environment, so that nothing is fetched."""
    pytest.importorskip("hatchling", reason="the build backend is installed by `make setup-dev`")
    folder = tmp_path_factory.mktemp("dist")
    code = f"from hatchling.build import build_wheel; print(build_wheel({str(folder)!r}))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder / done.stdout.strip().splitlines()[-1]


def tracked(*suffixes: str) -> set[str]:
    listed = subprocess.run(
        ["git", "ls-files", *PACKAGES], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split("\n")
    return {path for path in listed if path and path.endswith(suffixes) and (ROOT / path).is_file()}


def test_the_wheel_holds_every_module_template_and_data_file(wheel):
    if not (ROOT / ".git").exists():
        pytest.skip("not a Git checkout: the list of files to compare with is missing")
    with zipfile.ZipFile(wheel) as archive:
        inside = set(archive.namelist())
    assert tracked("") - inside == set()


def test_the_wheel_holds_nothing_of_the_tests(wheel):
    with zipfile.ZipFile(wheel) as archive:
        tops = {name.split("/")[0] for name in archive.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == set(PACKAGES)


def test_the_installed_command_ignores_modules_of_the_working_directory(wheel, tmp_path):
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    decoys = tmp_path / "decoys"
    decoys.mkdir()
    for name in (*PACKAGES, "click", "sitecustomize", "json"):
        (decoys / f"{name}.py").write_text(f"raise SystemExit('the decoy {name} was imported')\n")
    # What the console script of an installed wheel does: its own folder is first on the path, not the
    # working directory. The dependencies come from this environment.
    script = tmp_path / "bin" / "qlf"
    script.parent.mkdir()
    script.write_text(
        f"#!{sys.executable}\nimport sys\nsys.path.insert(1, {str(site)!r})\n"
        "from qlf.cli import main\nimport qlf\n"
        "assert qlf.__file__.startswith(sys.path[1])\nsys.exit(main())\n"
    )
    script.chmod(0o755)
    plan = [str(script), "plan", "Create a REST API for user management with authentication", "--json"]
    environment = {"PATH": os.environ["PATH"], "QLF_HOME": str(tmp_path / "home")}
    done = subprocess.run(plan, cwd=decoys, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert '"user"' in done.stdout
