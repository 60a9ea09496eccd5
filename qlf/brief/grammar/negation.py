"""What the brief says it does not want: `without payments`, `no login`, `does not support refunds`."""

from __future__ import annotations

import re

from qlf.brief.facts import Facts
from qlf.brief.tokens import Brief

__all__ = ["find_negations", "negated_spans"]

# "no two", "no more than" and "not null" state rules; "not only" adds something.
_CUE = re.compile(
    r"\b(?:no need (?:for|to have)|no need to|no (?!two\b|more\b|fewer\b|less\b|later\b|"
    r"longer\b|earlier\b|one\b|matter\b|doubt\b)|"
    r"without(?! (?:losing|having to|exceeding|delay))|excluding|except(?: for)?|out of scope:?|"
    r"(?:do|does|did|is|are|need|needs|will|should|must)(?: not|n't) "
    r"(?:need(?: to)?|require|support|include|want|use|have(?: to)?|store|keep|handle|"
    r"contain|provide|a |an |be (?:required|needed|included)|"
    r"(?:required|needed|necessary|included|supported)\b)|"
    r"(?:never|not) (?:store|keep|save|need|required|needed|hipaa|pci|gdpr|soc|iso)|not "
    r"(?:a|an|covered by|subject to)\b|non-(?=hipaa|pci|gdpr)|"
    r"rather than|instead of)",
    re.IGNORECASE,
)
_END = re.compile(
    (
        r"[.;:!?\n]|,(?!\s*(?:nor|or)\b)|\b(?:but|however|though|although|just|only|because|"
        r"since|so|yet|we (?:do|will|want))\b"
    ),
    re.IGNORECASE,
)
_AFTER = re.compile(
    (
        r"\b([\w-]+(?: [\w-]+){0,2}) (?:is|are|will be) (?:not (?:needed|required|necessary|"
        r"part of|included|in scope)|out of scope)"
    ),
    re.IGNORECASE,
)


def find_negations(brief: Brief, facts: Facts) -> None:
    """Add the places that the brief excludes."""
    facts.negated.extend(negated_spans(brief.text))


def negated_spans(text: str) -> list[tuple[int, int]]:
    """Start and end of each excluded place, with the word that excludes it."""
    spans: list[tuple[int, int]] = []
    for match in _CUE.finditer(text):
        rest = text[match.end() : match.end() + 240]
        stop = _END.search(rest)
        end = stop.start() if stop else len(rest)
        if match.group().lower().startswith("out of scope"):
            # A list of what is left out goes on to the end of its sentence.
            whole = re.search(r"[.!?\n]", rest)
            end = whole.start() if whole else len(rest)
        if match.group().lower().startswith(("no ", "without")):
            end = max(end, _listed(rest))
        spans.append((match.start(), match.end() + end))
    spans.extend(match.span() for match in _AFTER.finditer(text))
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _listed(rest: str) -> int:
    """The end of a list such as `login, payments or refunds` that goes on behind commas, else 0."""
    stop = re.search(r"[.;:!?\n]", rest)
    text = rest[: stop.start()] if stop else rest
    end = 0
    place = 0
    for piece in text.split(","):
        words = re.findall(r"[\w-]+", piece)
        if not 1 <= len(words) <= 4 and not {"or", "nor"} & {word.lower() for word in words}:
            break
        if {"or", "nor"} & {word.lower() for word in words[:3]}:
            joined = re.match(r"\s*(?:[\w-]+ ){0,2}n?or [\w-]+(?: [\w-]+)?", piece, re.IGNORECASE)
            end = place + (joined.end() if joined else len(piece))
            break
        place += len(piece) + 1
    return end
