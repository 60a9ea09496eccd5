"""Entries: their bytes, and what is kept out of them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qlf.core.canonical import canonical_json
from qlf.core.metering import Ending, Outcome
from qlf.core.secrets import HIDDEN
from qlf.ledger.entry import FIRST_PREVIOUS, clean, decode, encode, outcome_counts, outcome_fields

FIELDS = st.dictionaries(
    st.text("abcdefghijklmnopqrstuvwxyz_", min_size=3, max_size=12).filter(
        lambda name: name not in ("seq", "prev", "kind")
    ),
    st.integers(-(2**63), 2**63 - 1) | st.text(st.characters(exclude_categories=["Cs"])),
    max_size=8,
)


@given(fields=FIELDS, seq=st.integers(1, 2**53), ts=st.integers(0, 2**53))
def test_the_bytes_are_canonical_json_and_read_back(fields: dict[str, str | int], seq: int, ts: int) -> None:
    body = encode(seq, ts, FIRST_PREVIOUS, "note", dict(fields))
    assert body == canonical_json(json.loads(body))
    entry = decode(body)
    assert (entry.seq, entry.ts, entry.kind) == (seq, ts, "note")
    assert dict(entry.fields) == {**fields, "prev": FIRST_PREVIOUS}


@given(
    st.binary(max_size=60)
    | st.sampled_from([b"[]", b"null", b"{}", b'{"v":1}', b'{"v":1,"seq":"1","ts":1,"kind":"x"}'])
)
def test_what_is_no_entry_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        decode(data)
    assert isinstance(caught.value, ValueError)


@given(st.text(st.characters(), max_size=600))
def test_any_text_can_be_recorded(text: str) -> None:
    kept = clean(text)
    assert len(kept) <= 1600
    json.dumps(kept).encode()
    kept.encode("utf-8")


def test_long_texts_that_begin_alike_stay_apart() -> None:
    one, two = clean("p" * 400 + "1"), clean("p" * 400 + "2")
    assert one != two
    assert max(len(one), len(two)) <= 200
    assert clean("p" * 200) == "p" * 200


@pytest.mark.parametrize(
    "secret", ["sk-proj-" + "a1" * 20, "AKIA" + "ABCDEFGH23456777", "4111 1111 1111 1111"]
)
def test_a_credential_is_never_recorded(secret: str) -> None:
    outcome = Outcome(
        Ending.UNKNOWN,
        answered_model=f"m {secret}",
        response_id=secret,
        request_id=f"r {secret}",
        stop=secret,
        error=f"bad key {secret}",
        reply_digest=secret,
    )
    text = encode(
        1, 1, FIRST_PREVIOUS, "outcome", outcome_fields(1, outcome, outcome_counts(outcome), 0, 0)
    ).decode()
    assert secret not in text
    assert text.count(HIDDEN) == 6


def test_a_digest_is_recorded_as_it_is() -> None:
    assert clean("4" * 64) == "4" * 64
    assert clean("4111111111111111") == HIDDEN
