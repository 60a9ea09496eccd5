"""One byte form for equal values."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qlf.core.canonical import canonical_json, digest_bytes, digest_value

FLOATS = st.floats(min_value=1e-4, max_value=9e14).map(lambda value: value)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
    | FLOATS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=6), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(VALUES)
def test_the_canonical_form_reads_back_to_the_same_value(value: object) -> None:
    assert json.loads(canonical_json(value)) == value


@given(
    st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=6), st.integers(), max_size=6)
)
def test_the_order_of_keys_does_not_matter(value: dict[str, int]) -> None:
    backwards = dict(reversed(list(value.items())))
    assert canonical_json(backwards) == canonical_json(value)
    assert digest_value(backwards) == digest_value(value)


def test_keys_are_ordered_by_utf16_units_as_rfc_8785_wants() -> None:
    # RFC 8785 3.2.3: the emoji is a surrogate pair (0xD83D) and comes before U+FB33.
    value = {"\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\U0001f600": 5, "\x80": 6, "\u00f6": 7}
    assert [json.loads(canonical_json(value))[key] for key in json.loads(canonical_json(value))] == [
        2,
        4,
        6,
        7,
        1,
        5,
        3,
    ]


def test_a_whole_float_is_written_like_an_integer() -> None:
    # RFC 8785 3.2.2.3 writes numbers as ECMAScript does: 1.0 is 1.
    assert canonical_json(1.0) == b"1"
    assert canonical_json([0.5, 100.0, -3.0]) == b"[0.5,100,-3]"


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), 1e-9, 1e20, {1: 2}, {"a": {None: 1}}, object(), {"a": {1, 2}}, b"x"]
)
def test_what_json_does_not_know_is_refused(value: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        canonical_json(value)


def test_a_lone_surrogate_is_refused() -> None:
    with pytest.raises(UnicodeEncodeError):
        canonical_json("\ud800")


def test_digests_are_sha256() -> None:
    assert digest_bytes(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert digest_value({}) == digest_bytes(b"{}")
