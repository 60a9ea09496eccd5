"""Places where something was left unfinished, or only pretends to be there."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator

from qlf.core.finding import Finding
from qlf.core.tree import Tree
from qlf.mesh.checks.syntax import parse_python

__all__ = ["check_stubs"]

_MARKER = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
# Outside of comments the bare word may be a value: an application for task lists has a state called TODO.
_MARKER_IN_TEXT = re.compile(r"\b(TODO|FIXME)\b(?=\s*[:(])|(?:#|//|/\*|<!--|\{#)\s*(TODO|FIXME|XXX|HACK)\b")
_FILLER = re.compile(r"\blorem\s+ipsum\b", re.IGNORECASE)
_EXCUSE = re.compile(r"\bnot\s+(?:yet\s+)?implemented\b", re.IGNORECASE)
_OPAQUE = (".lock", ".png", ".ico", ".jpg", ".woff2", ".svg")
# The spec quotes the brief, whose words are the user's.
_QUOTING = ("app.yaml", ".qlf/")


def check_stubs(tree: Tree) -> tuple[list[Finding], int]:
    """Scan every text file; returns the findings and how many files were scanned."""
    findings: list[Finding] = []
    scanned = 0
    for path, file in tree.items():
        if path.endswith(_OPAQUE) or path.startswith(_QUOTING):
            continue
        try:
            text = file.data.decode()
        except UnicodeDecodeError:
            continue
        scanned += 1
        findings.extend(_texts(path, text))
        if path.endswith(".py"):
            try:
                module = parse_python(text)
            except SyntaxError:
                continue
            findings.extend(_comments(path, text))
            findings.extend(_code(path, module))
        else:
            findings.extend(_markers(path, text))
    return findings, scanned


def _texts(path: str, text: str) -> Iterator[Finding]:
    for number, line in enumerate(text.splitlines(), start=1):
        if _FILLER.search(line):
            yield Finding("static.stub.filler", "filler text instead of content", path=path, line=number)


def _markers(path: str, text: str) -> Iterator[Finding]:
    for number, line in enumerate(text.splitlines(), start=1):
        if found := _MARKER_IN_TEXT.search(line):
            yield Finding("static.stub.marker", f"unfinished: {found[1] or found[2]}", path=path, line=number)


def _comments(path: str, text: str) -> Iterator[Finding]:
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT and (found := _MARKER.search(token.string)):
                yield Finding("static.stub.marker", f"unfinished: {found[1]}", path=path, line=token.start[0])
    except (tokenize.TokenError, SyntaxError):
        # The module parsed, so the tokens that came before are all that matter.
        return


def _code(path: str, module: ast.Module) -> Iterator[Finding]:
    excused = _without_body(module)
    for node in ast.walk(module):
        if problem := _problem(node, excused):
            rule, message = problem
            yield Finding(f"static.stub.{rule}", message, path=path, line=getattr(node, "lineno", None))


def _problem(node: ast.AST, excused: set[ast.AST]) -> tuple[str, str] | None:
    """What is unfinished about one node, as rule and message."""
    match node:
        case ast.Name(id="NotImplementedError"):
            return "not-implemented", "NotImplementedError stands for missing code"
        case ast.Constant(value=str(text)) if _EXCUSE.search(text):
            return "excuse", "a text says that something is not implemented"
        case ast.Constant(value=str(text)) if found := _MARKER_IN_TEXT.search(text):
            return "marker", f"unfinished: {found[1] or found[2]}"
        case ast.FunctionDef() | ast.AsyncFunctionDef() if node not in excused and _is_empty(node.body):
            return "empty", f"{node.name!r} does nothing"
        case ast.ExceptHandler() if _catches_all(node) and _is_empty(node.body):
            return "swallow", "an error is swallowed without a word"
    return None


def _without_body(module: ast.Module) -> set[ast.AST]:
    """Functions that have no body by their nature: of protocols, abstract ones, overloads."""
    excused: set[ast.AST] = set()
    for node in ast.walk(module):
        if isinstance(node, ast.ClassDef) and any(_last_name(base) == "Protocol" for base in node.bases):
            excused.update(node.body)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            names = {_last_name(decorator) for decorator in node.decorator_list}
            if names & {"abstractmethod", "overload"}:
                excused.add(node)
    return excused


def _last_name(node: ast.expr) -> str:
    if isinstance(node, ast.Subscript | ast.Call):
        node = node.value if isinstance(node, ast.Subscript) else node.func
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _is_empty(body: list[ast.stmt]) -> bool:
    # A docstring alone says what should be there; it is not there.
    return all(
        isinstance(node, ast.Pass) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        for node in body
    )


def _catches_all(node: ast.ExceptHandler) -> bool:
    return node.type is None or _last_name(node.type) in ("Exception", "BaseException")
