"""Formats generated Python with the pinned release of ruff, in one process for a whole tree.

Templates then care for content, not for line breaks, and every application passes its own formatter.
"""

from __future__ import annotations

import subprocess
import tempfile
from functools import lru_cache
from pathlib import Path

from qlf.core.tree import File, Tree
from qlf.errors import InternalError

__all__ = ["LINE_LENGTH", "format_python"]

LINE_LENGTH = 100
_SECONDS = 60


def format_python(tree: Tree) -> Tree:
    """`tree` with imports sorted, unused imports removed and every Python file formatted.

    Raises:
        InternalError: If a generated file does not parse.
    """
    python = [path for path in tree if path.endswith(".py")]
    if not python:
        return tree
    with tempfile.TemporaryDirectory(prefix="qlf-format-") as name:
        folder = Path(name)
        for path in python:
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(tree[path].data)
        # Empty packages stand in for parts that other agents write, so that imports sort the same way.
        for package in ("app", "tests", "migrations"):
            (folder / package).mkdir(exist_ok=True)
        common = ["--isolated", "--no-cache", "--quiet", "--target-version", "py311"]
        length = ["--line-length", str(LINE_LENGTH)]
        # Templates import more than they use; what is left is wrapped as if it had been written so.
        isort = "lint.isort = {known-first-party = ['app', 'tests'], split-on-trailing-comma = false}"
        sort = ["--config", isort, "--select", "I,F401", "--fix"]
        _ruff(["check", *common, *length, *sort, "."], folder)
        _ruff(["format", *common, *length, "."], folder)
        formatted = {path: (folder / path).read_bytes() for path in python}
    return Tree((path, File(formatted.get(path, file.data), file.executable)) for path, file in tree.items())


def _ruff(arguments: list[str], folder: Path) -> None:
    done = subprocess.run(
        [_binary(), *arguments], cwd=folder, capture_output=True, text=True, timeout=_SECONDS, check=False
    )
    if done.returncode != 0:
        raise InternalError(
            f"a generated file is not valid Python: {(done.stdout + done.stderr).strip()[:800]}"
        )


@lru_cache(maxsize=1)
def _binary() -> str:
    from ruff import find_ruff_bin

    return str(find_ruff_bin())
