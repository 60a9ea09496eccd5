"""Rules in sentences: unique, bounds, capacity, no overlap, order of dates, approval, others."""

from __future__ import annotations

import re
from decimal import Decimal

from qlf.brief.facts import Facts, OtherRuleFact, RelationFact, RoleFact, RuleFact
from qlf.brief.grammar.phrases import chunks, clean_phrase
from qlf.brief.grammar.roles import role_name
from qlf.brief.grammar.tags import Tag
from qlf.brief.naming import entity_name
from qlf.brief.tokens import Brief, Sentence
from qlf.core.words import singular

__all__ = ["amount", "find_rules"]

_NUMBER = r"(?P<number>\d[\d,.]*\s?[kKmM]?\b|one|two|three|four|five|six|seven|eight|nine|ten|twelve)"
_WORDS = {
    "one": 1,
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "six": 6,
    "seven": 7,
    "eight": 8,
    "nine": 9,
    "ten": 10,
    "twelve": 12,
}
_NP = r"[A-Za-z][\w' -]{1,60}?"
_PATTERNS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(pattern, re.IGNORECASE))
    for kind, pattern in (
        (
            "approval",
            (
                rf"(?P<entity>{_NP})\s+(?:with an? \w+ )?(?:above|over|greater than|more than|"
                rf"exceeding|higher than)\s+(?:[$€£]|usd |eur |gbp )?{_NUMBER}\s*(?:[$€£%]|usd|eur|"
                rf"dollars|euros?|pounds)?\s+(?:must be |needs? to be |are |is |have to be |"
                rf"require[s]? |needs? |need )+(?:an? |the )?(?:approv\w+|sign[- ]?off|"
                rf"authori[sz]\w+)(?:\s+(?:by|of|from)\s+(?:an? |the )?(?P<role>[A-Za-z][\w "
                rf"-]{{1,30}}?))?(?=[,.;]|\Z|\s+(?:before|and|to)\b)"
            ),
        ),
        (
            "no_overlap",
            (
                r"\b(?:no overlap\w*|(?:must|can|may|should|do|shall) ?not overlap|can't overlap|"
                r"cannot overlap|never overlap|no double[- ]?book\w*|double[- ]?book\w*|can(?:not|'t| "
                r"not) be (?:booked|rented|reserved|lent|hired) (?:twice|by two)|no two (?:bookings|"
                r"appointments|reservations|rentals)|prevent\w* (?:double|overlapping)|overlapping "
                r"(?:bookings|appointments|reservations|rentals))"
            ),
        ),
        (
            "ordered",
            (
                rf"(?P<last>{_NP})\s+(?:must|should|has to|needs to|cannot|can not|may not|must not|"
                rf"can't)\s+(?:be\s+|come\s+)?(?P<word>after|later than|on or after|before|earlier "
                rf"than|greater than|precede)\s+(?:the\s+|its\s+)?(?P<first>{_NP})(?=[,.;]|\Z|"
                rf"\s+(?:and|or)\b)"
            ),
        ),
        (
            "capacity",
            (
                rf"(?P<parent>{_NP})\s+(?:can|may|must|is allowed to|are allowed to|has|have|holds?|"
                rf"takes?)\s+(?:only\s+|not\s+)?(?:(?P<verb>\w+)\s+)?(?:at most|up to|a maximum of|maximum|"
                rf"max\.?|no more than|more than|not more than|only)\s+{_NUMBER}\s+"
                rf"(?P<child>[A-Za-z][\w-]*(?: "
                rf"[a-z]\w+)?)"
            ),
        ),
        (
            "capacity",
            (
                rf"\b(?P<parent>[A-Za-z][\w-]*)\s+of\s+(?:at most|up to|no more than)\s+{_NUMBER}\s+"
                rf"(?P<child>[A-Za-z][\w-]*)"
            ),
        ),
        (
            "capacity",
            (
                rf"\b(?:each|every|an?|one)\s+(?P<parent>[A-Za-z][\w-]*(?: [a-z]+)?)\s+(?:has|have|can have|"
                rf"holds?|takes?)\b[^.;:]{{0,80}}?\b(?:at most|up to|no more than|a maximum of)\s+"
                rf"{_NUMBER}\s+(?P<child>[A-Za-z][\w-]*(?: [a-z]\w+)?)"
            ),
        ),
        (
            "capacity",
            (
                rf"\b(?:at most|up to|maximum(?: of)?|max\.?(?: of)?|no more than|limit "
                rf"of)\s+{_NUMBER}\s+(?P<child>[A-Za-z][\w-]*(?: [a-z]\w+)?)\s+(?:per|for each|for "
                rf"every|for an?)\s+(?P<parent>[A-Za-z][\w-]*(?: [a-z]\w+)?)"
            ),
        ),
        (
            "capacity",
            (
                rf"\b(?:maximum|max\.?) (?:number|amount) of (?P<child>[A-Za-z][\w -]{{1,30}}?) (?:per|"
                rf"for each|for a|a|that a|loaned to a) (?P<parent>[A-Za-z]\w+)(?: can \w+)?(?: is| =|"
                rf":)? {_NUMBER}"
            ),
        ),
        (
            "unique_together",
            (
                rf"\b(?:only )?(?:one|a single) (?P<child>{_NP}) per (?P<first>[A-Za-z][\w-]*(?: "
                rf"[a-z]\w+)??)(?: and| per) (?P<second>[A-Za-z][\w-]*(?: [a-z]\w+)?)(?=[,.;]|\Z)"
            ),
        ),
        (
            "unique_in",
            (
                rf"(?P<field>{_NP})\s+(?:must be|is|are|should be|has to be)\s+unique (?:within|per|"
                rf"for each|in) (?:an? |the |each |every )?(?P<parent>[A-Za-z][\w-]*(?: [a-z]\w+)?)"
            ),
        ),
        (
            "unique",
            (
                rf"(?P<field>{_NP})\s+(?:must be|is|are|should be|has to be|have to be|needs to "
                rf"be)\s+unique\b"
            ),
        ),
        (
            "unique",
            (
                r"\bno two (?P<entity>[a-z][\w ]{1,30}?) (?:may|can|should|must|with)?\s*(?:have|"
                r"share|with)?\s*the same (?P<field>[a-z][\w -]{1,30}?)(?=[,.;]|\Z)"
            ),
        ),
        (
            "bounds",
            (
                rf"(?P<field>{_NP})\s+(?:must|should|has to|have to|needs to|is|are|can(?:not| not)|"
                rf"may not|must not|should not)\s*(?:not )?(?:be |always be )?(?P<word>>=|<=|>|<|at "
                rf"least|at most|no more than|no less than|non-?negative|positive|between|exceed|"
                rf"greater than or equal to|greater than|less than or equal to|less than|more than|"
                rf"above|below|negative|from|not exceed)\s*(?:[$€£])?(?P<a>-?\d[\d,.]*)?(?:\s*(?:and|"
                rf"to|-|\u2013)\s*(?P<b>\d[\d,.]*))?"
            ),
        ),
    )
)
_OTHER = re.compile(
    (
        r"\b(?:must(?: not)?|cannot|can't|can only|may only|only (?:if|when|after|once|"
        r"allowed)|should not|not allowed|at least \d|within \d+ (?:hours?|days?|minutes?)|"
        r"\d+ (?:hours?|days?) (?:before|after|in advance)|automatically|until|unless)\b"
    ),
    re.IGNORECASE,
)


