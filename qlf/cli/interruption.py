"""Ctrl-C and SIGTERM: stop what this process has started, then unwind, so that nothing is left behind.

A gate in a worker thread waits for a program in the sandbox, often for half a minute, and Python cannot
interrupt a thread. Without the program the thread ends at once and cleans up after itself.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

__all__ = ["Terminated", "interruptions", "stop_children"]


class Terminated(BaseException):
    """A SIGTERM arrived. Not an `Exception`, so that every `finally` runs and nothing swallows it."""


@contextlib.contextmanager
def interruptions() -> Iterator[None]:
    """Inside the block, SIGINT raises `KeyboardInterrupt` and SIGTERM raises `Terminated`, in that order of
    events: the children are told first. Outside the main thread nothing changes.
    """
    kinds: tuple[tuple[signal.Signals, type[BaseException]], ...] = (
        (signal.SIGINT, KeyboardInterrupt),
        (signal.SIGTERM, Terminated),
    )
    previous: dict[signal.Signals, signal._HANDLER] = {}

    def handle(number: int, _frame: FrameType | None) -> None:
        # A second signal of the kind finds the default action, so that a hanging clean-up can be ended.
        signal.signal(number, signal.SIG_DFL)
        stop_children()
        raise dict(kinds)[signal.Signals(number)]

    with contextlib.suppress(ValueError):
        for number, _ in kinds:
            # A shell starts background jobs with SIGINT ignored; that is to stay so.
            if signal.getsignal(number) is not signal.SIG_IGN:
                previous[number] = signal.signal(number, handle)
    try:
        yield
    finally:
        for number, old in previous.items():
            signal.signal(number, old)


def stop_children() -> None:
    """Ask every direct child of this process to end; without a `/proc` they are left to Ctrl-C itself."""
    own = str(os.getpid())
    with contextlib.suppress(OSError):
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and _parent(entry) == own:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(int(entry.name), signal.SIGTERM)


def _parent(entry: Path) -> str | None:
    try:
        text = (entry / "stat").read_text(errors="replace")
    except OSError:
        return None
    return text[text.rfind(")") + 2 :].split()[1]
