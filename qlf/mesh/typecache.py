"""A head start for the type checker: what it knows of the packages, kept for all applications of a lock.

Reading the packages takes several times as long as reading an application. The cache is filled by a run over
nothing but imports, never by a run over an application, which could leave wrong knowledge for others.
"""

from __future__ import annotations

import ast
import re
import secrets
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from qlf.core.canonical import digest_value
from qlf.core.tree import Tree
from qlf.errors import InputError
from qlf.mesh.checks.syntax import parse_python
from qlf.sandbox import Workspace

__all__ = ["PROBE", "foreign_modules", "read_left", "remembered", "seed_files"]

PROBE = "probe.py"
_MODULE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*\Z")
_FOLDER = re.compile(r"3\.\d{1,2}\Z")
_PART = re.compile(r"cache(?:\.\d{1,3})?\.db\Z")
_MOST_MODULES = 500
_MOST_BYTES = 256 * 1024 * 1024
_LIST = "modules.txt"
_ENOUGH = 0.8
"""The share of modules from which on a cache made for other imports is used as it is."""
_CONFIGURATION = b'[tool.mypy]\nstrict = true\nplugins = ["pydantic.mypy"]\n'


def foreign_modules(tree: Tree) -> tuple[str, ...]:
    """The modules that an application imports from packages, sorted."""
    own = {path.split("/")[0].removesuffix(".py") for path in tree if path.endswith(".py")}
    found: set[str] = set()
    for path in tree:
        if not path.endswith(".py"):
            continue
        try:
            module = parse_python(tree.text(path))
        except (SyntaxError, UnicodeDecodeError):
            continue
        found.update(_imports(module))
    known = own | sys.stdlib_module_names
    return tuple(sorted(name for name in found if name.split(".")[0] not in known and _MODULE.match(name)))


def seed_files(modules: tuple[str, ...]) -> dict[str, bytes]:
    """The files of the run that fills the cache."""
    lines = [f"import {name}\n" for name in modules[:_MOST_MODULES]]
    return {PROBE: "".join(lines).encode(), "pyproject.toml": _CONFIGURATION}


def remembered(
    folder: Path, environment: str, modules: tuple[str, ...], fill: Callable[[], dict[str, bytes]]
) -> dict[str, bytes]:
    """The cache for these modules of an environment, filled on the first call.

    Args:
        folder: Where caches are kept.
        environment: Digest of the environment.
        modules: What the application imports.
        fill: Makes the files of the cache.

    Returns:
        File contents by relative name; empty when there is nothing to start from.
    """
    known = folder / environment
    best = _best(known, set(modules))
    if best is None:
        files = fill()
        if files:
            _keep(known / digest_value(list(modules)), files | {_LIST: "\n".join(modules).encode()})
        return files
    return {path.relative_to(best).as_posix(): path.read_bytes() for path in sorted(best.rglob("*.db"))}


def _best(known: Path, wanted: set[str]) -> Path | None:
    """The cache that covers most of the wanted modules, if that is enough to be worth it."""
    found: tuple[int, str] = (0, "")
    for home in sorted(known.iterdir()) if known.is_dir() else ():
        try:
            covered = len(wanted & set((home / _LIST).read_text(encoding="utf-8").split("\n")))
        except OSError:
            continue
        if covered > found[0]:
            found = covered, home.name
    return known / found[1] if found[0] >= _ENOUGH * len(wanted) and found[1] else None


def _keep(home: Path, files: dict[str, bytes]) -> None:
    beside = home.with_name(f".{home.name}.{secrets.token_hex(6)}")
    for name, data in files.items():
        (beside / name).parent.mkdir(parents=True, exist_ok=True)
        (beside / name).write_bytes(data)
    try:
        beside.rename(home)
    except OSError:
        # Another process was faster; its files are as good.
        shutil.rmtree(beside, ignore_errors=True)


def read_left(work: Workspace) -> dict[str, bytes]:
    """What the checker left in its cache folder: the parts of its database and nothing else."""
    files: dict[str, bytes] = {}
    size = 0
    for folder in sorted(path.name for path in work.path.iterdir() if _FOLDER.match(path.name)):
        for name in sorted(path.name for path in (work.path / folder).iterdir()):
            if not _PART.match(name):
                continue
            try:
                files[f"{folder}/{name}"] = work.read(f"{folder}/{name}", _MOST_BYTES)
            except InputError:
                return {}
            size += len(files[f"{folder}/{name}"])
            if size > _MOST_BYTES:
                return {}
    return files


def _imports(module: ast.Module) -> Iterator[str]:
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module
