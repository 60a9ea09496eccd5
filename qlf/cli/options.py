"""Values of options, refused where they are given: application names, lists of overlays."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeVar

import click

from qlf.errors import UsageError

__all__ = ["AppName", "OverlayNames", "check_overlays", "source_options"]

_Function = TypeVar("_Function", bound=Callable[..., Any])
_SLUG = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*\Z")
_MAX_LENGTH = 48


class AppName(click.ParamType[str]):
    """The name of an application: lower-case words joined by dashes. It becomes a folder."""

    name = "name"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        text = str(value)
        if len(text) > _MAX_LENGTH or not _SLUG.match(text):
            self.fail(
                f"{text[:60]!r} is no application name; use lower-case words joined by dashes, "
                f"at most {_MAX_LENGTH} characters",
                param,
                ctx,
            )
        return text


class OverlayNames(click.ParamType[tuple[str, ...]]):
    """Names of overlays with commas between them."""

    name = "a,b"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        if isinstance(value, tuple):
            return value
        names = tuple(part.strip() for part in str(value).split(",") if part.strip())
        for name in names:
            if len(name) > _MAX_LENGTH or not _SLUG.match(name):
                self.fail(
                    f"{name[:60]!r} is no name of an overlay; use names such as gdpr,pci-dss", param, ctx
                )
        if not names:
            self.fail("it names no overlay", param, ctx)
        return names


def check_overlays(names: tuple[str, ...]) -> None:
    """Refuse the name of an overlay that nobody knows; a typing error would else pass for a rule kept.

    Raises:
        UsageError: Naming it and the known ones.
    """
    if not names:
        return
    from qlf.brief.packstore import words_data

    known = sorted(name for name in words_data("overlays") if name != "regions")
    for name in names:
        if name not in known:
            raise UsageError(f"there is no overlay {name!r}", hint=f"overlays are: {', '.join(known)}")


def source_options(function: _Function) -> _Function:
    """The argument and the options that decide the spec; `generate` and `plan` share them."""
    for decorate in (
        click.option(
            "--seed",
            type=click.IntRange(0, 2**31 - 1),
            default=0,
            help="Part of what names the run; the template engine writes the same files for all.",
        ),
        click.option("--port", type=click.IntRange(1, 65_535), help="Port of the application."),
        click.option("--name", type=AppName(), help="Name of the application; the brief decides without it."),
        click.option("--no-detect", is_flag=True, help="Take no overlays from the words of the brief."),
        click.option("--overlay", "overlays", type=OverlayNames(), default=(), help="Overlays to apply."),
        click.argument("brief", metavar="BRIEF|FILE|-"),
    ):
        function = decorate(function)
    return function
