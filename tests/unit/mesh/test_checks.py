"""The single checks of the static gate, on small trees."""

from __future__ import annotations

import pytest

from qlf.core.finding import Severity
from qlf.core.tree import File, Tree
from qlf.mesh.checks.leaks import check_leaks
from qlf.mesh.checks.linters import check_configuration, parse_mypy, parse_ruff_check, parse_ruff_format
from qlf.mesh.checks.stubs import check_stubs
from qlf.mesh.checks.syntax import MAX_SOURCE_BYTES, check_syntax


@pytest.mark.parametrize(
    ("path", "text", "rule", "line"),
    [
        ("a.py", "x = 1\ndef (", "static.syntax.python", 2),
        ("a.py", "x = '\0'", "static.syntax.python", None),
        ("a.py", "(" * 5000, "static.syntax.python", None),
        ("a.json", '{"a": 1,\n}', "static.syntax.json", 2),
        ("a.json", '{"a": 1, "a": 2}', "static.syntax.json", None),
        ("a.json", "[" * 100_000, "static.syntax.json", None),
        ("a.toml", "a = = 1", "static.syntax.toml", None),
        ("a.yaml", "a: [1\nb: 2", "static.syntax.yaml", 2),
        ("a.yml", "\ta: 1", "static.syntax.yaml", 1),
    ],
)
def test_a_file_that_does_not_parse_is_found(path: str, text: str, rule: str, line: int | None) -> None:
    findings, checked = check_syntax(Tree.from_texts({path: text}))
    assert checked == 1
    assert [found.rule for found in findings] == [rule]
    assert findings[0].path == path
    if line is not None:
        assert findings[0].line == line


def test_sound_files_of_every_kind_pass() -> None:
    tree = Tree.from_texts(
        {
            "a.py": "x = 1\n",
            "b.json": "[1]",
            "c.toml": "a = 1",
            "d.yaml": "a: &x 1\nb: *x\n---\nc: 2\n",
            "e.txt": "(",
        }
    )
    assert check_syntax(tree) == ([], 4)


def test_a_huge_file_and_a_binary_one_are_refused_unread() -> None:
    tree = Tree({"a.py": File(b"#" * (MAX_SOURCE_BYTES + 1)), "b.py": File(b"\xff")})
    assert [found.rule for found in check_syntax(tree)[0]] == ["static.syntax.size", "static.syntax.encoding"]


@pytest.mark.parametrize(
    ("path", "text", "rule"),
    [
        ("a.py", "x = 1  # TODO: more\n", "static.stub.marker"),
        ("a.py", '"""FIXME(me): all of it"""\n', "static.stub.marker"),
        ("a.py", "def f():\n    raise NotImplementedError\n", "static.stub.not-implemented"),
        ("a.py", "def f():\n    return 'Not implemented'\n", "static.stub.excuse"),
        ("a.py", "def f():\n    pass\n", "static.stub.empty"),
        ("a.py", "async def f():\n    '''Does it.'''\n", "static.stub.empty"),
        ("a.py", "def f():\n    ...\n", "static.stub.empty"),
        ("a.py", "try:\n    f()\nexcept Exception:\n    pass\n", "static.stub.swallow"),
        ("a.md", "Lorem  ipsum dolor\n", "static.stub.filler"),
        ("Dockerfile", "# TODO pin\nFROM x\n", "static.stub.marker"),
        ("a.ts", "// FIXME\n", "static.stub.marker"),
    ],
)
def test_unfinished_code_is_found(path: str, text: str, rule: str) -> None:
    findings, _ = check_stubs(Tree.from_texts({path: text}))
    assert [found.rule for found in findings] == [rule]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("a.py", "from enum import StrEnum\n\nclass State(StrEnum):\n    TODO = 'todo'\n"),
        ("a.py", "class Gone(Exception):\n    '''It is gone.'''\n"),
        ("a.py", "class P(Protocol):\n    def f(self) -> int: ...\n"),
        ("a.py", "class P(Protocol[T]):\n    def f(self) -> int:\n        '''Give it.'''\n"),
        ("a.py", "class A(ABC):\n    @abc.abstractmethod\n    def f(self) -> int: ...\n"),
        ("a.py", "@overload\ndef f(x: int) -> int: ...\n"),
        ("a.py", "try:\n    f()\nexcept KeyError:\n    pass\n"),
        ("a.md", "| TODO | DOING | DONE |\n"),
        ("app.yaml", "brief: 'TODO: everything'\n"),
        ("a.lock", "# TODO: x\n"),
    ],
)
def test_what_only_looks_unfinished_is_left_alone(path: str, text: str) -> None:
    assert check_stubs(Tree.from_texts({path: text}))[0] == []


def test_credentials_in_files_are_found_without_being_repeated() -> None:
    key = "AKIA" + "Q" * 16
    tree = Tree.from_texts(
        {
            "a.py": f"\nkey = '{key}'\n",
            ".env": "A=1",
            ".env.example": "A=",
            "c.yml": "u: postgres://app:pw12@db/x\n",
        }
    )
    findings, _ = check_leaks(tree)
    assert [(f.rule, f.path, f.line, f.severity) for f in findings] == [
        ("static.secret.file", ".env", None, Severity.ERROR),
        ("static.secret.value", "a.py", 2, Severity.ERROR),
        ("static.secret.value", "c.yml", 1, Severity.WARNING),
    ]
    assert all(key not in found.message for found in findings)


def test_ruff_findings_are_named_by_file_and_line() -> None:
    output = b'[{"code": "F401", "filename": "/app/a/b.py", "location": {"row": 3}, "message": "unused"},'
    output += b'{"code": null, "filename": "/app/c.py", "location": {"row": 1}, "message": "bad"}]'
    found = parse_ruff_check(output, "/app")
    assert [(f.rule, f.path, f.line) for f in found] == [
        ("static.lint.F401", "a/b.py", 3),
        ("static.lint.invalid-syntax", "c.py", 1),
    ]
    unformatted = b'[{"code": "unformatted", "filename": "/app/a.py", "location": {"row": 1}}]'
    assert [(f.rule, f.path) for f in parse_ruff_format(unformatted, "/app")] == [("static.format", "a.py")]
    with pytest.raises(ValueError, match="list"):
        parse_ruff_check(b"{}", "/app")


def test_mypy_findings_keep_notes_as_notes() -> None:
    output = b'{"file": "app/a.py", "line": 7, "code": "arg-type", "message": "wrong", "severity": "error"}\n'
    output += b'{"file": "app/a.py", "line": 7, "code": null, "message": "see", "severity": "note"}\n'
    found = parse_mypy(output, "/app")
    assert [(f.rule, f.line, f.severity) for f in found] == [
        ("static.types.arg-type", 7, Severity.ERROR),
        ("static.types.misc", 7, Severity.NOTE),
    ]


def test_a_configuration_that_switches_checks_off_is_found() -> None:
    good = "[tool.ruff.lint]\nselect = ['E', 'F']\n[tool.mypy]\nstrict = true\n"
    assert check_configuration(Tree.from_texts({"pyproject.toml": good})) == []
    for bad in (
        "",
        good.replace("'F'", ""),
        good.replace("strict = true", "strict = false"),
        good + "ignore_errors = true\n",
    ):
        assert check_configuration(Tree.from_texts({"pyproject.toml": bad}))
    assert check_configuration(Tree.from_texts({"a": ""}))
