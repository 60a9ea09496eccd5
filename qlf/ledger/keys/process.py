"""No core dump and no debugger while credentials are in memory."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["guarded_memory"]

# Numbers of Linux for prctl, see its manual page.
_PR_GET_DUMPABLE = 3
_PR_SET_DUMPABLE = 4


@contextmanager
def guarded_memory() -> Iterator[None]:
    """Core dumps off, and on Linux no attaching by other processes of the same user.

    Where the system allows neither, the block runs all the same. What was set before comes back, except
    that a hard limit is not touched in the first place.
    """
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))
    dumpable = _prctl(_PR_GET_DUMPABLE, 0)
    _prctl(_PR_SET_DUMPABLE, 0)
    try:
        yield
    finally:
        if dumpable == 1:
            _prctl(_PR_SET_DUMPABLE, 1)
        resource.setrlimit(resource.RLIMIT_CORE, (soft, hard))


def _prctl(operation: int, value: int) -> int:
    if sys.platform != "linux":
        return -1
    import ctypes

    try:
        return int(ctypes.CDLL(None, use_errno=True).prctl(operation, value, 0, 0, 0))
    except (OSError, AttributeError):
        return -1
