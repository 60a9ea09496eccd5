"""Binary frames, cut anywhere, beside what botocore makes of them."""

from __future__ import annotations

from botocore.eventstream import EventStreamBuffer
from hypothesis import given
from hypothesis import strategies as st

from qlf.llm.adapters.event_stream import FrameDamaged, FrameReader

NAMES = st.sampled_from(["contentBlockDelta", "messageStop", "metadata", "é"])


def read(pieces):
    reader = FrameReader()
    return [frame for piece in pieces for frame in reader.feed(piece)]


@given(st.lists(st.tuples(NAMES, st.binary(max_size=300)), max_size=6), st.data())
def test_any_cutting_gives_the_frames_that_botocore_reads(write_frame, events, data):
    stream = b"".join(write_frame(name, payload) for name, payload in events)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    pieces = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    buffer = EventStreamBuffer()
    buffer.add_data(stream)
    theirs = [(dict(event.headers), event.payload) for event in buffer]
    assert [(dict(found.headers), found.payload) for found in read(pieces)] == theirs


@given(st.binary(max_size=100), st.data())
def test_a_changed_byte_is_never_read_as_a_frame(write_frame, payload, data):
    good = bytearray(write_frame("metadata", payload))
    at = data.draw(st.integers(0, len(good) - 1))
    good[at] ^= data.draw(st.integers(1, 255))
    try:
        assert read([bytes(good)]) == []
    except FrameDamaged:
        return


@given(st.lists(st.binary(max_size=60), max_size=8))
def test_any_bytes_raise_nothing_else(pieces):
    try:
        read(pieces)
    except FrameDamaged:
        return


def test_a_frame_that_has_begun_is_known(write_frame):
    reader = FrameReader()
    assert reader.idle
    reader.feed(write_frame("metadata", b"{}")[:-1])
    assert not reader.idle
