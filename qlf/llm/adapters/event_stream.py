"""Reads the binary frames of `application/vnd.amazon.eventstream`, however they were cut into pieces.

A frame is: its length, the length of its headers, a CRC-32 of these two, the headers, the payload, and a
CRC-32 of all before it; numbers are big-endian. The format is described in the documentation of Amazon
Transcribe ("Event stream encoding").
"""

from __future__ import annotations

import functools
import struct
import zlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

__all__ = ["Frame", "FrameDamaged", "FrameReader"]

_PRELUDE = struct.Struct(">III")
_SUM = struct.Struct(">I")
_OVERHEAD = _PRELUDE.size + _SUM.size
_LARGEST_FRAME = 24 * 1024 * 1024
_LARGEST_HEADERS = 128 * 1024
_FIXED = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
_BYTES, _STRING = 6, 7


class FrameDamaged(ValueError):
    """The bytes are not a frame. The text says what is wrong, without content."""


class Frame(NamedTuple):
    """One message."""

    headers: Mapping[str, str]
    """Those whose values are strings; the protocol uses no others."""
    payload: bytes


# The header blocks of one kind of event are all alike, so nearly every frame finds its own here.
@functools.lru_cache(maxsize=128)
def _headers(block: bytes) -> Mapping[str, str]:
    found: dict[str, str] = {}
    at = 0
    try:
        while at < len(block):
            end = at + 1 + block[at]
            name = block[at + 1 : end].decode()
            kind = block[end]
            at = end + 1
            if kind in _FIXED:
                at += _FIXED[kind]
                continue
            if kind not in {_BYTES, _STRING}:
                raise FrameDamaged("a frame has a header of a kind that does not exist")
            size = int.from_bytes(block[at : at + 2], "big")
            if at + 2 + size > len(block):
                raise FrameDamaged("the headers of a frame are cut")
            if kind == _STRING:
                found[name] = block[at + 2 : at + 2 + size].decode()
            at += 2 + size
    except (IndexError, UnicodeDecodeError):
        raise FrameDamaged("the headers of a frame cannot be read") from None
    if at != len(block):
        raise FrameDamaged("the headers of a frame are cut")
    return MappingProxyType(found)


class FrameReader:
    """Takes bytes, gives the frames that they complete."""

    __slots__ = ("_held", "_need")

    def __init__(self) -> None:
        self._held = bytearray()
        self._need = _PRELUDE.size

    @property
    def idle(self) -> bool:
        """Whether no frame has begun: only then may the stream end."""
        return not self._held

    def feed(self, piece: bytes) -> list[Frame]:
        """The frames that end in this piece.

        Raises:
            FrameDamaged: If a length or a checksum is wrong. Nothing after it can be read.
        """
        self._held += piece
        if len(self._held) < self._need:
            return []
        frames: list[Frame] = []
        data, at = bytes(self._held), 0
        while True:
            left = len(data) - at
            if left < _PRELUDE.size:
                self._need = _PRELUDE.size
                break
            size, headers, check = _PRELUDE.unpack_from(data, at)
            if zlib.crc32(data[at : at + 8]) != check:
                raise FrameDamaged("the checksum of the beginning of a frame is wrong")
            if not _OVERHEAD + headers <= size <= _LARGEST_FRAME or headers > _LARGEST_HEADERS:
                raise FrameDamaged("a frame has a length that cannot be")
            if left < size:
                self._need = size
                break
            end = at + size
            if zlib.crc32(data[at : end - 4]) != _SUM.unpack_from(data, end - 4)[0]:
                raise FrameDamaged("the checksum of a frame is wrong")
            start = at + _PRELUDE.size
            frames.append(Frame(_headers(data[start : start + headers]), data[start + headers : end - 4]))
            at = end
        self._held = bytearray(data[at:])
        return frames
