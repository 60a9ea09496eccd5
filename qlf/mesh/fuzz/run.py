"""Starts Schemathesis on an application behind a Unix socket: `run.py SOCKET PROTECTED ARGUMENTS…`.

`PROTECTED` is the id of the account that the fuzzer signs in with, or a dash. Requests that would change that
row by chance go to a row that does not exist: an administrator who deleted itself could check nothing more.
"""

from __future__ import annotations

import importlib
import socket
import sys
from typing import Any

NOBODY = "00000000-0000-4000-8000-000000000000"
CONNECT_SECONDS = 30.0
SAFE = ("GET", "HEAD", "OPTIONS", "TRACE")


def main() -> None:
    """Run the command line of Schemathesis."""
    path, protected = sys.argv[1:3]
    del sys.argv[1:3]
    _connect_through(path)
    if protected != "-":
        _protect(protected)
    _installed("schemathesis.cli").schemathesis()


def _installed(name: str) -> Any:
    """A package that is installed in the sandbox only."""
    return importlib.import_module(name)


def _connect_through(path: str) -> None:
    from urllib3.connection import HTTPConnection

    def connect(_: Any) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(CONNECT_SECONDS)
        connection.connect(path)
        return connection

    # Every host name leads to the application; the sandbox has no network anyway.
    setattr(HTTPConnection, "_new_conn", connect)  # noqa: B010 - the one place where it connects; not ours to type


def _protect(protected: str) -> None:
    def before_call(_context: Any, case: Any, _kwargs: Any) -> None:
        if case.method.upper() in SAFE:
            return
        for name, value in (case.path_parameters or {}).items():
            if str(value) == protected:
                case.path_parameters[name] = NOBODY

    _installed("schemathesis").hook(before_call)


if __name__ == "__main__":
    main()
