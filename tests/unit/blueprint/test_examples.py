"""Examples for patterns and values for tests."""

from __future__ import annotations

import re

import pytest

from qlf.blueprint.views.examples import example
from qlf.blueprint.views.field import FieldView
from qlf.blueprint.views.values import matching
from qlf.core.spec import Field
from qlf.errors import InputError

PATTERNS = [
    r"^[A-Z]{2}-\d{4}$",
    r"^(?:red|blue)$",
    r"^[^@\s]+@[^@\s]+$",
    r"^[A-HJ-NPR-Z0-9]{17}$",
    r"^#[0-9a-f]{6}$",
    r"^\+?[0-9 ]{5,20}$",
    r"^[a-z][a-z0-9_]*$",
]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_example_matches_its_pattern(pattern: str) -> None:
    made = example(pattern, 1, 40)

    assert made is not None
    assert re.search(pattern, made)


@pytest.mark.parametrize("pattern", [r"^(?!a)a$", "("])
def test_what_has_no_example_gives_none(pattern: str) -> None:
    assert example(pattern, 1, 40) is None


def test_example_keeps_the_lengths() -> None:
    assert example("^[a-z]+$", 10, 12) is not None
    assert example("^[a-z]{3}$", 5, 12) is None


@pytest.mark.parametrize("pattern", [r"^[A-Z]{2}-\d{4}$", r"^[A-Za-z0-9-]+$", r"^[a-z][a-z0-9_]*$"])
def test_values_differ_from_number_to_number(pattern: str) -> None:
    field = FieldView(Field(name="code", pattern=pattern), "note", "Note")

    expression = matching(field)

    values = [eval(expression, {"number": number}) for number in (1, 2, 37)]
    assert len(set(values)) == 3
    assert all(re.search(pattern, value) for value in values)


def test_pattern_without_an_example_is_refused_with_advice() -> None:
    field = FieldView(Field(name="code", pattern=r"^(?!a)a$"), "note", "Note")

    with pytest.raises(InputError, match="no example of the pattern"):
        matching(field)
