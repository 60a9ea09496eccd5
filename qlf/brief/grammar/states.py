"""Lives of things: `status (open, closed)`, `A -> B -> C`, `can be pending, approved or rejected`."""

from __future__ import annotations

import re
from itertools import pairwise

from qlf.brief.facts import Facts, StateFact
from qlf.brief.grammar.items import choices_of
from qlf.brief.grammar.phrases import chunks
from qlf.brief.grammar.tags import Tag
from qlf.brief.naming import field_name, state_name
from qlf.brief.tokens import Brief, Sentence
from qlf.brief.wordlists import word_list

__all__ = ["find_states"]

_CHAIN = re.compile(r"[A-Za-z][\w' -]{1,30}?(?:\s*(?:->|→|=>|➔|>)\s*[A-Za-z][\w' -]{1,30}){1,10}")
_VALUES = re.compile(
    r"\b(?P<field>status(?:es)?|states?|stages?|phases?|priority|priorities|severity|"
    r"category|categories|type|types|condition|level)\b"
    r"(?:\s+(?:of|for)\s+(?:an? |the |each )?[\w ]{2,30}?)?\s*"
    r"(?:(?:should|can|may|must|will)\s+be|is|are|as|of|include[s]?|such as|from|either|"
    r"one of|:|=|\()+\s*(?:either|one of|any of|the following|following|:|-)*\s*"
    r"(?P<list>[\[({]?\s*[\"']?[A-Za-z][\w '\"-]*(?:\s*(?:,|/|\||\bor\b|\band\b)\s*(?:or |"
    r"and )?[\"']?[A-Za-z][\w '\"-]*){1,9})",
    re.IGNORECASE,
)
_CAN_BE = re.compile(
    (
        r"\b(?:can|may|must|should|is|are)\s+(?:be\s+)?(?:marked as |either |set to "
        r")?(?P<list>[a-z][a-z-]+(?:\s*,\s*[a-z][a-z -]+){1,8}\s*,?\s+or\s+[a-z][a-z -]+)"
    ),
    re.IGNORECASE,
)


def find_states(brief: Brief, facts: Facts) -> None:
    """Add chains of states and named lists of values."""
    for sentence in brief.sentences:
        if _chains(sentence, facts) or _from_to(sentence, facts):
            continue
        _bracketed(sentence, facts)
        for match in _VALUES.finditer(sentence.text):
            name = field_name(
                {
                    "statuses": "status",
                    "states": "state",
                    "stages": "stage",
                    "phases": "phase",
                    "priorities": "priority",
                    "categories": "category",
                    "types": "type",
                }.get(match["field"].lower(), match["field"].lower())
            )
            values = [value for value in choices_of(match["list"]) if len(value.split("_")) <= 3]
            if (
                name
                and len(values) >= 2
                and not any(
                    re.search(r"\A(?:a|an|the)\b|\b(?:can|must|is)\b", value.replace("_", " "))
                    for value in values
                )
            ):
                place = sentence.start + match.start("field")
                facts.states.append(
                    StateFact(
                        _listed_owner(facts, place) or _owner(sentence, place, match.group()),
                        name,
                        tuple(values),
                        (place, sentence.start + match.end()),
                    )
                )
        for match in _CAN_BE.finditer(sentence.text):
            values = list(choices_of(match["list"]))
            nouns = [
                item
                for item in chunks(sentence)
                if item.tag is Tag.NOUN and item.span[1] <= sentence.start + match.start()
            ]
            if nouns and len(values) >= 3 and all(_state_like(value) for value in values):
                facts.states.append(
                    StateFact(
                        nouns[-1].name,
                        "status",
                        tuple(values),
                        (sentence.start + match.start(), sentence.start + match.end()),
                    )
                )


_STATE = r"[a-z][a-z-]*(?: (?!to\b|then\b|and\b)[a-z-]+)?"
_FROM_TO = re.compile(rf"\bfrom (?P<list>{_STATE}(?:,? (?:then )?to {_STATE}){{2,8}})", re.IGNORECASE)
_BRACKETS = re.compile(
    r"(?P<noun>[A-Za-z][\w-]+)\s*\((?P<list>[a-z][a-z -]+(?:\s*[,/|]\s*[a-z][a-z -]+){1,8})\)", re.IGNORECASE
)


