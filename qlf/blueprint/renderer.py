"""Renders the templates of one part into a tree, then formats the Python in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

from qlf.blueprint.contract import openapi_text
from qlf.blueprint.environment import environment
from qlf.blueprint.split import format_and_split
from qlf.blueprint.views import AppView, app_view, check
from qlf.core.spec import Spec
from qlf.core.tree import File, Tree

__all__ = ["render_part"]

_PARTIAL = re.compile(r"_[^_].*\.j2\Z")


def render_part(part: str, spec: Spec) -> Tree:
    """The formatted files of `part`."""
    app = app_view(spec)
    check(app)
    found: dict[str, File] = {}
    for template in _templates(part):
        for path, data in _rendered(part, template, app):
            found[path] = File(data, executable=data.startswith(b"#!"))
    if part == "api":
        found["openapi.json"] = File(openapi_text(spec).encode())
    return format_and_split(Tree(found))


def _rendered(part: str, template: str, app: AppView) -> Iterator[tuple[str, bytes]]:
    if not template.endswith(".j2"):
        # `.raw` keeps tools from taking a template for a file of this project: `.gitignore`, `conftest.py`.
        yield template.removesuffix(".raw"), (_folder() / part / template).read_bytes()
        return
    compiled = environment().get_template(f"{part}/{template}")
    target = template.removesuffix(".j2")
    if "[entity]" in target or "[entities]" in target:
        for entity in app.entities:
            text = compiled.render(app=app, entity=entity)
            if text.strip():
                path = target.replace("[entity]", entity.module).replace("[entities]", entity.plural)
                yield path, text.encode()
    else:
        text = compiled.render(app=app)
        if text.strip():
            yield target, text.encode()


@lru_cache(maxsize=16)
def _templates(part: str) -> tuple[str, ...]:
    root = _folder() / part
    paths = (path for path in root.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    # Names with a leading underscore and `.j2` are partials; `__init__.py` is a file like any other.
    return tuple(sorted(path.relative_to(root).as_posix() for path in paths if not _PARTIAL.match(path.name)))


@lru_cache(maxsize=1)
def _folder() -> Path:
    # The package is installed as files (hatchling wheels are never zipped), so a real path exists.
    return Path(str(files("qlf.blueprint") / "fastapi"))
