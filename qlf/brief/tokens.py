"""Words and sentences of a brief, each with its place in the text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

__all__ = ["Brief", "Sentence", "Word", "read"]

MAX_SENTENCE = 800
"""Characters; longer sentences are cut, as nobody writes them and rules would take long."""
_WORD = re.compile(
    r"[A-Za-z\u00c0-\u024f][A-Za-z0-9\u00c0-\u024f]*(?:['_-][A-Za-z0-9\u00c0-\u024f]+)*|\d+(?:[.,]\d+)*%?|\S"
)
_SHORT = re.compile(r"\b(?:e\.g|i\.e|etc|vs|approx|incl|no|nr|mr|mrs|dr|st|resp)\.", re.IGNORECASE)
_BULLET = re.compile(r"\s*(?:[-*\u2022+]|\d{1,2}[.)]|[a-z]\)|#{1,6}|>)\s+")


@dataclass(frozen=True, slots=True)
class Word:
    """One word, number or sign."""

    text: str
    lower: str
    start: int
    end: int

    @property
    def is_word(self) -> bool:
        """True for words, false for numbers and signs."""
        return self.text[0].isalpha()


@dataclass(frozen=True)
class Sentence:
    """One sentence, bullet or table row."""

    text: str
    start: int
    bullet: bool = False
    heading: str = ""
    """The line above a list that ends with a colon or starts with `#`."""

    @cached_property
    def words(self) -> tuple[Word, ...]:
        """The words and signs in order, with places in the whole brief."""
        return tuple(
            Word(m.group(), m.group().lower(), self.start + m.start(), self.start + m.end())
            for m in _WORD.finditer(self.text)
        )

    @property
    def end(self) -> int:
        """The place after the last character."""
        return self.start + len(self.text)


@dataclass(frozen=True)
class Brief:
    """A brief that was read."""

    text: str
    sentences: tuple[Sentence, ...]

    @cached_property
    def lower(self) -> str:
        """The whole text in lower case, character by character so that places stay the same."""
        return "".join(char.lower() if len(char.lower()) == 1 else char for char in self.text)

    def quote(self, span: tuple[int, int]) -> str:
        """The words at a place, on one line and at most 160 characters."""
        words = " ".join(self.text[span[0] : span[1]].split())
        return words if len(words) <= 160 else words[:157].rstrip() + "..."


def read(text: str) -> Brief:
    """Split clean text into sentences: at full stops, semicolons, blank lines and bullets."""
    sentences: list[Sentence] = []
    heading = ""
    for start, block, bullet in _blocks(text):
        pieces = list(_pieces(block, start))
        if not bullet:
            heading = ""
        for place, piece in pieces:
            sentences.append(Sentence(piece, place, bullet=bullet, heading=heading if bullet else ""))
        if pieces and (pieces[-1][1].endswith(":") or text[:start].endswith("# ")):
            heading = pieces[-1][1].rstrip(":")
    return Brief(text, tuple(sentences))


def _blocks(text: str) -> list[tuple[int, str, bool]]:
    """Lines joined where prose is merely wrapped; every bullet, table row and heading by itself."""
    blocks: list[tuple[int, int, bool]] = []
    position = 0
    open_block = False
    for line in text.split("\n"):
        start, end = position, position + len(line)
        position = end + 1
        match = _BULLET.match(line)
        stripped = line.strip()
        if not stripped:
            open_block = False
            continue
        if match or stripped.startswith("|"):
            blocks.append((start + (match.end() if match else 0), end, True))
            open_block = not stripped.startswith(("|", "#"))
            continue
        indented = line[:1] == " "
        continues = open_block and not text[: start - 1].endswith((".", ":", "!", "?", ";"))
        if continues and (stripped[:1].islower() or (not blocks[-1][2]) or indented):
            blocks[-1] = (blocks[-1][0], end, blocks[-1][2])
        else:
            blocks.append((start, end, False))
        open_block = True
    return [(start, text[start:end], bullet) for start, end, bullet in blocks]


def _pieces(block: str, start: int) -> list[tuple[int, str]]:
    hidden = _SHORT.sub(lambda m: m.group()[:-1] + "\x00", block)
    hidden = re.sub(r"(?<=\b[eiEI])\.(?=[ge]\x00)", "\x00", hidden)
    pieces: list[tuple[int, str]] = []
    begin = 0
    depth = 0
    for index, char in enumerate(hidden):
        if char in "([{":
            depth += 1
        elif char in ")]}":
            depth = max(0, depth - 1)
        is_end = char in ";!?" or (
            char == "." and (index + 1 == len(hidden) or hidden[index + 1] in " \n\"')")
        )
        if is_end and (depth == 0 or char == "."):
            pieces.append((begin, block[begin:index]))
            begin = index + 1
            depth = 0
    pieces.append((begin, block[begin:]))
    result = []
    for place, piece in pieces:
        lead = len(piece) - len(piece.lstrip())
        if piece.strip():
            result += _short((start + place + lead, piece.strip()))
    return result


def _short(piece: tuple[int, str]) -> list[tuple[int, str]]:
    """A piece in parts of bounded length, so that no rule looks at too much at once."""
    place, text = piece
    parts: list[tuple[int, str]] = []
    while len(text) > MAX_SENTENCE:
        cut = max(text.rfind(",", 0, MAX_SENTENCE), text.rfind("\n", 0, MAX_SENTENCE))
        if cut < MAX_SENTENCE // 2:
            cut = text.rfind(" ", 0, MAX_SENTENCE)
        cut = cut if cut > 0 else MAX_SENTENCE
        parts.append((place, text[:cut]))
        rest = text[cut:].lstrip(" ,\n")
        place, text = place + len(text) - len(rest), rest
    if text:
        parts.append((place, text))
    return parts
