"""HTTP/1.1 on a raw transport, so that an answer can also be cut, reset or never sent.

A request becomes a `Performance`: bytes that are ready for the socket, the pauses between them, and how it
ends. Only what clients of providers use is read: one request after the other on a connection, bodies by
length or in chunks, `Expect: 100-continue`. (RFC 9112.)
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from http import HTTPStatus
from urllib.parse import parse_qsl, unquote

__all__ = ["MAX_BODY", "Connection", "End", "Headers", "Performance", "Request", "chunk", "head", "whole"]

MAX_HEAD = 65_536
MAX_BODY = 128 * 1024 * 1024
"""Bytes."""
LAST_CHUNK = b"0\r\n\r\n"

Headers = Sequence[tuple[str, str]]


@dataclass(slots=True)
class Request:
    """One request as it was read."""

    method: str
    target: str
    headers: dict[str, str]
    """By names in lower case."""
    body: bytes = b""

    @property
    def path(self) -> str:
        """The path with its escapes kept, without the query."""
        target = self.target
        if "://" in target[:8]:
            # A client that takes us for a proxy sends the whole address.
            target = "/" + target.split("://", 1)[1].partition("/")[2]
        return target.partition("?")[0]

    @property
    def segments(self) -> tuple[str, ...]:
        """The parts of the path with their escapes resolved."""
        return tuple(unquote(part) for part in self.path.split("/")[1:])

    @property
    def query(self) -> dict[str, str]:
        """The parameters after `?`; the last of two of the same name."""
        return dict(parse_qsl(self.target.partition("?")[2], keep_blank_values=True))


class End(Enum):
    """How an answer ends."""

    DONE = "done"
    CLOSE = "close"
    RESET = "reset"
    HANG = "hang"


@dataclass(slots=True)
class Performance:
    """An answer, ready to be sent."""

    pieces: list[bytes]
    """The first holds status line and headers."""
    first_seconds: float = 0.0
    piece_seconds: float = 0.0
    """Before each piece but the first."""
    end: End = End.DONE
    later: Awaitable[Performance] | None = field(default=None, repr=False)
    """Where the answer is still to be fetched from somewhere else: that is awaited instead."""
    feed: Callable[[Callable[[bytes], None]], Awaitable[End]] | None = field(default=None, repr=False)
    """Sends the rest as it comes in, after `pieces`, and says how it ended."""

    @property
    def takes_time(self) -> bool:
        """Whether more is to be done than to write the pieces."""
        return (
            self.end is not End.DONE
            or self.first_seconds > 0
            or self.piece_seconds > 0
            or self.later is not None
            or self.feed is not None
        )


_STATUS = {status.value: status.phrase for status in HTTPStatus} | {529: "Overloaded"}


def head(status: int, headers: Headers, length: int | None) -> bytes:
    """Status line and headers; without a length the body comes in chunks."""
    lines = [f"HTTP/1.1 {status} {_STATUS.get(status, 'Unknown')}"]
    lines += [f"{name}: {value}" for name, value in headers]
    lines.append("transfer-encoding: chunked" if length is None else f"content-length: {length}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")


def chunk(data: bytes) -> bytes:
    """One chunk of a body."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def whole(status: int, headers: Headers, body: bytes) -> Performance:
    """An answer in one piece."""
    return Performance([head(status, headers, len(body)) + body])


