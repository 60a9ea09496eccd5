"""The binary frames of `application/vnd.amazon.eventstream`.

A frame is: total length, length of the headers and the CRC-32 of these two (the prelude); the headers; the
payload; the CRC-32 of everything before. All numbers are big-endian. (Amazon event stream encoding.)
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from functools import lru_cache
from zlib import crc32

__all__ = ["MAX_FRAME", "FrameError", "decode_frames", "encode_frame", "encode_headers", "frame"]

MAX_FRAME = 24 * 1024 * 1024
"""Bytes; what botocore accepts at most."""
_PRELUDE = struct.Struct("!II")
_U32 = struct.Struct("!I")
_STRING = 7


class FrameError(ValueError):
    """The bytes are no event stream."""


def encode_headers(headers: Mapping[str, str]) -> bytes:
    """Headers of type string, in the given order."""
    parts = []
    for name, value in headers.items():
        key, text = name.encode(), value.encode()
        if not 0 < len(key) < 256 or len(text) > 32_767:
            raise FrameError(f"the header {name[:40]!r} has no legal length")
        parts.append(struct.pack(f"!B{len(key)}sBH", len(key), key, _STRING, len(text)) + text)
    return b"".join(parts)


def frame(headers: bytes, payload: bytes) -> bytes:
    """One frame of encoded headers and a payload."""
    size = len(headers)
    message = _prelude(16 + size + len(payload), size) + headers + payload
    return message + crc32(message).to_bytes(4)


@lru_cache(maxsize=4096)
def _prelude(total: int, headers: int) -> bytes:
    """The first twelve bytes; frames of a stream have few different sizes."""
    prelude = _PRELUDE.pack(total, headers)
    return prelude + crc32(prelude).to_bytes(4)


def encode_frame(headers: Mapping[str, str], payload: bytes) -> bytes:
    """One frame."""
    return frame(encode_headers(headers), payload)


def decode_frames(data: bytes) -> Iterator[tuple[dict[str, str], bytes]]:
    """Headers and payload of each frame.

    Raises:
        FrameError: On a wrong length or checksum, on a header that is no string, or when the end is missing.
    """
    at = 0
    while at < len(data):
        if len(data) - at < 16:
            raise FrameError("the event stream ends inside a frame")
        total, length = _PRELUDE.unpack_from(data, at)
        if crc32(data[at : at + 8]) != _U32.unpack_from(data, at + 8)[0]:
            raise FrameError("the checksum of a prelude is wrong")
        if not 16 + length <= total <= MAX_FRAME or at + total > len(data):
            raise FrameError("the event stream ends inside a frame")
        if crc32(data[at : at + total - 4]) != _U32.unpack_from(data, at + total - 4)[0]:
            raise FrameError("the checksum of a frame is wrong")
        yield _decode_headers(data[at + 12 : at + 12 + length]), data[at + 12 + length : at + total - 4]
        at += total


def _decode_headers(data: bytes) -> dict[str, str]:
    headers: dict[str, str] = {}
    at = 0
    try:
        while at < len(data):
            length = data[at]
            name = data[at + 1 : at + 1 + length].decode()
            at += 1 + length
            kind, size = struct.unpack_from("!BH", data, at)
            value = data[at + 3 : at + 3 + size]
            if kind != _STRING or len(value) != size:
                raise FrameError(f"the header {name[:40]!r} is no string")
            headers[name] = value.decode()
            at += 3 + size
    except (IndexError, struct.error, UnicodeDecodeError) as error:
        raise FrameError("the headers of a frame cannot be read") from error
    return headers
