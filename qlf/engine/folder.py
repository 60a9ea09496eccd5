"""Reading an application back from a folder that anybody may have changed."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

from qlf.core.tree import File, Tree
from qlf.errors import InputError

__all__ = ["MAX_FILES", "MAX_FILE_BYTES", "MAX_TREE_BYTES", "read_folder"]

MAX_FILES = 10_000
MAX_FILE_BYTES = 16 * 1024 * 1024
MAX_TREE_BYTES = 128 * 1024 * 1024

_SKIPPED_FOLDERS = frozenset(
    {
        ".git",
        ".hypothesis",
        ".import_linter_cache",
        ".mypy_cache",
        ".pytest_cache",
        ".ruff_cache",
        ".venv",
        "__pycache__",
        "node_modules",
        "venv",
    }
)
# What running an application leaves behind, and local secrets, which no check needs.
_SKIPPED_FILES = (
    "*.db",
    "*.db-journal",
    "*.db-shm",
    "*.db-wal",
    "*.pyc",
    "*.sqlite3",
    ".coverage*",
    ".env",
    ".env.local",
    ".DS_Store",
)
_OWN_FILES = frozenset({".qlf/pending.json"})
_OWN_FOLDERS = frozenset({".qlf/staging"})


def read_folder(folder: Path) -> Tree:
    """The application in `folder`, without environments, caches, databases and local secrets.

    Raises:
        InputError: If it is no folder, holds a symbolic link or a special file, or is too large.
    """
    try:
        mode = folder.stat().st_mode
    except OSError as error:
        raise InputError(f"the folder {str(folder)!r} cannot be read: {error.strerror}") from error
    if not stat.S_ISDIR(mode):
        raise InputError(f"{str(folder)!r} is not a folder")
    files: list[tuple[str, File]] = []
    total = 0
    try:
        for path, place in _walk(folder, ""):
            file = _read(place, path)
            total += len(file.data)
            if total > MAX_TREE_BYTES:
                raise InputError(f"the folder {str(folder)!r} holds more than {MAX_TREE_BYTES // 2**20} MiB")
            files.append((path, file))
            if len(files) > MAX_FILES:
                raise InputError(f"the folder {str(folder)!r} holds more than {MAX_FILES} files")
    except OSError as error:
        raise InputError(f"the folder {str(folder)!r} cannot be read: {error.strerror}") from error
    return Tree(files)


def _walk(folder: Path, prefix: str) -> Iterator[tuple[str, Path]]:
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        path = prefix + entry.name
        if entry.is_symlink():
            if entry.name in _SKIPPED_FOLDERS:
                continue
            raise InputError(f"{path!r} is a symbolic link, which an application does not hold")
        if entry.is_dir():
            if entry.name not in _SKIPPED_FOLDERS and path not in _OWN_FOLDERS:
                yield from _walk(Path(entry.path), path + "/")
        elif path not in _OWN_FILES and not any(
            fnmatchcase(entry.name, skipped) for skipped in _SKIPPED_FILES
        ):
            yield path, Path(entry.path)


def _read(place: Path, path: str) -> File:
    handle = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as stream:
        mode = os.fstat(stream.fileno()).st_mode
        if not stat.S_ISREG(mode):
            raise InputError(f"{path!r} is not a plain file")
        data = stream.read(MAX_FILE_BYTES + 1)
    if len(data) > MAX_FILE_BYTES:
        raise InputError(f"{path!r} is larger than {MAX_FILE_BYTES // 2**20} MiB")
    return File(data, executable=bool(mode & 0o100))
