"""Spec to files: the templates of production quality, and what fills them.

    from qlf.blueprint import PARTS, render

    tree = render("database", spec)

A part is what one agent owns. Parts never share a path.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qlf.core.spec import Spec
    from qlf.core.tree import Tree

__all__ = ["PARTS", "render", "stack_lock", "stack_name"]

PARTS = ("backend", "database", "api", "test", "devops", "docs")


def render(part: str, spec: Spec) -> Tree:
    """The files of one part of the application that `spec` describes, formatted.

    Raises:
        ValueError: If there is no such part.
        InputError: If the spec asks for something that the blueprint cannot build.
    """
    if part not in PARTS:
        raise ValueError(f"there is no part {part!r}; the parts are {', '.join(PARTS)}")
    from qlf.blueprint.renderer import render_part

    return render_part(part, spec)


def stack_name() -> str:
    """Name and version of the stack file that the applications are locked to."""
    return "python-fastapi-1"


def stack_lock(*, dev: bool) -> bytes:
    """The hash-locked requirements that every application of this blueprint carries."""
    from importlib.resources import files

    name = "requirements-dev.lock.raw" if dev else "requirements.lock.raw"
    return (files("qlf.blueprint") / "fastapi" / "devops" / name).read_bytes()
