"""Made-up values: they fit their schema, and are the same in every run."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qlf.mesh.driver.compare import differing
from qlf.mesh.driver.contract import Contract
from qlf.mesh.driver.pattern import fits, fitting
from qlf.mesh.driver.values import Hint, Sampler

CONTRACT = Contract(
    {
        "paths": {"/x": {}},
        "components": {
            "schemas": {"Kind": {"enum": ["a", "b"]}, "Loop": {"$ref": "#/components/schemas/Loop"}}
        },
    },
    "/login",
)

PATTERNS = [
    r"^[A-Za-z0-9_%+-]+(\.[A-Za-z0-9_%+-]+)*@([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}$",
    r"^[^\s\x00-\x1f\x7f-\x9f]([^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f])?$",
    r"^\+?[0-9 ()-]{6,20}$",
    r"^(?!\+?0)\d+(\.\d{1,2})?$",
    r"^[A-Z]{3}-\d{4}$",
    r"^(red|green)\Z",
    r"^https?://[^\s]+$",
    r"^\w{2,8}(?:-\w+)?$",
]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_text_is_made_for_a_pattern(pattern: str) -> None:
    text = fitting(pattern, "s7", 1)
    assert text is not None
    assert re.search(pattern, text)


def test_numbers_that_are_texts_do_not_repeat() -> None:
    made = [fitting(r"^[0-9]{9}[0-9X]$|^[0-9]{13}$", f"s{number}") for number in range(1, 300)]
    assert len(set(made)) == len(made)


@given(st.text(max_size=30))
def test_any_pattern_is_answered_quickly_or_not_at_all(pattern: str) -> None:
    text = fitting(pattern, "s7")
    assert text is None or isinstance(text, str)


def test_patterns_that_could_take_for_ever_are_not_matched() -> None:
    assert fits(r"^(a+)+$", "a" * 40 + "!") is None
    assert fits(r"(x*)*\1", "x") is None
    assert fits(r"^[a-z]+$", "abc") is True
    assert fits(r"^[a-z]+$", "ABC") is False


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "integer", "minimum": 20}, 20),
        ({"type": "integer", "exclusiveMinimum": 20}, 21),
        ({"type": "integer", "maximum": 3}, 3),
        ({"type": "integer", "multipleOf": 7}, 7),
        ({"type": "number", "minimum": 0.01, "maximum": 0.5}, 0.5),
        ({"type": "boolean"}, True),
        ({"const": 5}, 5),
        ({"$ref": "#/components/schemas/Kind"}, "a"),
        ({"anyOf": [{"type": "null"}, {"type": "integer"}]}, 10),
        ({"type": ["null", "integer"]}, 10),
        ({"allOf": [{"type": "integer"}, {"minimum": 30}]}, 30),
        ({"type": "string", "format": "uuid"}, "00000000-0000-4000-8000-000000000001"),
        ({"type": "string", "maxLength": 3}, "s1"),
        ({"type": "array", "items": {"type": "integer"}, "minItems": 2}, [10, 11]),
        ({"type": "null"}, None),
    ],
)
def test_values_keep_their_schema(schema: dict[str, object], expected: object) -> None:
    assert Sampler(CONTRACT).value(schema, "name") == expected


def test_values_differ_from_row_to_row_and_not_from_run_to_run() -> None:
    def made() -> list[object]:
        sampler = Sampler(CONTRACT)
        return [
            sampler.value({"type": "string", "maxLength": 40}, name) for name in ("name", "name", "email")
        ]

    first = made()
    assert first == made()
    assert len(set(map(str, first))) == 3


def test_hints_order_dates_and_fix_numbers() -> None:
    sampler = Sampler(CONTRACT)
    date = {"type": "string", "format": "date"}
    assert sampler.value(date, "start") < sampler.value(date, "end", Hint(day=1))
    assert sampler.value({"type": "integer"}, "stock", Hint(Decimal(100))) == 100
    money = {"type": "string", "pattern": r"^\d{1,8}(\.\d{1,2})?$"}
    assert sampler.value(money, "price", Hint(Decimal("9.50"))) == "9.50"


def test_a_reference_that_leads_nowhere_is_survived() -> None:
    assert CONTRACT.resolve({"$ref": "#/components/schemas/Loop"}) == {}
    assert CONTRACT.resolve({"$ref": "#/nothing"}) == {}
    assert isinstance(Sampler(CONTRACT).value({"$ref": "#/nothing"}, "x"), str)


def test_equal_values_in_other_forms_do_not_differ() -> None:
    sent = {"a": 10, "b": "x@Y.com", "c": "2031-01-01T09:00:00Z", "d": [1, 2], "gone": 1, "e": True}
    received = {"a": "10.00", "b": "x@y.com", "c": "2031-01-01T09:00:00+00:00", "d": [2, 1], "e": True}
    assert differing(sent, received) == []
    assert differing({"a": 1, "b": None, "c": True}, {"a": 2, "b": "x", "c": 1}) == ["a", "b"]
