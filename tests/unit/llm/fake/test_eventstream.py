"""Frames of event streams, read back by botocore and by ourselves."""

from __future__ import annotations

import pytest
from botocore.eventstream import ChecksumMismatch, EventStreamBuffer
from hypothesis import given
from hypothesis import strategies as st

from qlf.llm.fake.eventstream import FrameError, decode_frames, encode_frame

NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=40)
HEADERS = st.dictionaries(NAMES, st.text(st.characters(codec="utf-8"), max_size=80), max_size=5)
FRAMES = st.lists(st.tuples(HEADERS, st.binary(max_size=300)), min_size=1, max_size=4)


def as_botocore_reads(data: bytes, step: int) -> list[tuple[dict[str, str], bytes]]:
    buffer = EventStreamBuffer()
    found = []
    for at in range(0, len(data), step):
        buffer.add_data(data[at : at + step])
        found += [(dict(event.headers), event.payload) for event in buffer]
    return found


@given(frames=FRAMES, step=st.integers(1, 400))
def test_botocore_reads_what_was_written(frames: list[tuple[dict[str, str], bytes]], step: int) -> None:
    data = b"".join(encode_frame(headers, payload) for headers, payload in frames)
    assert as_botocore_reads(data, step) == frames
    assert list(decode_frames(data)) == frames


@given(headers=HEADERS, payload=st.binary(max_size=100), place=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_no_flipped_bit_is_missed(headers: dict[str, str], payload: bytes, place: int, bit: int) -> None:
    data = bytearray(encode_frame(headers, payload))
    data[place % len(data)] ^= 1 << bit
    with pytest.raises(FrameError):
        list(decode_frames(bytes(data)))


@given(st.binary(max_size=200))
def test_foreign_bytes_are_refused_or_read(data: bytes) -> None:
    try:
        frames = list(decode_frames(data))
    except FrameError:
        return
    assert b"".join(encode_frame(headers, payload) for headers, payload in frames) == data


def test_a_frame_that_ends_early_is_refused() -> None:
    data = encode_frame({":event-type": "x"}, b"{}")
    for length in range(1, len(data)):
        with pytest.raises(FrameError):
            list(decode_frames(data[:length]))


def test_botocore_sees_a_wrong_checksum() -> None:
    data = bytearray(encode_frame({"a": "b"}, b"payload"))
    data[-1] ^= 1
    with pytest.raises(ChecksumMismatch):
        as_botocore_reads(bytes(data), len(data))


@pytest.mark.parametrize("headers", [{"": "x"}, {"n" * 256: "x"}, {"n": "x" * 32_768}])
def test_headers_of_no_legal_length_are_refused(headers: dict[str, str]) -> None:
    with pytest.raises(FrameError):
        encode_frame(headers, b"")
