"""Work in a thread that never keeps the process from ending.

The threads of an executor are waited for when Python exits, so that Ctrl-C would seem to hang until a gate
of a minute is through. What a step starts outside this process is confined so that it ends with its parent.
"""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

__all__ = ["start"]

Result = TypeVar("Result")


def start(work: Callable[[], Result], name: str) -> Future[Result]:
    """Do `work` in a thread of its own, with a copy of the caller's context variables."""
    future: Future[Result] = Future()
    future.set_running_or_notify_cancel()
    context = contextvars.copy_context()

    def run() -> None:
        try:
            result = context.run(work)
        except BaseException as error:  # noqa: BLE001 - the one who waits decides
            future.set_exception(error)
        else:
            future.set_result(result)

    threading.Thread(target=run, name=name, daemon=True).start()
    return future
