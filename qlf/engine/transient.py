"""Which failures may pass when the same step is tried again. Both runners ask here."""

from __future__ import annotations

import errno

from qlf.errors import EnvironmentUnavailable, QlfError

__all__ = ["ATTEMPTS", "DELAYS_SECONDS", "is_transient"]

DELAYS_SECONDS = (0.5, 2.0)
"""Pauses before the second and the third attempt."""
ATTEMPTS = 1 + len(DELAYS_SECONDS)

_PASSING = frozenset(
    {
        errno.EAGAIN,
        errno.EBUSY,
        errno.ECONNABORTED,
        errno.ECONNREFUSED,
        errno.ECONNRESET,
        errno.EHOSTUNREACH,
        errno.EINTR,
        errno.EMFILE,
        errno.ENETDOWN,
        errno.ENETUNREACH,
        errno.ENFILE,
        errno.ESTALE,
        errno.ETIMEDOUT,
        errno.ETXTBSY,
    }
)


def is_transient(error: BaseException) -> bool:
    """Whether a retry has a chance.

    A refusal, a wrong input or a failed verification never does; a part of the machine that is missing
    does only when a time-out or a busy resource was the cause.
    """
    if isinstance(error, EnvironmentUnavailable):
        return error.__cause__ is not None and is_transient(error.__cause__)
    if isinstance(error, QlfError):
        return False
    if isinstance(error, TimeoutError | ConnectionError):
        return True
    return isinstance(error, OSError) and error.errno in _PASSING
