"""Splitting lists, and what stands in parentheses beside a member of a list."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation

from qlf.brief.lexicon import TYPE_WORDS, Hints
from qlf.brief.naming import state_name
from qlf.core.spec import FieldType

__all__ = ["Item", "choices_of", "parse_hints", "split_list"]


@dataclass(frozen=True, slots=True)
class Item:
    """One member of a list: its words, what stood in parentheses, and its place in the list's text."""

    text: str
    note: str
    start: int
    end: int
    tail: str = ""
    """Words after the member that say more about it: `that must be unique`."""


_AND = re.compile(r"\s+(?:and|or|&|plus|as well as|and/or)\s+(?:also\s+)?", re.IGNORECASE)
_TAIL = re.compile(
    r"\s+(?:that|which|who|where|when|so|to|for|from|in|by|on|at|because|if|while|until|"
    r"per|between|under|within|"
    r"is|are|was|must|should|can|will|may|has|have|as|like|including|such|using|via|into|with)\b(?=\s*\S)",
    re.IGNORECASE,
)
_KEEP_FOR = re.compile(
    r"\A(?:check|sign|log|pick|drop|opt|built|phone|valid|date|made)[- ](?:in|up|on|off|out|from|to|by)\b",
    re.IGNORECASE,
)


def split_list(text: str) -> list[Item]:
    """The members of `a, b (note) and c`, split at the top level only."""
    pieces: list[tuple[int, int]] = []
    depth = 0
    begin = 0
    for index, char in enumerate(text):
        if char in "([{":
            depth += 1
        elif char in ")]}":
            depth = max(0, depth - 1)
        elif (
            char in ",\n|"
            and depth == 0
            and not (
                char == "," and text[index - 1 : index].isdigit() and text[index + 1 : index + 2].isdigit()
            )
        ):
            pieces.append((begin, index))
            begin = index + 1
    pieces.append((begin, len(text)))
    items: list[Item] = []
    for start, end in pieces:
        hidden = re.sub(r"[(\[{][^)\]}]*[)\]}]?", lambda m: "\x01" * len(m.group()), text[start:end])
        last = 0
        for match in _AND.finditer(hidden):
            _add(items, text, start + last, start + match.start())
            last = match.end()
        _add(items, text, start + last, end)
    return items


def _add(items: list[Item], text: str, start: int, end: int) -> None:
    piece = text[start:end]
    lead = len(piece) - len(piece.lstrip())
    start, piece = start + lead, piece.strip()
    piece = re.sub(r"\A(?:and|or|plus|also)\s+", "", piece, flags=re.IGNORECASE)
    start = end - len(text[start:end].rstrip()) + 0 if not piece else start
    if not piece:
        return
    start = text.index(piece, start)
    note = ""
    opened = re.search(r"[(\[{]", piece)
    body = piece
    tail = ""
    if opened:
        body = piece[: opened.start()].strip()
        note, _, tail = re.sub(r"\A[(\[{]", "", piece[opened.start() :]).partition(")")
        note = note.strip(" )]}")
    if not _KEEP_FOR.match(body):
        cut = _TAIL.search(body)
        if cut:
            body, tail = body[: cut.start()], body[cut.start() :] + tail
    items.append(Item(body.strip(), note, start, start + len(piece), tail.strip()))


_RANGE = re.compile(r"\A(\d+(?:\.\d+)?)\s*(?:-|\u2013|to|\.\.)\s*(\d+(?:\.\d+)?)\b")
_MAX = re.compile(
    (
        r"(?:max(?:imum)?\.?|up to|at most|no more than|<=|≤|under|less than or equal "
        r"to)\s*(?:of\s*)?(?:length\s*)?[:=]?\s*(\d+(?:\.\d+)?)"
    ),
    re.IGNORECASE,
)
_MIN = re.compile(
    r"(?:min(?:imum)?\.?|at least|>=|≥|from|no less than)\s*(?:of\s*)?(?:length\s*)?[:=]?\s*(\d+(?:\.\d+)?)",
    re.IGNORECASE,
)
_ABOVE = re.compile(r">\s*(\d+(?:\.\d+)?)|greater than (\d+)|\bpositive\b|\bnon-?negative\b", re.IGNORECASE)
_DEFAULT = re.compile(r"defaults?(?:\s+(?:to|is|value))?\s*[:=]?\s*([\w -]+)", re.IGNORECASE)


