"""The golden applications are what the blueprint makes of their app.yaml, file by file."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from qlf.blueprint import PARTS, render
from qlf.blueprint.split import LONGEST
from qlf.core.spec import dump_spec, load_spec
from qlf.core.tree import Tree

GOLDEN = Path(__file__).parent / "golden"
NAMES = sorted(path.parent.name for path in GOLDEN.glob("*/app.yaml"))
LEFTOVERS = {".venv", "__pycache__", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".import_linter_cache"}
HOW = "run scripts/golden to write the rendered files, or change the templates"


@cache
def rendered(name: str) -> dict[str, Tree]:
    spec = load_spec((GOLDEN / name / "app.yaml").read_text(encoding="utf-8"))
    return {part: render(part, spec) for part in PARTS}


@cache
def stored(name: str) -> dict[str, bytes]:
    root = GOLDEN / name
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and not LEFTOVERS.intersection(path.relative_to(root).parts)
    }


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("name", NAMES)
def test_rendered_part_equals_the_golden_files(name: str, part: str) -> None:
    files = stored(name)

    different = [path for path, file in rendered(name)[part].items() if files.get(path) != file.data]

    assert not different, f"{name}: {', '.join(different)}; {HOW}"


@pytest.mark.parametrize("name", NAMES)
def test_golden_tree_holds_nothing_that_is_not_rendered(name: str) -> None:
    known = {path for tree in rendered(name).values() for path in tree}

    foreign = set(stored(name)) - known - {"app.yaml"}

    assert not foreign, f"{name}: {', '.join(sorted(foreign))}; remove it, or add a template"


@pytest.mark.parametrize("name", NAMES)
def test_no_python_file_is_longer_than_a_reader_likes(name: str) -> None:
    lengths = {path: data.count(b"\n") for path, data in stored(name).items() if path.endswith(".py")}

    assert {path: length for path, length in lengths.items() if length > LONGEST} == {}


@pytest.mark.parametrize("name", NAMES)
def test_parts_share_no_path(name: str) -> None:
    trees = list(rendered(name).values())

    merged = trees[0].merge(*trees[1:])

    assert len(merged) == sum(len(tree) for tree in trees)


@pytest.mark.parametrize("name", NAMES)
def test_app_yaml_is_in_the_form_that_is_written(name: str) -> None:
    text = (GOLDEN / name / "app.yaml").read_text(encoding="utf-8")

    assert dump_spec(load_spec(text)) == text


def test_there_are_golden_applications() -> None:
    assert {"users", "rental", "shop"} <= set(NAMES)
