"""Server-sent events, cut anywhere."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qlf.llm.adapters import sse
from qlf.llm.adapters.sse import Event, EventReader, EventTooLarge

LINES = st.sampled_from(
    b"||data: one|data:two|data|data:  three|: note|:|event: error|id: 7|retry: 5|database: no|x"
    b"|data: \xc3\xa9\xf0\x9f\x8e\x89|\xef\xbb\xbfdata: bom".split(b"|")
)
ENDS = st.sampled_from([b"\n", b"\r\n", b"\r"])
STREAMS = st.lists(st.tuples(LINES, ENDS), max_size=25).map(lambda parts: b"".join(a + b for a, b in parts))


def by_the_standard(data: bytes) -> list[Event]:
    """The algorithm of the standard, written down as slowly as it reads."""
    if data.startswith(b"\xef\xbb\xbf"):
        data = data[3:]
    events, name, parts = [], b"", None
    for line in re.split(rb"\r\n|\n|\r", data)[:-1]:
        if line == b"":
            if parts is not None:
                events.append(Event(name, parts[:-1]))
            name, parts = b"", None
            continue
        if line.startswith(b":"):
            continue
        key, _, value = line.partition(b":")
        value = value[1:] if value.startswith(b" ") else value
        if key == b"data":
            parts = (parts or b"") + value + b"\n"
        elif key == b"event":
            name = value
    return events


def read(pieces: list[bytes]) -> list[Event]:
    reader = EventReader()
    return [event for piece in pieces for event in reader.feed(piece)]


@given(STREAMS, st.data(), st.booleans())
def test_any_cutting_gives_the_events_of_the_standard(stream, data, bom):
    stream = (b"\xef\xbb\xbf" if bom else b"") + stream
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=12)))
    pieces = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    # A lone CR at the very end may yet become CRLF; the event it ends is known at once either way.
    assert read(pieces) == by_the_standard(stream)


@given(STREAMS)
def test_single_bytes_give_the_same(stream):
    assert read([bytes([byte]) for byte in stream]) == by_the_standard(stream)


@given(st.lists(st.binary(max_size=40), max_size=10))
def test_any_bytes_are_read_without_an_error(pieces):
    assert read(pieces) == by_the_standard(b"".join(pieces))


def test_an_event_without_its_blank_line_is_dropped():
    assert read([b"data: [DONE]\n"]) == []


def test_an_event_that_does_not_end_is_refused(monkeypatch):
    monkeypatch.setattr(sse, "_LARGEST_EVENT", 1000)
    with pytest.raises(EventTooLarge):
        read([b"data: " + b"x" * 90] * 100)


def test_a_long_stream_of_small_events_is_not_too_large(monkeypatch):
    monkeypatch.setattr(sse, "_LARGEST_EVENT", 1000)
    reader = EventReader()
    assert sum(len(reader.feed(b"data: x\n\n")) for _ in range(1000)) == 1000