def parse_hints(note: str, *, choices: bool = True) -> Hints:
    """What the words beside a field say: type, required, unique, bounds, choices."""
    hints = Hints()
    pieces = [
        piece.strip(" '\"`") for piece in re.split(r"[,;|/]|\s+or\s+|\s+and\s+", note) if piece.strip(" '\"`")
    ]
    unknown: list[str] = []
    for piece in pieces:
        lower = piece.lower()
        found = _piece(lower, hints)
        if found is None:
            unknown.append(piece)
        else:
            hints = found
    if choices and len(unknown) >= 2 and all(len(word.split()) <= 4 for word in unknown):
        names = _names(unknown)
        if len(names) >= 2:
            hints = replace(hints, choices=names, type=FieldType.ENUM)
    elif len(unknown) == 1 and re.fullmatch(r"[A-Za-z%€$°/²³]{1,8}", unknown[0]) and hints.type is None:
        hints = replace(hints, unit=unknown[0])
    return hints


def _piece(lower: str, hints: Hints) -> Hints | None:
    if lower in TYPE_WORDS and TYPE_WORDS[lower] is not FieldType.ENUM:
        return replace(hints, type=TYPE_WORDS[lower])
    if lower in ("enum", "choice", "select"):
        return hints
    if match := re.fullmatch(r"(?:string|varchar|char|text)\s*\(?(\d+)\)?", lower):
        return replace(hints, type=FieldType.STRING, max_length=_length(match[1]))
    changed = hints
    if re.search(r"\b(?:required|mandatory|not null|non-null)\b", lower):
        changed = replace(changed, required=True)
    if re.search(r"\b(?:optional|nullable|if any|may be empty|where known)\b", lower):
        changed = replace(changed, required=False)
    if re.search(r"\bunique\b", lower):
        changed = replace(changed, unique=True)
    if re.search(r"\b(?:read[- ]only|computed|calculated|automatic|auto)\b", lower):
        changed = replace(changed, read_only=True)
    textual = "char" in lower or "length" in lower or "letters" in lower
    if match := _RANGE.match(lower):
        low, high = _number(match[1]), _number(match[2])
        if low is not None and high is not None and low <= high:
            changed = (
                replace(changed, min_length=_length(match[1]), max_length=_length(match[2]))
                if textual
                else replace(changed, minimum=low, maximum=high)
            )
    if match := _MAX.search(lower):
        changed = (
            replace(changed, max_length=_length(match[1]))
            if textual
            else replace(changed, maximum=_number(match[1]))
        )
    if match := _MIN.search(lower):
        changed = (
            replace(changed, min_length=_length(match[1]))
            if textual
            else replace(changed, minimum=_number(match[1]))
        )
    if match := _ABOVE.search(lower):
        low = _number(match[1] or match[2] or ("1" if match.group().startswith("positive") else "0"))
        changed = replace(changed, minimum=low)
    if match := _DEFAULT.search(lower):
        value = state_name(match[1].strip())
        changed = (
            replace(changed, default={"true": True, "false": False}.get(match[1].strip(), value))
            if value
            else changed
        )
    if re.search(r"\b(?:foreign key|fk|primary key|pk|auto[- ]?increment)\b", lower):
        return changed
    for word, kind in TYPE_WORDS.items():
        if (
            re.search(rf"\b{re.escape(word)}\b", lower)
            and kind is not FieldType.ENUM
            and changed is not hints
            and hints.type is None
        ):
            return (
                replace(changed, type=kind)
                if word not in ("number", "list", "text", "time", "date")
                else changed
            )
    return changed if changed is not hints else None


def choices_of(text: str) -> tuple[str, ...]:
    """Names of the values that a text lists: `low, medium or high`, `["A", "B"]`, `a/b/c`."""
    text = re.sub(r"[\[\](){}\"'`*]", "", text)
    return _names(re.split(r"[,/|]|\s+(?:or|and)\s+|\n", text))


def _names(pieces: list[str]) -> tuple[str, ...]:
    names: list[str] = []
    for piece in pieces:
        value = re.sub(r"\A\s*(?:and|or|either|e\.g\.|i\.e\.)\s+", "", piece.strip(), flags=re.IGNORECASE)
        value = re.sub(r"\A(?:an?|the)\s+", "", value)
        name = state_name(value.strip(" .'\"")) if value.strip() else None
        if name and name not in names and len(name) <= 40 and name not in ("etc", "more", "others"):
            names.append(name)
    return tuple(names)


def _number(text: str) -> Decimal | None:
    try:
        value = Decimal(text)
    except InvalidOperation:
        return None
    return value if value <= Decimal("1e12") else None


def _length(text: str) -> int | None:
    value = _number(text)
    return int(value) if value is not None and 1 <= value <= 100_000 else None
