"""Signed heads and the key that signs them."""

from __future__ import annotations

import os
import stat

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qlf.errors import LedgerUnavailable
from qlf.ledger.heads import Head, Signer, append_heads, load_public, parse_head, parse_heads


@pytest.fixture
def signer(tmp_path):
    return Signer.load(tmp_path / "key")


def test_a_key_is_made_once_and_is_its_owners_alone(tmp_path):
    path = tmp_path / "new" / "key"
    assert load_public(path) is None
    made = Signer.load(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert Signer.load(path).public_key == made.public_key == load_public(path)
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    "content", [b"", b"no key", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"]
)
def test_a_damaged_key_is_said_and_kept(tmp_path, content):
    path = tmp_path / "key"
    path.write_bytes(content)
    with pytest.raises(LedgerUnavailable, match=r"signing key of the ledger .* is damaged"):
        Signer.load(path)
    assert path.read_bytes() == content


def test_a_key_that_is_missing_is_not_made_to_verify(tmp_path):
    with pytest.raises(LedgerUnavailable, match="cannot be used"):
        Signer.load(tmp_path / "key", create=False)
    assert not (tmp_path / "key").exists()


def test_a_key_does_not_show_itself(signer):
    assert "PRIVATE" not in repr(signer)
    assert signer.public_key not in repr(signer)


def test_a_head_survives_its_line(signer):
    head = signer.sign("ab" * 16, 7, bytes(32), 1000)
    assert parse_head(head.to_line()) == head
    assert head.signed_by(signer.public_key)


@pytest.mark.parametrize(
    "changed",
    [{"size": 8}, {"root": "11" * 32}, {"ts": 1001}, {"ledger": "cd" * 16}, {"signature": "00" * 64}],
)
def test_nothing_in_a_head_can_be_changed(signer, changed):
    document = {**signer.sign("ab" * 16, 7, bytes(32), 1000).to_json(), **changed}
    assert not parse_head(orjson.dumps(document)).signed_by(signer.public_key)


def test_a_head_of_another_key_is_not_believed(signer, tmp_path):
    other = Signer.load(tmp_path / "other").sign("ab" * 16, 7, bytes(32), 1000)
    assert not other.signed_by(signer.public_key)
    lying = Head(other.ledger, 7, other.root, 1000, signer.public_key, other.signature)
    assert not lying.signed_by(signer.public_key)


@given(
    st.binary(max_size=200)
    | st.recursive(st.none() | st.integers() | st.text(max_size=4), st.lists).map(
        lambda value: repr(value).encode()
    )
)
def test_what_is_no_head_is_refused(data):
    with pytest.raises(ValueError, match=r".") as caught:
        parse_head(data)
    assert isinstance(caught.value, ValueError)


def test_a_line_that_a_crash_cut_off_is_left_out_and_then_removed(signer, tmp_path):
    path = tmp_path / "heads"
    heads = [signer.sign("ab" * 16, size, bytes(32), size) for size in (1, 2, 3)]
    append_heads(path, heads[:2])
    with path.open("ab") as file:
        file.write(heads[2].to_line()[:50])
    assert parse_heads(path.read_bytes()) == heads[:2]
    append_heads(path, heads[2:])
    assert parse_heads(path.read_bytes()) == heads
    os.truncate(path, 10)
    append_heads(path, heads[:1])
    assert parse_heads(path.read_bytes()) == heads[:1]


def test_a_line_in_the_middle_that_is_no_head_is_named(signer, tmp_path):
    line = signer.sign("ab" * 16, 1, bytes(32), 1).to_line()
    with pytest.raises(ValueError, match="line 2 is no head"):
        parse_heads(line + b"{}\n" + line)
