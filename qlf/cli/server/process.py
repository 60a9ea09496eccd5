"""Is that process still the one we started? A process id alone does not say: ids are used again."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

__all__ = ["group_members", "is_alive", "start_mark", "stop_group"]

_PROC = Path("/proc")


def start_mark(pid: int) -> str | None:
    """What tells this process from a later one of the same id, or `None` when it is not running.

    On Linux the boot id and the start time in clock ticks; elsewhere the start time that `ps` prints. A
    process that has ended but was not waited for (a zombie) is not running.
    """
    if (_PROC / "self/stat").exists():
        fields = _stat(pid)
        if fields is None or fields[0] in ("Z", "X"):
            return None
        boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}:{fields[19]}"
    # Imported where there is no /proc only: it costs a run that was seen before some milliseconds.
    import subprocess

    shown = subprocess.run(
        ["/bin/ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    ).stdout.split()
    return None if not shown or shown[0].startswith("Z") else " ".join(shown[1:])


def is_alive(pid: int, mark: str) -> bool:
    """Whether the process that had this mark still runs."""
    return start_mark(pid) == mark


def group_members(group: int) -> list[int]:
    """The processes of a group that still run."""
    if not (_PROC / "self/stat").exists():
        import subprocess

        shown = subprocess.run(
            ["/bin/ps", "-axo", "pid=,pgid=,stat="], capture_output=True, text=True, check=False
        )
        rows = [line.split() for line in shown.stdout.splitlines()]
        return [int(row[0]) for row in rows if row[1] == str(group) and not row[2].startswith("Z")]
    members = []
    for entry in _PROC.iterdir():
        if entry.name.isdigit():
            fields = _stat(int(entry.name))
            if fields is not None and fields[0] not in ("Z", "X") and int(fields[2]) == group:
                members.append(int(entry.name))
    return sorted(members)


def stop_group(group: int, *, patience: float = 10.0) -> bool:
    """End every process of a group: ask first, then kill. True when none is left.

    Args:
        group: The process group; its leader has the same id.
        patience: Seconds between asking and killing.
    """
    for number, seconds in ((signal.SIGTERM, patience), (signal.SIGKILL, 5.0)):
        if not _signal_group(group, number):
            return True
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            _reap(group)
            if not group_members(group):
                return True
            time.sleep(0.05)
    return not group_members(group)


def _signal_group(group: int, number: signal.Signals) -> bool:
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return False
    return True


def _reap(pid: int) -> None:
    # Only a child of this very process can be waited for; others are not ours to reap.
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return


def _stat(pid: int) -> list[str] | None:
    try:
        text = (_PROC / str(pid) / "stat").read_text(errors="replace")
    except OSError:
        return None
    # The name, in parentheses, may hold spaces and parentheses itself: cut after the last one.
    return text[text.rfind(")") + 2 :].split()
