"""What ruff and mypy say, as findings; and whether the application lets them speak at all."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from typing import Any

from qlf.core.finding import Finding, Severity
from qlf.core.tree import Tree

__all__ = ["check_configuration", "parse_mypy", "parse_ruff_check", "parse_ruff_format"]

_MAX_MESSAGE = 300


def check_configuration(tree: Tree) -> list[Finding]:
    """Findings for a configuration that switches the checkers off instead of passing them."""
    path = "pyproject.toml"
    if path not in tree:
        return [Finding("static.config.missing", "there is no pyproject.toml that configures the checks")]
    try:
        tool: Any = tomllib.loads(tree.text(path)).get("tool", {})
    except (ValueError, RecursionError):
        return []
    findings: list[Finding] = []
    ruff = _table(_table(tool, "ruff"), "lint")
    selected = set(map(str, ruff.get("select", ())))
    findings += [
        Finding("static.config.lint", f"the lint rules {needed!r} are not selected", path=path)
        for needed in ("E", "F")
        if not {needed, "ALL"} & selected
    ]
    mypy = _table(tool, "mypy")
    if mypy.get("strict") is not True:
        findings.append(Finding("static.config.types", "the type checker is not set to strict", path=path))
    if mypy.get("ignore_errors"):
        findings.append(Finding("static.config.types", "the type checker ignores errors", path=path))
    return findings


def _table(value: Any, key: str) -> dict[str, Any]:
    found = value.get(key, {}) if isinstance(value, dict) else {}
    return found if isinstance(found, dict) else {}


def parse_ruff_check(output: bytes, root: str) -> list[Finding]:
    """Findings of `ruff check --output-format json`.

    Args:
        output: Its standard output.
        root: The application's folder as ruff saw it, taken off the paths.

    Raises:
        ValueError: If the output is not what ruff writes.
    """
    return [
        Finding(f"static.lint.{code}", _short(item.get("message", "")), path=path, line=line)
        for code, path, line, item in _ruff(output, root)
    ]


def parse_ruff_format(output: bytes, root: str) -> list[Finding]:
    """Findings of `ruff format --check --output-format json`; arguments and errors as above.

    A file that does not parse cannot be formatted either; it is named here too.
    """
    return [
        Finding("static.format", "not formatted as `ruff format` would", path=path)
        if code == "unformatted"
        else Finding(f"static.format.{code}", _short(item.get("message", "")), path=path, line=line)
        for code, path, line, item in _ruff(output, root)
    ]


def _ruff(output: bytes, root: str) -> Iterator[tuple[str, str | None, int | None, dict[str, Any]]]:
    items = json.loads(output)
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise ValueError("ruff did not answer with a list of objects")
    for item in items:
        line = (item.get("location") or {}).get("row")
        yield item.get("code") or "invalid-syntax", _inside(str(item.get("filename") or ""), root), line, item


def parse_mypy(output: bytes, root: str) -> list[Finding]:
    """Findings of `mypy --output json`, one JSON object a line; notes are kept as notes.

    Raises:
        ValueError: If a line is not what mypy writes.
    """
    findings = []
    for line in output.decode(errors="replace").splitlines():
        if not line.strip():
            continue
        item = json.loads(line)
        if not isinstance(item, dict):
            raise ValueError("mypy did not answer with objects")
        error = item.get("severity") == "error"
        number = item.get("line")
        findings.append(
            Finding(
                f"static.types.{item.get('code') or 'misc'}",
                _short(item.get("message", "")),
                Severity.ERROR if error else Severity.NOTE,
                _inside(str(item.get("file") or ""), root),
                number if isinstance(number, int) and number > 0 else None,
            )
        )
    return findings


def _inside(path: str, root: str) -> str | None:
    path = path.removeprefix(root.rstrip("/") + "/").removeprefix("./")
    return path or None


def _short(message: Any) -> str:
    text = " ".join(str(message).split())
    return text if len(text) <= _MAX_MESSAGE else text[: _MAX_MESSAGE - 1] + "…"
