"""The one template environment: sandboxed, strict, and with filters that make text safe where it lands.

Words from a brief reach templates as values only; no template is ever made from them. Where such a word
lands inside code it goes through the filter for that place, which the tests check with hostile words.
"""

from __future__ import annotations

import json
import re
import sys
import textwrap
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import FileSystemBytecodeCache, PackageLoader, StrictUndefined
from jinja2.bccache import Bucket
from jinja2.sandbox import ImmutableSandboxedEnvironment

from qlf.blueprint.views.access import policy
from qlf.blueprint.views.behaviour import all_verbs, behaviour, refers_to_owned
from qlf.blueprint.views.forms import forms
from qlf.blueprint.views.operations import operations
from qlf.blueprint.views.pages import pages
from qlf.blueprint.views.passwords import long_enough, password, short_password, weak_password
from qlf.blueprint.views.samples import sample_columns
from qlf.blueprint.views.testing import testing, testings
from qlf.core import words

__all__ = ["environment"]

_PIECE = 70
"""Characters of a piece of a long string, so that it fits a line at any depth."""
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|!~])")


class _Bytecode(FileSystemBytecodeCache):
    """Compiled templates beside their sources, as Python keeps its own; where that cannot be, none."""

    def load_bytecode(self, bucket: Bucket) -> None:
        with suppress(OSError):
            super().load_bytecode(bucket)

    def dump_bytecode(self, bucket: Bucket) -> None:
        if not sys.dont_write_bytecode:
            with suppress(OSError):
                super().dump_bytecode(bucket)


def _bytecode() -> _Bytecode:
    folder = Path(__file__).parent / "fastapi" / "__pycache__"
    with suppress(OSError):
        folder.mkdir(exist_ok=True)
    return _Bytecode(str(folder))


@lru_cache(maxsize=1)
def environment() -> ImmutableSandboxedEnvironment:
    """The environment, made once for each process."""
    made = ImmutableSandboxedEnvironment(
        loader=PackageLoader("qlf.blueprint", "fastapi"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        # Output is source code, not HTML: each place has its own filter below.
        autoescape=False,
        cache_size=-1,
        bytecode_cache=_bytecode(),
    )
    made.filters.update(
        doc=docstring,
        docwrap=wrapped_docstring,
        json=as_json,
        kebab=lambda name: name.replace("_", "-"),
        md=markdown,
        pascal=words.pascal,
        plural=words.plural,
        py=python_literal,
        pylong=long_literal,
        title=words.title,
        yaml=as_json,
    )
    made.globals.update(
        all_verbs=all_verbs,
        behaviour=behaviour,
        forms=forms,
        pages=pages,
        policy=policy,
        refers_to_owned=refers_to_owned,
        long_enough=long_enough,
        operations=operations,
        password=password,
        samples=sample_columns,
        testing=testing,
        short_password=short_password,
        testings=testings,
        weak_password=weak_password,
    )
    return made


def python_literal(value: Any) -> str:
    """`value` as a Python literal; strings in double quotes as the formatter writes them."""
    if isinstance(value, str):
        return as_json(value)
    return repr(value)


def long_literal(text: str) -> str:
    """`text` as a Python string that never makes a line too long: adjacent pieces in parentheses."""
    if len(python_literal(text)) <= _PIECE:
        return python_literal(text)
    pieces, piece = [], ""
    # Cutting after each space keeps every character; the pieces together are the text.
    for word in re.findall(r"[^ ]{1,60} *", text) or [text]:
        if piece and len(python_literal(piece + word)) > _PIECE:
            pieces.append(piece)
            piece = ""
        piece += word
    lines = "\n".join(python_literal(item) for item in [*pieces, piece])
    return f"(\n{lines}\n)"


def as_json(value: Any) -> str:
    """`value` as one line of JSON, which is also a YAML scalar and, for a string, a Python literal."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def docstring(text: str) -> str:
    """`text` as it may stand inside a docstring or a comment: one line, no quotes that end it, no escapes."""
    line = " ".join(text.split())
    return line.replace("\\", "/").replace('"', "'")


def wrapped_docstring(text: str) -> str:
    """`text` as the content of a docstring of a module, wrapped to the width of a line."""
    # Long words are broken, because a line may not be longer whatever the words are.
    return "\n".join(textwrap.wrap(docstring(text), 90))


def markdown(text: str) -> str:
    """`text` as it may stand in a Markdown paragraph or table cell: markup is shown, not obeyed."""
    return _MARKDOWN.sub(r"\\\1", " ".join(text.split()))
