"""Reads server-sent events from bytes, however they were cut into pieces.

The rules are those of the HTML standard, section 9.2.6: lines end with LF, CR or CRLF, one byte-order mark
may lead, a colon first marks a comment, `data` lines of an event are joined by LF, and an event that its
blank line does not end is dropped.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Event", "EventReader", "EventTooLarge"]

_BOM = b"\xef\xbb\xbf"
_LARGEST_EVENT = 16 * 1024 * 1024


class EventTooLarge(ValueError):
    """One event is larger than 16 MiB."""


class Event(NamedTuple):
    """One event."""

    name: bytes
    """Of the `event` field; empty when there was none."""
    data: bytes


class EventReader:
    """Takes bytes, gives the events that they complete."""

    __slots__ = ("_after_cr", "_begun", "_data", "_held", "_name", "_size", "_start")

    def __init__(self) -> None:
        self._held: list[bytes] = []
        self._data: list[bytes] = []
        self._name = b""
        self._size = 0
        self._after_cr = False
        self._begun = False
        self._start = b""

    def feed(self, piece: bytes) -> list[Event]:
        """The events that end in this piece.

        Raises:
            EventTooLarge: If one does not end within 16 MiB.
        """
        if not self._begun:
            piece = self._start + piece
            if len(piece) < len(_BOM) and _BOM.startswith(piece):
                self._start = piece
                return []
            self._begun = True
            piece = piece.removeprefix(_BOM)
        if not piece:
            return []
        if self._after_cr:
            self._after_cr = False
            if piece[:1] == b"\n":
                piece = piece[1:]
        self._size += len(piece)
        lines = piece.splitlines()
        ended = piece[-1:] in {b"\n", b"\r"}
        self._after_cr = piece[-1:] == b"\r"
        if self._held and lines and (len(lines) > 1 or ended):
            lines[0] = b"".join(self._held) + lines[0]
            self._held.clear()
        if not ended and lines:
            self._held.append(lines.pop())
        events = self._events(lines) if lines else []
        if self._size > _LARGEST_EVENT:
            raise EventTooLarge
        return events

    def _events(self, lines: list[bytes]) -> list[Event]:
        events: list[Event] = []
        data = self._data
        for line in lines:
            if not line:
                if data:
                    events.append(Event(self._name, data[0] if len(data) == 1 else b"\n".join(data)))
                    data.clear()
                self._name = b""
                self._size = 0
            elif line.startswith(b"data:"):
                data.append(line[6:] if line[5:6] == b" " else line[5:])
            else:
                name, _, value = line.partition(b":")
                if name == b"data":
                    data.append(b"")
                elif name == b"event":
                    self._name = value.removeprefix(b" ")
        return events
