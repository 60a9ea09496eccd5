"""What a path inside a generated application may be.

A path is refused by syntax here; which agent may write it is decided by the agent's own allow-list.
"""

from __future__ import annotations

import re

from qlf.errors import InputError

__all__ = ["MAX_PATH_LENGTH", "PathRefused", "check_path"]

MAX_PATH_LENGTH = 200
"""Characters. Leaves room for the folder in front on systems that stop at 260."""

_SEGMENT = re.compile(r"[A-Za-z0-9._][A-Za-z0-9._\-\[\]+@ ]*\Z")
_RESERVED = frozenset(
    {"con", "prn", "aux", "nul", *(f"com{n}" for n in range(1, 10)), *(f"lpt{n}" for n in range(1, 10))}
)


class PathRefused(InputError):
    """A path that no file of an application may have."""


def check_path(path: str) -> str:
    """Return `path` if it is a plain relative path, else refuse it.

    Plain means: ASCII, forward slashes, no empty, `.` or `..` segment, no segment that starts with a
    dash or ends in a dot or space, no name that Windows reserves, no `.git` folder.

    Raises:
        PathRefused: With the reason.
    """
    if not path:
        raise PathRefused("a file path is empty")
    if len(path) > MAX_PATH_LENGTH:
        raise PathRefused(f"the path {path[:40]!r}… is longer than {MAX_PATH_LENGTH} characters")
    if not path.isascii():
        raise PathRefused(f"the path {path!r} holds characters outside ASCII")
    for segment in path.split("/"):
        if segment in ("", ".", ".."):
            raise PathRefused(f"the path {path!r} is not a plain relative path")
        if not _SEGMENT.match(segment) or segment[-1] in ". ":
            raise PathRefused(f"the path {path!r} holds a name that is not allowed: {segment!r}")
        if segment.split(".")[0].lower() in _RESERVED:
            raise PathRefused(f"the path {path!r} holds a name that Windows reserves: {segment!r}")
        if segment.lower() == ".git":
            raise PathRefused(f"the path {path!r} points into a Git folder")
    return path
