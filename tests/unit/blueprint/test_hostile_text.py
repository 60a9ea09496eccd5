"""The words of a spec change strings and docstrings of an application, never its code."""

from __future__ import annotations

import ast

import pytest

from qlf.blueprint import render
from qlf.core.spec import Spec, parse_spec

PARTS = ("backend", "database", "api")
LINE = 100


def spec(text: str) -> Spec:
    line = " ".join(text.split()) or "-"
    return parse_spec(
        {
            "app": {"name": "notes", "title": line[:120], "summary": text},
            "brief": text,
            "entities": [
                {
                    "name": "note",
                    "title": line[:120],
                    "description": text,
                    "fields": [
                        {"name": "title", "default": text, "description": text, "max_length": 1000},
                        {"name": "code", "pattern": "^[\"'\\\\]+$", "unit": "\"'\\"},
                    ],
                }
            ],
            "roles": [{"name": "clerk", "title": line[:120], "description": text}],
            "permissions": [{"role": "clerk", "entity": "note", "actions": ["list", "create"]}],
            "rules": [{"kind": "other", "name": "rule", "entity": "note", "text": text}],
        }
    )


def shapes(made: Spec) -> dict[str, str]:
    """The syntax trees of all Python files with every string replaced."""
    found = {}
    for part in PARTS:
        for path, file in render(part, made).items():
            if path.endswith(".py"):
                tree = ast.parse(file.data)
                for node in ast.walk(tree):
                    if isinstance(node, ast.Constant) and isinstance(node.value, str):
                        node.value = ""
                found[path] = ast.dump(tree)
    return found


@pytest.fixture(scope="module")
def harmless() -> dict[str, str]:
    return shapes(spec("Harmless words"))


@pytest.mark.parametrize(
    "text",
    [
        'x"\nimport os',
        '"""\nimport os\n"""',
        "{{7*7}} {% for x in y %} {# no #}",
        "\\",
        "'''; raise SystemExit #",
        '" * 10**9 + "',
        "wide " * 100,
        "w" * 400,
        "${HOME} $(id) `id` %s {0}",
        "\u2013 \u201ctypographic\u201d \u2019quotes\u2019 漢字",
    ],
)
def test_text_never_becomes_code(harmless: dict[str, str], text: str) -> None:
    assert shapes(spec(text)) == harmless


@pytest.mark.parametrize("text", ["wide " * 100, "w" * 400, '"' * 200, "\\" * 200])
def test_text_never_makes_a_line_too_long(text: str) -> None:
    long = [
        f"{path}:{number}"
        for part in PARTS
        for path, file in render(part, spec(text)).items()
        if path.endswith(".py")
        for number, line in enumerate(file.data.decode().splitlines(), 1)
        # A string without a space in it may be longer, as for the linter of the application.
        if len(line) > LINE and len(line.split()) > 1
    ]

    assert not [place for place in long if "schemas/note.py" not in place]


def test_default_text_arrives_unchanged() -> None:
    text = 'An "unnamed" \\ {{7*7}} thing'
    module = ast.parse(render("api", spec(text))["app/schemas/note.py"].data)

    strings = {node.value for node in ast.walk(module) if isinstance(node, ast.Constant)}

    assert text in strings
