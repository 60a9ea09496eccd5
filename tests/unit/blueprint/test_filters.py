"""Free text stays data wherever a template puts it."""

from __future__ import annotations

import ast

import pytest

from qlf.blueprint.environment import (
    docstring,
    environment,
    long_literal,
    markdown,
    python_literal,
    wrapped_docstring,
)

HOSTILE = [
    'x"\nimport os',
    "{{7*7}}",
    "{% raw %}",
    '"""',
    "'''",
    "\\",
    'ends with a quote"',
    "ends with a backslash\\",
    "\\N{BULLET} \\x41 \\",
    "#{}${HOME}`id`",
    "a" * 500,
    "wide " * 200,
    '" + __import__("os").system("true") + "',
    "élève \u2013 \u201cquoted\u201d 漢字",
    "  two  spaces  ",
    " ",
]


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("literal", [python_literal, long_literal])
def test_literal_is_one_string_with_the_same_text(literal, text: str) -> None:
    assert ast.literal_eval(literal(text)) == text


@pytest.mark.parametrize("text", HOSTILE)
def test_long_literal_has_no_long_line(text: str) -> None:
    assert max(len(line) for line in long_literal(text).splitlines()) <= 90


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("fit", [docstring, wrapped_docstring])
def test_docstring_is_one_constant(fit, text: str) -> None:
    module = ast.parse(f'"""{fit(text)}"""\nvalue = 1\n')

    assert [type(node) for node in module.body] == [ast.Expr, ast.Assign] or not text.strip()
    assert not isinstance(module.body[0], ast.Expr) or isinstance(module.body[0].value, ast.Constant)


@pytest.mark.parametrize("text", HOSTILE)
def test_docstring_fits_a_comment(text: str) -> None:
    assert "\n" not in docstring(text)


@pytest.mark.parametrize("text", ["<script>", "[a](javascript:b)", "| a | b |", "# title", "`code`", "*x*"])
def test_markdown_shows_markup_instead_of_obeying_it(text: str) -> None:
    shown = markdown(text)

    assert all(shown[at - 1] == "\\" for at, char in enumerate(shown) if char in "<>[]|#`*")


def test_text_is_never_taken_for_a_template() -> None:
    template = environment().from_string("{{ text | py }}")

    assert template.render(text="{{ 7 * 7 }}") == '"{{ 7 * 7 }}"'


def test_an_unknown_name_is_an_error() -> None:
    with pytest.raises(Exception, match="undefined"):
        environment().from_string("{{ missing }}").render()


def test_templates_cannot_reach_into_python() -> None:
    template = environment().from_string("{{ ''.__class__.__mro__ }}")

    with pytest.raises(Exception, match="unsafe"):
        template.render()
