from __future__ import annotations

import errno

import pytest

from qlf.engine.transient import is_transient
from qlf.errors import EnvironmentUnavailable, InputError, OutputError, ProviderError, VerificationError


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.EAGAIN, "try again"),
        OSError(errno.EMFILE, "too many files"),
        TimeoutError(),
        ConnectionResetError(),
        caused(EnvironmentUnavailable("the index did not answer"), TimeoutError()),
    ],
)
def test_what_may_pass_is_tried_again(error: Exception) -> None:
    assert is_transient(error)


@pytest.mark.parametrize(
    "error",
    [
        InputError("bad"),
        VerificationError("bad"),
        ProviderError("no"),
        OutputError("full"),
        caused(InputError("bad"), TimeoutError()),
        EnvironmentUnavailable("no sandbox works here"),
        caused(EnvironmentUnavailable("no uv"), FileNotFoundError()),
        OSError(errno.ENOSPC, "full"),
        FileNotFoundError(errno.ENOENT, "gone"),
        ValueError("x"),
        KeyboardInterrupt(),
    ],
)
def test_what_stays_wrong_is_not(error: BaseException) -> None:
    assert not is_transient(error)
