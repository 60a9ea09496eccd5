"""Texts that people take for the same have the same form to be compared by."""

import pytest

from app.db.text import fold


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("ABC-1", "abc-1"),
        ("Stra\u00dfe", "STRASSE"),
        ("Caf\u00e9", "Cafe\u0301"),
        ("CAF\u00c9", "cafe\u0301"),
        ("\u0390", "\u0399\u0308\u0301"),
    ],
)
def test_same_to_people_is_same_here(text: str, other: str) -> None:
    assert fold(text) == fold(other)


@pytest.mark.parametrize(("text", "other"), [("a", "\u00e4"), ("1", "2"), ("a b", "ab")])
def test_other_text_stays_another(text: str, other: str) -> None:
    assert fold(text) != fold(other)


def test_folding_twice_changes_nothing() -> None:
    for number in range(0x2000):
        assert fold(fold(chr(number))) == fold(chr(number))
        assert len(fold(chr(number))) <= 3