def amount(text: str) -> Decimal | None:
    """The number that a text means: `5k`, `1,000.50`, `three`."""
    text = text.strip().lower()
    if text in _WORDS:
        return Decimal(_WORDS[text])
    match = re.fullmatch(r"(-?\d[\d,]*(?:\.\d+)?)[,.]*\s?([km]?)", text)
    if not match or len(match[1]) > 14:
        return None
    value = Decimal(match[1].replace(",", "")) * {"k": 1000, "m": 1_000_000}.get(match[2], 1)
    return value if abs(value) <= Decimal("1e12") else None


def find_rules(brief: Brief, facts: Facts) -> None:
    """Add every rule of a known kind, and the sentences that state another one."""
    for sentence in brief.sentences:
        if len(sentence.text) > 2_000:
            continue
        if not _known(sentence, facts):
            _other(sentence, facts)


def _known(sentence: Sentence, facts: Facts) -> bool:
    found = False
    taken: list[tuple[int, int]] = []
    for kind, pattern in _PATTERNS:
        for match in pattern.finditer(sentence.text):
            if any(match.start() < end and start < match.end() for start, end in taken):
                continue
            if kind == "bounds" and not (
                match["a"] or re.search("negative|positive", match["word"], re.IGNORECASE)
            ):
                continue
            taken.append(match.span())
            arguments = tuple((key, value) for key, value in match.groupdict().items() if value)
            if kind == "bounds" and re.search(r"\b(?:cannot|can not|not)\b", match.group(), re.IGNORECASE):
                arguments += (("not", "yes"),)
            if kind == "ordered" and re.search(r"\b(?:cannot|not|can't)\b", match.group(), re.IGNORECASE):
                arguments += (("not", "yes"),)
            span = (sentence.start + match.start(), sentence.start + match.end())
            if kind == "approval" and match["role"] and (approver := role_name(match["role"])):
                facts.roles.append(RoleFact(singular(approver), span, "approves", listed=True))
            if kind == "capacity" and re.search(
                r"\b(?:has|have|holds?|takes?|of (?:at most|up to|no more))\b", match.group(), re.IGNORECASE
            ):
                # "each camp has at most 25 tents" links the two as well.
                ends = [entity_name(clean_phrase(match[key]).split()[-1]) for key in ("child", "parent")]
                if ends[0] and ends[1] and ends[0] != ends[1]:
                    facts.relations.append(RelationFact(ends[0], ends[1], span))
            facts.rules.append(RuleFact(kind, span, " ".join(sentence.text.split())[:400], arguments))
            found = True
    return found


def _other(sentence: Sentence, facts: Facts) -> None:
    match = _OTHER.search(sentence.text)
    if (
        not match
        or len(sentence.text) > 400
        or facts.is_negated((sentence.start + match.start(), sentence.start + match.end()))
    ):
        return
    nouns = tuple(item.name for item in chunks(sentence) if item.tag is Tag.NOUN and item.name)
    if nouns:
        facts.others.append(
            OtherRuleFact(" ".join(sentence.text.split()), (sentence.start, sentence.end), nouns)
        )
