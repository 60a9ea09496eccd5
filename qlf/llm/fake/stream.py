"""The events of a streamed answer, before anything goes wrong with them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["Events", "split_text"]


@dataclass(slots=True)
class Events:
    """Encoded events in order."""

    items: list[bytes]
    first_text: int
    """Place of the first piece of text."""
    terminal: int
    """Place of the event that says that the answer is whole; the pieces of text end before it."""

    def middle(self, pieces: int | None) -> int:
        """The place after so many pieces of text, or after half of them."""
        count = self.terminal - self.first_text
        wanted = count // 2 if pieces is None else min(pieces, count)
        return self.first_text + wanted


def split_text(text: str, size: int) -> Iterator[str]:
    """Pieces of at most `size` characters."""
    for at in range(0, len(text), size):
        yield text[at : at + size]
