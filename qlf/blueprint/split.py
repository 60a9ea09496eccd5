"""Cuts a generated file that became too long into files by subject, where its template says it can be cut.

A line `# --- subject` begins a part; what comes before the first one is needed by all. A file that is
short enough stays whole, so a small application has few files.
"""

from __future__ import annotations

import re

from qlf.blueprint.format import format_python
from qlf.core.tree import File, Tree

__all__ = ["LONGEST", "format_and_split"]

LONGEST = 400
"""Lines of a generated Python file."""

_MARK = re.compile(r"^# --- ([a-z]+)\n", re.MULTILINE)
_TEST = re.compile(r"(?<=\n\n\n)(?=def |@)")
_DOCSTRING = re.compile(r'\A"""([^:"]*)[^"]*"""')
_SAID = {
    "access": "who may do what",
    "changes": "what is stored and what is refused",
    "lists": "what is found",
    "rules": "what the rules say",
    "states": "what can be done when",
}


def format_and_split(tree: Tree) -> Tree:
    """`tree` formatted, with every file of more than `LONGEST` lines that has marks cut at them.

    Raises:
        InternalError: If a generated file does not parse.
    """
    marked = {path: file for path, file in tree.items() if _is_marked(path, file)}
    plain = ((path, _unmarked(file) if path in marked else file) for path, file in tree.items())
    formatted = dict(format_python(Tree(plain)).items())
    long = {path: file for path, file in marked.items() if _lines(formatted[path]) > LONGEST}
    for path, file in long.items():
        del formatted[path]
        formatted |= _cut(path, file.data.decode())
    return Tree(formatted)


def _is_marked(path: str, file: File) -> bool:
    return path.endswith(".py") and _MARK.search(file.data.decode()) is not None


def _unmarked(file: File) -> File:
    return File(_MARK.sub("", file.data.decode()).encode(), file.executable)


def _lines(file: File) -> int:
    return file.data.count(b"\n")


def _cut(path: str, text: str) -> dict[str, File]:
    head, *parts = _MARK.split(text)
    subjects: dict[str, str] = {}
    for subject, part in zip(parts[::2], parts[1::2], strict=True):
        if part.strip():
            subjects[subject] = subjects.get(subject, "") + part
    found: dict[str, File] = {}
    for subject, part in subjects.items():
        made = _formatted(_name(path, subject), _described(head, subject), [part])
        if any(_lines(file) > LONGEST for file in made.values()):
            made = _formatted(_name(path, subject), _described(head, subject), _pieces(head, part))
        found |= made
    return found


def _formatted(path: str, head: str, pieces: list[str]) -> dict[str, File]:
    names = [path, *(path.replace(".py", f"_{number}.py") for number in range(2, len(pieces) + 1))]
    texts = (f"{head}\n\n{piece}" for piece in pieces)
    made = {name: File(text.encode()) for name, text in zip(names, texts, strict=True)}
    return dict(format_python(Tree(made)).items())


def _pieces(head: str, part: str) -> list[str]:
    """The part in as many pieces of whole tests as keep each of them short enough."""
    formatted = next(iter(_formatted("part.py", head, [part]).values())).data.decode()
    begin = formatted.count("\n") - len(formatted.split("\n\n\n", 1)[1].split("\n"))
    pieces, piece, length = [], "", begin
    for test in _TEST.split(formatted.split("\n\n\n", 1)[1]):
        if piece and length + test.count("\n") > LONGEST:
            pieces.append(piece)
            piece, length = "", begin
        piece += test
        length += test.count("\n")
    return [*pieces, piece]


def _name(path: str, subject: str) -> str:
    return path.replace(".py", f"_{subject}.py")


def _described(head: str, subject: str) -> str:
    return _DOCSTRING.sub(lambda found: f'"""{found[1]}: {_SAID[subject]}."""', head, count=1)
