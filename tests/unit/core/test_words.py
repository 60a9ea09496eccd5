"""Plurals, singulars and the forms of names."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qlf.core.words import pascal, plural, singular, snake, title

WORDS = """
order/orders category/categories box/boxes class/classes branch/branches dish/dishes day/days
person/people child/children analysis/analyses status/statuses address/addresses house/houses
warehouse/warehouses course/courses purchase/purchases expense/expenses license/licenses
invoice/invoices movie/movies cookie/cookies quiz/quizzes bus/buses bonus/bonuses menu/menus
shelf/shelves size/sizes prize/prizes cache/caches axe/axes use/uses cause/causes tax/taxes hero/heroes
photo/photos toe/toes shoe/shoes tie/ties survey/surveys key/keys fee/fees gas/gases lens/lenses
bias/biases process/processes response/responses database/databases case/cases phase/phases
release/releases lease/leases nurse/nurses horse/horses pulse/pulses vase/vases exercise/exercises
franchise/franchises promise/promises virus/viruses campus/campuses order_item/order_items
medical_record/medical_records niche/niches headache/headaches garage/garages
"""
PAIRS = [tuple(pair.split("/")) for pair in WORDS.split()]


@pytest.mark.parametrize(("one", "many"), PAIRS)
def test_plural_and_back(one: str, many: str) -> None:
    assert plural(one) == many
    if one != "axe":  # shares its plural with "axis"
        assert singular(many) == one
    assert singular(one) == one


@given(st.from_regex(r"[a-z]{2,12}(_[a-z]{2,12})?", fullmatch=True))
def test_a_plural_is_another_word_and_a_name(word: str) -> None:
    many = plural(word)
    assert many != word
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", many)


@given(st.sampled_from(PAIRS))
def test_singular_is_idempotent(pair: tuple[str, str]) -> None:
    assert singular(singular(pair[1])) == singular(pair[1])


@given(st.text(max_size=60))
def test_snake_gives_ascii_snake_case_or_nothing(text: str) -> None:
    assert re.fullmatch(r"(?:[a-z0-9]+(?:_[a-z0-9]+)*)?", snake(text))


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Serial No.", "serial_no"),
        ("orderItem", "order_item"),
        ("HTTPServer", "http_server"),
        ("e-mail", "e_mail"),
        ("  a  b ", "a_b"),
        ("", ""),
    ],
)
def test_snake(text: str, name: str) -> None:
    assert snake(text) == name


@given(st.from_regex(r"[a-z][a-z0-9]*(_[a-z0-9]+){0,3}", fullmatch=True))
def test_pascal_is_a_class_name(name: str) -> None:
    assert pascal(name).isidentifier()
    assert "_" not in pascal(name)


def test_title_is_for_people() -> None:
    assert title("order_item") == "Order item"
    assert title("sku") == "SKU"
    assert title("vat_number") == "VAT number"
