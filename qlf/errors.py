"""Every error that `qlf` shows to a person, one family for each exit code.

A message is one sentence that says what happened; the hint says what to do next. Only the command
line turns them into output and exit codes; libraries raise, they never print or exit.
"""

from __future__ import annotations

from typing import ClassVar

__all__ = [
    "BudgetRefused",
    "DeployError",
    "EnvironmentUnavailable",
    "InputError",
    "InternalError",
    "KeyStoreError",
    "LedgerUnavailable",
    "OutputError",
    "ProviderError",
    "QlfError",
    "UsageError",
    "VerificationError",
]


class QlfError(Exception):
    """The base of all errors meant for a person.

    Args:
        message: One sentence: what happened, naming the thing.
        hint: What to do next, if there is something to do.
    """

    exit_code: ClassVar[int] = 7

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return self.message


class UsageError(QlfError):
    """The command line itself is wrong: unknown option, contradictory options."""

    exit_code = 2


class InputError(QlfError, ValueError):
    """A brief, spec, overlay or capsule was refused while it was parsed."""

    exit_code = 3


class OutputError(QlfError, OSError):
    """The place where the result should go cannot take it: not empty, not writable, disk full."""

    exit_code = 3


class VerificationError(QlfError):
    """The application was made, but a gate failed."""

    exit_code = 4


class ProviderError(QlfError):
    """A model provider or the budget refused."""

    exit_code = 5


class BudgetRefused(ProviderError):
    """A budget would be exceeded by what is asked for; nothing was sent."""


class LedgerUnavailable(ProviderError):
    """The ledger cannot be written or does not verify; without it no model is asked."""


class KeyStoreError(ProviderError):
    """A credential is missing, cannot be opened, or cannot be kept."""


class DeployError(QlfError):
    """The application did not start, or did not answer its health check."""

    exit_code = 6


class EnvironmentUnavailable(QlfError):
    """A part of this machine that the job needs is missing: no sandbox, no package index, no server."""

    exit_code = 7


class InternalError(QlfError):
    """A defect of `qlf` itself."""

    exit_code = 7
