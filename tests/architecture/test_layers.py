"""The house keeps its shape: layers, file sizes, modules that say what they are for."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("qlf", "flows", "tasks", "blocks", "overlays", "scenarios")
LINES = 400


def sources() -> list[Path]:
    return sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def test_import_contracts_hold():
    lint = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([lint], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_package_of_qlf_has_a_place_in_the_layers():
    import tomllib

    config = tomllib.loads((ROOT / "pyproject.toml").read_text())
    layers = next(c for c in config["tool"]["importlinter"]["contracts"] if c["id"] == "layers")["layers"]
    placed = {name.strip() for layer in layers for name in layer.split("|")}
    present = {
        f"qlf.{path.stem}"
        for path in (ROOT / "qlf").iterdir()
        if (path.suffix == ".py" and path.stem != "__init__") or (path / "__init__.py").is_file()
    }
    assert present <= placed, f"without a place: {sorted(present - placed)}"


def own_tests() -> list[Path]:
    # Golden applications follow the rules of generated applications.
    return [path for path in (ROOT / "tests").rglob("*.py") if "golden" not in path.parts]


@pytest.mark.parametrize("path", sources() + own_tests(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_is_short_enough_to_be_read_at_once(path):
    assert len(path.read_text().splitlines()) <= LINES


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_says_what_it_is_for(path):
    assert ast.get_docstring(ast.parse(path.read_text())), "the module docstring is missing"


def test_no_stub_words_in_the_product():
    words = ("NotImplementedError", "TODO", "FIXME", "lorem ipsum")
    # The mesh looks for these words in applications, so it has to name them.
    allowed = {"qlf/mesh/checks/stubs.py"}
    found = [
        f"{path.relative_to(ROOT)}: {word}"
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.suffix in (".py", ".j2", ".yaml") and path.relative_to(ROOT).as_posix() not in allowed
        for word in words
        if word in path.read_text(errors="replace")
    ]
    assert not found


def test_only_prefect_packages_start_prefect():
    heavy = ("prefect", "boto3", "openai", "docker")
    code = f"import sys, qlf.cli, qlf.settings; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
