"""A sealed value opens for what it was sealed for, with its own KEK, unchanged, and in no other case."""

from __future__ import annotations

from base64 import b64decode, b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qlf.ledger.keys.envelope import is_sealed, kek_of, open_sealed, rewrap, seal
from qlf.ledger.keys.kek import Kek, make_kek
from qlf.ledger.keys.model import KekMissing, SealBroken

KEK, OTHER = make_kek(b"k" * 32), make_kek(b"o" * 32)


def find(kek_id: str) -> Kek:
    for kek in (KEK, OTHER):
        if kek.id == kek_id:
            return kek
    raise KekMissing(kek_id)


@given(st.binary(max_size=2_000), st.integers(1, 10**6))
def test_what_was_sealed_opens_again(value, version):
    text = seal(value, KEK, name="main", version=version)
    assert is_sealed(text)
    assert kek_of(text) == KEK.id
    assert open_sealed(text, find, name="main", version=version) == value


def test_the_text_describes_itself_and_holds_nothing_in_clear():
    text = seal(b"canary-canary", KEK, name="main", version=1)
    parts = text.split(":")
    assert parts[:4] == ["qlf", "sealed", "1", KEK.id]
    assert all(b"canary" not in b64decode(part) for part in parts[4:])
    assert KEK.secret.hex() not in text


def test_the_same_value_is_sealed_differently_each_time():
    texts = {seal(b"value", KEK, name="main", version=1) for _ in range(50)}
    assert len(texts) == 50


@pytest.mark.parametrize(("name", "version"), [("other", 1), ("main", 2), ("main1", 1), ("mai", 1)])
def test_a_sealed_value_that_was_moved_to_another_name_or_version_is_refused(name, version):
    text = seal(b"value", KEK, name="main", version=1)
    with pytest.raises(SealBroken, match="was changed, or was sealed for something else"):
        open_sealed(text, find, name=name, version=version)
    with pytest.raises(SealBroken):
        rewrap(text, find, OTHER, name=name, version=version)


def test_a_wrapped_key_that_is_said_to_be_of_another_kek_is_refused():
    text = seal(b"value", KEK, name="main", version=1).replace(KEK.id, OTHER.id)
    with pytest.raises(SealBroken):
        open_sealed(text, find, name="main", version=1)


def test_the_id_of_the_kek_is_bound_even_for_the_same_kek_bytes():
    twin = Kek("twin-of-the-kek", KEK.secret)
    text = seal(b"value", KEK, name="main", version=1).replace(KEK.id, twin.id)
    with pytest.raises(SealBroken):
        open_sealed(text, lambda _: twin, name="main", version=1)


def test_parts_of_two_sealed_values_do_not_fit_together():
    one = seal(b"value", KEK, name="main", version=1).split(":")
    two = seal(b"value", KEK, name="main", version=1).split(":")
    with pytest.raises(SealBroken):
        open_sealed(":".join([*one[:5], two[5]]), find, name="main", version=1)


@pytest.mark.parametrize("part", [4, 5])
def test_every_changed_byte_is_noticed(part):
    parts = seal(b"val", KEK, name="main", version=1).split(":")
    data = b64decode(parts[part])
    for position in range(len(data)):
        for bit in (1, 128):
            changed = bytearray(data)
            changed[position] ^= bit
            text = ":".join([*parts[:part], b64encode(bytes(changed)).decode(), *parts[part + 1 :]])
            with pytest.raises(SealBroken):
                open_sealed(text, find, name="main", version=1)


@given(st.text(max_size=200))
def test_a_foreign_text_is_refused_in_one_way(text):
    for candidate in (text, f"qlf:sealed:1:{text}", f"qlf:sealed:1:{KEK.id}:{text}", f"qlf:sealed:{text}"):
        with pytest.raises(SealBroken):
            open_sealed(candidate, find, name="main", version=1)


def test_a_later_form_is_told_apart_from_a_damaged_one():
    with pytest.raises(SealBroken, match="newer release"):
        open_sealed("qlf:sealed:2:abcdefgh:AA==:AA==", find, name="main", version=1)


def test_rewrapping_changes_the_wrap_and_not_the_value():
    text = seal(b"value", KEK, name="main", version=1)
    wrapped = rewrap(text, find, OTHER, name="main", version=1)
    assert kek_of(wrapped) == OTHER.id
    assert wrapped.split(":")[5] == text.split(":")[5]
    assert open_sealed(wrapped, find, name="main", version=1) == b"value"
    assert rewrap(wrapped, find, OTHER, name="main", version=1) == wrapped
