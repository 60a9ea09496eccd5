"""The one template environment: sandboxed, strict, and with filters that make text safe where it lands.

Words from a brief reach templates as values only; no template is ever made from them. Where such a word
lands inside code it goes through the filter for that place, which the tests check with hostile words.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Any

from jinja2 import PackageLoader, StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from qlf.core import words

__all__ = ["environment"]

_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|!~])")


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
    )
    made.filters.update(
        doc=docstring,
        json=as_json,
        kebab=lambda name: name.replace("_", "-"),
        md=markdown,
        pascal=words.pascal,
        plural=words.plural,
        py=python_literal,
        title=words.title,
        yaml=as_json,
    )
    return made


def python_literal(value: Any) -> str:
    """`value` as a Python literal; strings in double quotes as the formatter writes them."""
    if isinstance(value, str):
        return as_json(value)
    return repr(value)


def as_json(value: Any) -> str:
    """`value` as one line of JSON, which is also a YAML scalar and, for a string, a Python literal."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def docstring(text: str) -> str:
    """`text` as it may stand inside a docstring or a comment: one line, no quotes that end it, no escapes."""
    line = " ".join(text.split())
    return line.replace("\\", "/").replace('"', "'")


def markdown(text: str) -> str:
    """`text` as it may stand in a Markdown paragraph or table cell: markup is shown, not obeyed."""
    return _MARKDOWN.sub(r"\\\1", " ".join(text.split()))
