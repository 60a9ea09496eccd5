"""What one run of the command line carries along: verbosity, screen, settings."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from qlf.cli.screen import Screen
from qlf.errors import QlfError

if TYPE_CHECKING:
    from qlf.settings import Settings

__all__ = ["Run"]


class Run:
    """The state of one run; click hands it to every command as the context object."""

    def __init__(self) -> None:
        self.debug = False
        self.quiet = False
        self.verbose = False

    @cached_property
    def settings(self) -> Settings:
        """The settings, read when a command first asks.

        Raises:
            UsageError: If a variable of the environment is wrong.
        """
        from qlf.settings import load

        settings = load()
        for name in settings.unknown:
            self.screen.warn(f"the environment variable {name} means nothing to qlf and is ignored")
        return settings

    @property
    def screen(self) -> Screen:
        """Where messages go, at the verbosity asked for so far."""
        return Screen(quiet=self.quiet, verbose=self.verbose, color=self._color)

    @cached_property
    def _color(self) -> bool | None:
        from qlf.settings import load

        try:
            return load().color
        except QlfError:
            # The error itself is about to be shown; it must not fail for the same reason.
            return False
