"""The command line. `main` is the console script; commands load when they are called."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `qlf` with these arguments, or with those of the process, and return the exit code."""
    from qlf.cli.entry import run

    return run(arguments)
