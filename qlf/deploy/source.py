"""The folder of an application as it is deployed: its files, without what tools and runs left there."""

from __future__ import annotations

import os
from pathlib import Path

from qlf.core.spec import Spec, load_spec
from qlf.core.tree import File, Tree
from qlf.errors import InputError

__all__ = ["read_source"]

_SPEC = "app.yaml"
_LEFT_OUT = frozenset({"node_modules", "__pycache__", "venv"})
_LEFT_OUT_ENDS = (".pyc", ".db", ".db-wal", ".db-shm", ".sqlite", ".sqlite3", ".log")
_MOST_BYTES = 200 * 1024 * 1024


def read_source(folder: Path) -> tuple[Tree, Spec]:
    """Read the files of an application and the spec among them.

    Hidden files and folders stay behind: an environment of a developer, keys in `.env`, a Git history.

    Raises:
        InputError: If it is no folder of an application, or too large.
    """
    if not folder.is_dir():
        raise InputError(
            f"{str(folder)!r} is not a folder", hint="name the folder that qlf generate has written"
        )
    files: dict[str, File] = {}
    size = 0
    for top, names, leaves in os.walk(folder):
        names[:] = sorted(name for name in names if not name.startswith(".") and name not in _LEFT_OUT)
        for leaf in sorted(leaves):
            path = Path(top, leaf)
            if (
                leaf.startswith(".")
                or leaf.endswith(_LEFT_OUT_ENDS)
                or path.is_symlink()
                or not path.is_file()
            ):
                continue
            size += path.stat().st_size
            if size > _MOST_BYTES:
                raise InputError(f"{str(folder)!r} holds more than {_MOST_BYTES // 1024**2} MiB")
            executable = bool(path.stat().st_mode & 0o100)
            files[path.relative_to(folder).as_posix()] = File(path.read_bytes(), executable)
    tree = Tree(files)
    if _SPEC not in tree:
        raise InputError(
            f"{str(folder)!r} holds no {_SPEC}", hint="name the folder that qlf generate has written"
        )
    try:
        return tree, load_spec(tree.text(_SPEC))
    except UnicodeDecodeError as error:
        raise InputError(f"{_SPEC} in {str(folder)!r} is not UTF-8 text") from error
