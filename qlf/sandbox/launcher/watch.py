"""Look after a running tree of processes: who belongs to it, what it uses, how to end it."""

# ruff: noqa: PTH123, PTH208 - runs at every start and five times a second: pathlib would double both

from __future__ import annotations

import os
import signal
import time

_DISK_ENTRIES = 50_000
"""More files than this in writable mounts count as a full disk: an empty file costs the host as well."""


def descendants(root: int) -> list[int]:
    """The processes below `root`, children before grandchildren."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            parent = parent_of(name)
            if parent is not None:
                children.setdefault(parent, []).append(int(name))
    found: list[int] = []
    waiting = [root]
    while waiting:
        below = children.get(waiting.pop(0), [])
        found += below
        waiting += below
    return found


def parent_of(pid: str) -> int | None:
    """The parent of a process, or None if it is gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            # The name in brackets may hold spaces and brackets itself.
            return int(file.read().rpartition(b")")[2].split()[1])
    except (OSError, ValueError, IndexError):
        return None


def usage(pids: list[int]) -> tuple[int, int]:
    """Resident bytes that belong to these processes alone or to their shared memory, and their threads."""
    memory = threads = 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/status", "rb") as file:
                for line in file:
                    if line.startswith((b"RssAnon:", b"RssShmem:")):
                        memory += int(line.split()[1]) * 1024
                    elif line.startswith(b"Threads:"):
                        threads += int(line.split()[1])
        except (OSError, ValueError):
            continue
    return memory, threads


def fair_memory(pids: list[int]) -> int | None:
    """Like the memory of `usage`, with pages that several processes share counted once; None if not told.

    Processes that forked share most of what they hold. This is exact but slow, so it is for cases of doubt.
    """
    memory = 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/smaps_rollup", "rb") as file:
                memory += sum(
                    int(line.split()[1]) * 1024
                    for line in file
                    if line.startswith((b"Pss_Anon:", b"Pss_Shmem:"))
                )
        except (FileNotFoundError, ProcessLookupError):
            continue
        except (OSError, ValueError):
            return None
    return memory


def crowded(pids: list[int], folders: tuple[str, ...]) -> bool:
    """Whether a memory file system that these processes see holds too many files.

    Its size counts the bytes of files alone, but the kernel needs memory for an empty one, too.
    """
    for pid in pids:
        try:
            held = [os.statvfs(f"/proc/{pid}/root{folder}") for folder in folders]
        except OSError:
            continue
        return any(found.f_files - found.f_ffree > _DISK_ENTRIES for found in held)
    return False


def disk(folders: list[str]) -> int | None:
    """Bytes that the folders take on the disk; None when they hold too many entries to be decent."""
    total = entries = 0
    waiting = list(folders)
    while waiting:
        try:
            with os.scandir(waiting.pop()) as listing:
                for entry in listing:
                    entries += 1
                    total += entry.stat(follow_symlinks=False).st_blocks * 512
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    if entries > _DISK_ENTRIES:
                        return None
        except OSError:
            continue
    return total


def end_all(own: int, seconds: float = 10.0) -> int:
    """Kill and reap everything below this process, and say how many could not be ended in time.

    The caller must be the reaper of its descendants (`PR_SET_CHILD_SUBREAPER`), else a double fork escapes.
    """
    deadline = time.monotonic() + seconds
    frozen = False
    while True:
        below = descendants(own)
        if not below or time.monotonic() > deadline:
            return len(below)
        for pid in below:
            # Stopped first, so that none can fork faster than they are found.
            _send(pid, signal.SIGKILL if frozen or len(below) < 4 else signal.SIGSTOP)
        frozen = True
        while _reap():
            pass
        time.sleep(0.002)


def _send(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _reap() -> bool:
    try:
        return os.waitpid(-1, os.WNOHANG)[0] != 0
    except ChildProcessError:
        return False
