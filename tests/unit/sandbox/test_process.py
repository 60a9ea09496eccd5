"""Capped streams."""

from __future__ import annotations

import pytest

from qlf.sandbox.process import _Capped


@pytest.mark.parametrize("chunk", [1, 3, 7, 100])
def test_the_first_and_the_last_half_are_kept(chunk: int):
    stream = _Capped(10)
    data = bytes(range(65, 91))
    for start in range(0, len(data), chunk):
        stream.add(data[start : start + chunk])
    assert stream.content() == b"ABCDE\n[16 bytes left out]\nVWXYZ"
    assert stream.left_out == 16


def test_what_fits_is_kept_whole():
    stream = _Capped(11)
    stream.add(b"hello ")
    stream.add(b"world")
    assert stream.content() == b"hello world"
    assert not stream.left_out


def test_a_flood_does_not_pile_up():
    stream = _Capped(1000)
    for _ in range(10_000):
        stream.add(b"x" * 777)
    assert len(stream.head) + sum(map(len, stream.tail)) == 1000
    assert stream.left_out == 7_770_000 - 1000
