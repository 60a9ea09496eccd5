"""Writing to the ledger without an event loop: changes of limits, events of keys, notes."""

from __future__ import annotations

from pathlib import Path

from qlf.ledger.budget import BudgetLimits
from qlf.ledger.committer import Committer, Place
from qlf.ledger.operation import Operation

__all__ = ["os_user", "record"]


def record(path: Path, *operations: Operation, signing_key: Path, heads: Path | None = None) -> None:
    """Write operations in one transaction, with a signed head; durable when it returns.

    Raises:
        LedgerUnavailable: If the ledger cannot be written, or the head cannot be exported.
    """
    committer = Committer(Place(path, signing_key, heads), BudgetLimits())
    try:
        for result in committer.commit(operations, sign=True):
            if isinstance(result, Exception):
                raise result
    finally:
        failed = committer.close()
    if failed is not None:
        raise failed


def os_user() -> str:
    """The name of the user this process belongs to, for the record."""
    import os
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"
