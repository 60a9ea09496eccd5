"""Reading and replacing single files so that a reader sees the old content or the new, never a part."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qlf.core.tree import File

__all__ = ["make_private_folder", "read_json", "remove_folder", "replace_file", "write_new_file"]


def make_private_folder(path: Path) -> None:
    """Make `path` and what is missing above it, readable by its owner alone.

    Raises:
        OSError: If it cannot be made.
    """
    if path.is_dir():
        return
    make_private_folder(path.parent)
    path.mkdir(mode=0o700, exist_ok=True)


def write_new_file(place: Path | str, file: File) -> None:
    """Write a file of an application to a path that must not exist yet.

    Raises:
        OSError: If it exists or cannot be written.
    """
    mode = 0o777 if file.executable else 0o666
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(place, flags, mode), "wb") as stream:
        stream.write(file.data)


def replace_file(path: Path, data: bytes, *, durable: bool = True) -> None:
    """Put `data` at `path` in one step: written beside, then renamed.

    Args:
        path: The file; missing folders are made with mode 0700.
        data: Its whole content.
        durable: Whether the bytes reach the disk before the name does. Without it a power cut may leave
            an empty or torn file, which content-addressed readers notice.

    Raises:
        OSError: If it cannot be written; the old content is then still there.
    """
    beside = path.with_name(f".{path.name[:80]}.{os.getpid()}.{os.urandom(6).hex()}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        handle = os.open(beside, flags, 0o600)
    except FileNotFoundError:
        make_private_folder(path.parent)
        handle = os.open(beside, flags, 0o600)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            if durable:
                stream.flush()
                os.fsync(stream.fileno())
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def remove_folder(path: Path) -> None:
    """Remove a folder with all that is in it, as far as possible."""
    # Loading this takes longer than writing an application, and it is needed after failures alone.
    import shutil

    shutil.rmtree(path, ignore_errors=True)


def read_json(path: Path) -> Any:
    """The JSON value in `path`, or `None` when there is none that can be read."""
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
