"""Put the mounts of a command where an unprivileged bubblewrap can reach them.

A caller that is root may show folders below a path that nobody else may enter, such as an interpreter in the
home of root. bubblewrap has to start as another user, to whom these paths are closed. So root binds each
source into a fresh mount namespace of its own, below a folder that everybody may enter; it ends with the
supervisor, and nothing is left on the machine.
"""

# ruff: noqa: PTH102, PTH103, PTH120, S108 - works on descriptors; the folder is hidden by an own tmpfs

from __future__ import annotations

import ctypes
import os
import stat

STAGE = "/tmp"
"""Hidden by a small tmpfs in the private namespace. bubblewrap needs this folder too, so it exists."""

_CLONE_NEWNS = 0x00020000
_MS_NOSUID, _MS_NODEV, _MS_BIND, _MS_REC, _MS_PRIVATE = 2, 4, 4096, 16384, 1 << 18


def stage(sources: list[list[str]]) -> None:
    """Bind each `[source, name]` to `STAGE/name`, in a mount namespace of this process.

    Raises:
        OSError: The kernel refused, or a source holds a symbolic link or is missing.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    _check(libc.unshare(_CLONE_NEWNS), "unshare")
    _mount(libc, None, "/", None, _MS_REC | _MS_PRIVATE, None)
    opened = [(open_strictly(source), name) for source, name in sources]
    _mount(libc, "tmpfs", STAGE, "tmpfs", _MS_NOSUID | _MS_NODEV, "mode=0755,size=1m")
    for descriptor, name in opened:
        place = f"{STAGE}/{name}"
        os.makedirs(os.path.dirname(place), mode=0o755, exist_ok=True)
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            os.mkdir(place, 0o755)
        else:
            os.close(os.open(place, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644))
        _mount(libc, f"/proc/self/fd/{descriptor}", place, None, _MS_BIND | _MS_REC, None)
        os.close(descriptor)


def open_strictly(path: str) -> int:
    """Open a path without following a symbolic link in any part of it.

    Raises:
        OSError: A part is missing or is a link.
    """
    here = os.open("/", os.O_PATH | os.O_DIRECTORY)
    parts = [part for part in path.split("/") if part]
    for place, part in enumerate(parts):
        last = place == len(parts) - 1
        flags = os.O_PATH | os.O_NOFOLLOW | (0 if last else os.O_DIRECTORY)
        following = os.open(part, flags, dir_fd=here)
        os.close(here)
        here = following
    if stat.S_ISLNK(os.fstat(here).st_mode):
        os.close(here)
        raise OSError(f"{path!r} is a symbolic link")
    return here


def _mount(
    libc: ctypes.CDLL, source: str | None, target: str, kind: str | None, flags: int, data: str | None
) -> None:
    words = [None if word is None else word.encode() for word in (source, target, kind, data)]
    _check(libc.mount(words[0], words[1], words[2], ctypes.c_ulong(flags), words[3]), f"mount {target}")


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