class Connection(asyncio.Protocol):
    """One client.

    Args:
        handle: Makes the answer; it must not block.
        open_connections: This connection is in it while it is open.
    """

    __slots__ = ("_asked", "_buffer", "_handle", "_open", "_playing", "_request", "_transport")

    def __init__(self, handle: Callable[[Request], Performance], open_connections: set[Connection]) -> None:
        self._handle = handle
        self._open = open_connections
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._request: Request | None = None
        self._asked = 0
        self._playing: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._open.add(self)
        raw = transport.get_extra_info("socket")
        if raw is not None:
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the protocol's signature
        self._open.discard(self)
        self._transport = None
        if self._playing is not None:
            self._playing.cancel()

    def data_received(self, data: bytes) -> None:
        self._buffer = self._buffer + data if self._buffer else data
        if self._playing is None:
            self._advance()

    def abort(self) -> None:
        """End it at once with a reset."""
        transport = self._transport
        if transport is not None:
            raw = transport.get_extra_info("socket")
            if raw is not None:
                with contextlib.suppress(OSError):
                    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            transport.abort()

    def close(self) -> None:
        """End it properly once everything is sent."""
        if self._transport is not None:
            self._transport.close()

    def _advance(self) -> None:
        while self._transport is not None and self._playing is None:
            try:
                request = self._next()
            except _BadRequest as error:
                self._send(head(error.status, (("connection", "close"),), 0))
                self.close()
                return
            if request is None:
                return
            performance = self._handle(request)
            if performance.takes_time:
                self._start(performance)
            else:
                pieces = performance.pieces
                self._send(pieces[0] if len(pieces) == 1 else b"".join(pieces))

    def _start(self, performance: Performance) -> None:
        self._playing = asyncio.get_running_loop().create_task(self._play(performance))

    async def _play(self, performance: Performance) -> None:
        if performance.later is not None:
            performance = await performance.later
        if performance.first_seconds:
            await asyncio.sleep(performance.first_seconds)
        if performance.piece_seconds:
            for number, piece in enumerate(performance.pieces):
                if number:
                    await asyncio.sleep(performance.piece_seconds)
                self._send(piece)
        else:
            self._send(b"".join(performance.pieces))
        end = performance.end
        if performance.feed is not None:
            end = await performance.feed(self._send)
        if end is End.HANG:
            await asyncio.Event().wait()
        elif end is End.RESET:
            # What was sent must have been read: a reset overtakes it on some systems.
            await asyncio.sleep(0.02)
            self.abort()
        elif end is End.CLOSE:
            self.close()
        self._playing = None
        self._advance()

    def _send(self, data: bytes) -> None:
        if self._transport is not None and data:
            self._transport.write(data)

    def _next(self) -> Request | None:
        """The next whole request, or nothing yet."""
        if self._request is None:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                if len(self._buffer) > MAX_HEAD:
                    raise _BadRequest(431)
                return None
            self._request, self._asked = _read_head(self._buffer[:end])
            self._buffer = self._buffer[end + 4 :]
            if self._request.headers.get("expect", "").lower() == "100-continue":
                self._send(b"HTTP/1.1 100 Continue\r\n\r\n")
        request = self._request
        if self._asked >= 0:
            if len(self._buffer) < self._asked:
                return None
            request.body, self._buffer = self._buffer[: self._asked], self._buffer[self._asked :]
        else:
            read = _read_chunks(self._buffer)
            if read is None:
                return None
            request.body, self._buffer = read
        self._request = None
        return request


class _BadRequest(ValueError):
    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


def _read_head(data: bytes) -> tuple[Request, int]:
    """The request, and the length of its body; -1 when it comes in chunks."""
    first, *lines = data.decode("latin-1").split("\r\n")
    words = first.split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        raise _BadRequest(400)
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name or name[-1] in " \t" or name[0] in " \t":
            raise _BadRequest(400)
        headers[name.lower()] = value.strip()
    request = Request(words[0], words[1], headers)
    if "chunked" in headers.get("transfer-encoding", "").lower():
        return request, -1
    length = headers.get("content-length", "0")
    if not (length.isascii() and length.isdigit()):
        raise _BadRequest(400)
    if len(length) > 12 or int(length) > MAX_BODY:
        raise _BadRequest(413)
    return request, int(length)


def _read_chunks(data: bytes) -> tuple[bytes, bytes] | None:
    """The body and what follows it, or nothing while the last chunk is missing."""
    if len(data) > MAX_BODY:
        raise _BadRequest(413)
    parts: list[bytes] = []
    at = 0
    while True:
        end = data.find(b"\r\n", at)
        if end < 0:
            return None
        size = data[at:end].partition(b";")[0].strip()
        try:
            length = int(size, 16)
        except ValueError as error:
            raise _BadRequest(400) from error
        if length < 0 or length > MAX_BODY:
            raise _BadRequest(413)
        if length == 0:
            if data[end : end + 4] == b"\r\n\r\n":
                return b"".join(parts), data[end + 4 :]
            trailer = data.find(b"\r\n\r\n", end)
            return None if trailer < 0 else (b"".join(parts), data[trailer + 4 :])
        if len(data) < end + 2 + length + 2:
            return None
        parts.append(data[end + 2 : end + 2 + length])
        at = end + 2 + length + 2


def chunked(pieces: Iterable[bytes]) -> list[bytes]:
    """Each piece as a chunk of its own."""
    return [chunk(piece) for piece in pieces]
