"""Whether every file parses as what its name says: Python, JSON, YAML, TOML."""

from __future__ import annotations

import ast
import json
import tomllib
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from qlf.core.finding import Finding
from qlf.core.tree import Tree

__all__ = ["MAX_SOURCE_BYTES", "check_syntax", "parse_python"]

MAX_SOURCE_BYTES = 2_000_000
"""Larger files are refused unread: the parsers of the standard library take memory out of proportion."""
_MAX_YAML_EVENTS = 200_000


def check_syntax(tree: Tree) -> tuple[list[Finding], int]:
    """Parse every file of a known kind; returns the findings and how many files were parsed."""
    findings: list[Finding] = []
    checked = 0
    for path, file in tree.items():
        parser = _PARSERS.get(_kind(path))
        if parser is None:
            continue
        checked += 1
        if len(file.data) > MAX_SOURCE_BYTES:
            findings.append(Finding("static.syntax.size", f"the file has {len(file.data)} bytes", path=path))
            continue
        try:
            text = file.data.decode()
        except UnicodeDecodeError as error:
            findings.append(Finding("static.syntax.encoding", f"not UTF-8 at byte {error.start}", path=path))
            continue
        findings.extend(parser(path, text))
    return findings, checked


def parse_python(text: str) -> ast.Module:
    """The syntax tree of a module.

    Raises:
        SyntaxError: Also for what would break the parser itself: zero bytes, or nesting beyond reason.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except ValueError as error:
        raise SyntaxError(str(error)) from error
    except (RecursionError, MemoryError) as error:
        raise SyntaxError("nested too deeply") from error


def _kind(path: str) -> str:
    return path.rsplit("/", 1)[-1].rpartition(".")[2].lower()


def _python(path: str, text: str) -> Iterator[Finding]:
    try:
        parse_python(text)
    except SyntaxError as error:
        yield Finding("static.syntax.python", error.msg or "invalid syntax", path=path, line=error.lineno)


def _json(path: str, text: str) -> Iterator[Finding]:
    try:
        json.loads(text, object_pairs_hook=_no_doubles)
    except json.JSONDecodeError as error:
        yield Finding("static.syntax.json", error.msg, path=path, line=error.lineno)
    except (ValueError, RecursionError) as error:
        yield Finding("static.syntax.json", str(error), path=path)


def _no_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key {key!r} appears twice in one object")
        found[key] = value
    return found


def _toml(path: str, text: str) -> Iterator[Finding]:
    try:
        tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        yield Finding("static.syntax.toml", str(error), path=path)


def _yaml(path: str, text: str) -> Iterator[Finding]:
    """Walk the events only: composing the document would let aliases multiply."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        for count, _ in enumerate(YAML(typ="safe", pure=True).parse(text)):
            if count > _MAX_YAML_EVENTS:
                yield Finding("static.syntax.yaml", f"more than {_MAX_YAML_EVENTS} values", path=path)
                return
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark is not None else None
        yield Finding("static.syntax.yaml", error.problem or error.context or "invalid", path=path, line=line)
    except (YAMLError, ValueError, RecursionError) as error:
        yield Finding("static.syntax.yaml", str(error).partition("\n")[0], path=path)


_PARSERS: Mapping[str, Callable[[str, str], Iterator[Finding]]] = {
    "py": _python,
    "pyi": _python,
    "json": _json,
    "toml": _toml,
    "yaml": _yaml,
    "yml": _yaml,
}
