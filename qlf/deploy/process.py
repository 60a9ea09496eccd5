"""Processes that a file names: whether they still are who they were, and how to end them for sure."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

__all__ = ["Mark", "alive", "end", "mark_of"]

Mark = tuple[int, int, str]
"""Process id, start in clock ticks since boot, id of the boot: together they are never used again."""

_POLL_SECONDS = 0.05
_KILLED_SECONDS = 10.0


def mark_of(pid: int) -> Mark | None:
    """Who runs under this id now; `None` when nobody does, or only a dead body waits there."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return None
    # The name in parentheses may hold anything, spaces and parentheses among it.
    fields = stat.rpartition(")")[2].split()
    state, start = fields[0], int(fields[19])
    return None if state in "ZX" else (pid, start, boot)


def alive(mark: Mark) -> bool:
    """Whether exactly this process still runs."""
    return mark_of(mark[0]) == mark


def end(mark: Mark, grace: float) -> None:
    """End a process and everything below it: ask, wait `grace` seconds, then force.

    The process must lead a group of its own. Returns when all of them are gone, or after ten seconds of
    force, which only a process stuck in the kernel outlasts.
    """
    below = [found for pid in _descendants(mark[0]) if (found := mark_of(pid)) is not None]
    if _signal(mark, signal.SIGTERM):
        _wait([mark], grace)
    if alive(mark):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(mark[0], signal.SIGKILL)
        _signal(mark, signal.SIGKILL)
    everyone = [mark, *below]
    # The supervisor of the sandbox ends by itself once its caller is gone; it is given a moment for that.
    _wait(everyone, _KILLED_SECONDS / 2)
    for one in everyone:
        _signal(one, signal.SIGKILL)
    _wait(everyone, _KILLED_SECONDS / 2)


def _signal(mark: Mark, number: signal.Signals) -> bool:
    """Send a signal to exactly this process, never to another that got its id."""
    try:
        handle = os.pidfd_open(mark[0])
    except OSError:
        return False
    try:
        # The handle holds the id, so what is true now stays true until the signal is sent.
        if not alive(mark):
            return False
        signal.pidfd_send_signal(handle, number)
    except (ProcessLookupError, PermissionError):
        return False
    finally:
        os.close(handle)
    return True


def _wait(marks: list[Mark], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while any(alive(mark) for mark in marks) and time.monotonic() < deadline:
        for mark in marks:
            _reap(mark[0])
        time.sleep(_POLL_SECONDS)


def _reap(pid: int) -> None:
    """Take away the dead body of a child of ours; for other processes nothing happens."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def _descendants(pid: int) -> list[int]:
    found: list[int] = []
    waiting = [pid]
    while waiting:
        folder = Path(f"/proc/{waiting.pop()}/task")
        try:
            tasks = list(folder.iterdir())
        except OSError:
            continue
        for task in tasks:
            try:
                children = [int(word) for word in (task / "children").read_text(encoding="ascii").split()]
            except OSError:
                continue
            found += children
            waiting += children
    return found
