"""What the type checker knows of packages is kept, and shared where it is close enough."""

from __future__ import annotations

from pathlib import Path

from qlf.core.tree import Tree
from qlf.mesh.typecache import foreign_modules, read_left, remembered
from qlf.sandbox import Workspace

FILES = {"3.11/cache.1.db": b"x"}
MODULES = tuple(f"m{number}" for number in range(10))


def test_only_modules_of_packages_count() -> None:
    tree = Tree.from_texts(
        {
            "app/a.py": "import os, fastapi\nfrom app.b import c\nfrom . import d\nimport sqlalchemy.orm\n",
            "app/b.py": "def broken(",
            "x.txt": "import flask",
        }
    )
    assert foreign_modules(tree) == ("fastapi", "sqlalchemy.orm")


def test_it_is_filled_once_and_found_again_by_what_is_close(tmp_path: Path) -> None:
    calls: list[int] = []

    def fill() -> dict[str, bytes]:
        calls.append(1)
        return FILES

    assert remembered(tmp_path, "env", MODULES, fill) == FILES
    assert remembered(tmp_path, "env", MODULES, fill) == FILES
    assert remembered(tmp_path, "env", (*MODULES[:9], "other"), fill) == FILES
    assert len(calls) == 1
    remembered(tmp_path, "env", (*MODULES[:5], "a", "b", "c", "d", "e"), fill)
    remembered(tmp_path, "another", MODULES, fill)
    assert len(calls) == 3


def test_nothing_is_kept_of_a_run_that_left_nothing(tmp_path: Path) -> None:
    assert remembered(tmp_path, "env", MODULES, dict) == {}
    assert not list(tmp_path.iterdir())


def test_only_parts_of_the_cache_are_taken(tmp_path: Path) -> None:
    for name in ("3.11/cache.1.db", "3.11/evil.db", "other/cache.1.db", "3.11/cache.2.db.bak"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    assert read_left(Workspace(tmp_path)) == FILES
    (tmp_path / "3.11" / "cache.3.db").symlink_to("/etc/passwd")
    assert read_left(Workspace(tmp_path)) == {}