def _from_to(sentence: Sentence, facts: Facts) -> bool:
    """`goes from planned to brewing to bottled`: three states or more, each a step from the one before."""
    match = _FROM_TO.search(sentence.text)
    if match is None:
        return False
    pieces = re.split(r",? (?:then )?(?:on )?to ", match["list"], flags=re.IGNORECASE)
    states = tuple(dict.fromkeys(name for name in map(state_name, pieces) if name))
    nouns = [
        item
        for item in chunks(sentence)
        if item.tag is Tag.NOUN and item.name and item.span[1] <= sentence.start + match.start()
    ]
    if len(states) < 3 or not nouns:
        return False
    span = (sentence.start + match.start(), sentence.start + match.end())
    facts.states.append(StateFact(nouns[0].name, "status", states, span, tuple(pairwise(states))))
    return True


def _bracketed(sentence: Sentence, facts: Facts) -> None:
    """`issues (open, in progress, closed)`: what stands beside a thing are the states it goes through."""
    for match in _BRACKETS.finditer(sentence.text):
        values = choices_of(match["list"])
        likely = sum(_state_like(value) for value in values)
        if len(values) < 3 or likely * 2 < len(values):
            continue
        place = sentence.start + match.start("noun")
        owner = next(
            (
                item
                for item in chunks(sentence)
                if item.tag is Tag.NOUN and item.span[0] <= place < item.span[1]
            ),
            None,
        )
        if owner is not None and owner.name and owner.name not in word_list("state_fields"):
            span = (place, sentence.start + match.end())
            facts.states.append(StateFact(owner.name, "status", tuple(values), span))


def _listed_owner(facts: Facts, place: int) -> str | None:
    """The thing in whose field list a named list of values stands."""
    return next((fact.owner for fact in facts.fields if fact.span[0] <= place < fact.span[1]), None)


def _state_like(value: str) -> bool:
    return value.endswith("ed") or value in (
        "open",
        "closed",
        "pending",
        "active",
        "inactive",
        "new",
        "in_progress",
        "done",
        "paid",
        "unpaid",
        "available",
        "sold",
        "lost",
        "won",
        "draft",
        "overdue",
        "ready",
        "sent",
    )


def _owner(sentence: Sentence, place: int, matched: str) -> str | None:
    of = re.match(
        r"\w+\s+(?:of|for)\s+(?:an? |the |each )?(.+?)\s+(?:should|can|may|must|is|are|:)",
        matched,
        re.IGNORECASE,
    )
    items = [item for item in chunks(sentence) if item.tag is Tag.NOUN and item.name]
    if of:
        start = place + of.start(1)
        inside = [item for item in items if start <= item.span[0] < place + of.end(1)]
        if inside:
            return inside[-1].name
    before = [item for item in items if item.span[1] <= place and item.lower not in word_list("state_fields")]
    for item in items:
        # "order status" is one phrase; its first words are the owner.
        if item.span[0] < place <= item.span[1] and item.name not in word_list("state_fields"):
            return item.name
    return before[0].name if before else None


def _chains(sentence: Sentence, facts: Facts) -> bool:
    found = False
    steps: list[tuple[str, str]] = []
    states: list[str] = []
    first = last = 0
    for part in re.finditer(r"[^;,\n]+", sentence.text):
        match = _CHAIN.search(part.group())
        if not match or not re.search(r"->|→|=>|➔|\w\s>\s\w", match.group()):
            continue
        text = match.group()
        lead = text.rpartition(":")[2] if ":" in text else text
        names = [state_name(piece.strip()) for piece in re.split(r"->|→|=>|➔|>", lead)]
        valid = [name for name in names if name and len(name.split("_")) <= 3]
        if len(valid) < 2:
            continue
        if not found:
            first = sentence.start + part.start() + match.start()
        found = True
        last = sentence.start + part.start() + match.end()
        steps.extend(pair for pair in pairwise(valid) if pair not in steps)
        states.extend(name for name in dict.fromkeys(valid) if name not in states)
    if found and len(states) >= 2:
        nouns = [
            item
            for item in chunks(sentence)
            if item.tag is Tag.NOUN and item.name and item.span[1] <= first + 1
        ]
        names = [
            item.name
            for item in nouns
            if item.name not in word_list("state_fields") and item.name not in states
        ]
        facts.states.append(
            StateFact(names[0] if names else None, "status", tuple(states), (first, last), tuple(steps))
        )
    return found
