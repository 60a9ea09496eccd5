"""Links between things: `belongs to`, `has many`, `each … one`, `of a`, possession by verbs."""

from __future__ import annotations

import re

from qlf.brief.facts import Facts, RelationFact
from qlf.brief.grammar.phrases import Chunk, chunks
from qlf.brief.grammar.tags import Tag
from qlf.brief.tokens import Brief, Sentence
from qlf.brief.wordlists import word_list
from qlf.core.spec import Cardinality
from qlf.core.words import singular

__all__ = ["find_relations"]

_UP = re.compile(
    r"\b(?:belongs? to|is (?:linked|tied|related|attached|connected|associated|assigned|"
    r"allocated) (?:to|with)|are (?:linked|tied|related|attached|"
    r"connected|associated|assigned|allocated|scoped|limited|restricted) (?:to|with)|refers? to|references?|"
    r"is made by|is placed by|is created by|is written by|is for|are for|is part of|are part of|"
    r"must (?:belong to|be linked to|be assigned to)|can be assigned to|is about|under)\b",
    re.IGNORECASE,
)
_MANY = re.compile(
    r"\b(?:has|have|can have|may have|contains?|can contain|includes?|holds?|consists? of|"
    r"owns?|can own|is made up of|are made up of)\s+"
    r"(?:one or more|zero or more|many|multiple|several|any number of|a list of|at least "
    r"one|more than one|a number of|their own|various)\b",
    re.IGNORECASE,
)
_BOTH = re.compile(
    r"\bmany[- ]to[- ]many\b(?:\s+(?:relationship|relation|link))?(?:\s+(?:between|of|with))?", re.IGNORECASE
)


def find_relations(brief: Brief, facts: Facts) -> None:
    """Add the links that the brief states, and weaker ones that its verbs suggest."""
    for sentence in brief.sentences:
        items = chunks(sentence)
        _upward(sentence, items, facts)
        _downward(sentence, items, facts)
        _many_to_many(sentence, items, facts)
        _when(items, facts)
    for act in facts.acts:
        if act.verb in word_list("gives"):
            facts.relations.append(RelationFact(act.target, act.role, act.span, strong=False))
        elif act.verb in word_list("works"):
            facts.relations.append(RelationFact(act.target, act.role, act.span, required=False, strong=False))


def _noun_before(items: list[Chunk], place: int) -> Chunk | None:
    before = [item for item in items if item.tag is Tag.NOUN and item.span[1] <= place]
    return before[-1] if before else None


def _nouns_after(items: list[Chunk], place: int) -> list[Chunk]:
    """The noun phrases of the list that starts at a place."""
    found: list[Chunk] = []
    for item in items:
        if item.span[0] < place:
            continue
        if item.tag is Tag.NOUN:
            found.append(item)
        elif item.tag in (Tag.DET, Tag.NUMBER, Tag.ADJ) or item.lower in (",", "and", "or", "/"):
            continue
        else:
            break
    return found


def _upward(sentence: Sentence, items: list[Chunk], facts: Facts) -> None:
    for match in _UP.finditer(sentence.text):
        if match.group().lower() == "under":
            continue
        child = _noun_before(items, sentence.start + match.start())
        parents = _nouns_after(items, sentence.start + match.end())
        if child is None or not child.name:
            continue
        both = (
            "many" in sentence.text[match.end() : match.end() + 16].lower()
            or "multiple" in sentence.text[match.end() : match.end() + 16].lower()
        )
        for parent in parents[:4]:
            if parent.name and parent.name != child.name:
                kind = Cardinality.MANY_TO_MANY if both and parent.plural else Cardinality.MANY_TO_ONE
                part = "part of" in match.group().lower()
                optional = re.search(
                    r"\b(?:may|can|optionally|might)\b",
                    sentence.text[max(0, match.start() - 14) : match.start() + 6],
                    re.IGNORECASE,
                )
                facts.relations.append(
                    RelationFact(
                        child.name,
                        parent.name,
                        (child.span[0], parent.span[1]),
                        kind,
                        required=not optional,
                        part_of=part,
                    )
                )


def _downward(sentence: Sentence, items: list[Chunk], facts: Facts) -> None:
    for match in _MANY.finditer(sentence.text):
        parent = _noun_before(items, sentence.start + match.start())
        if parent is None or not parent.name:
            continue
        back = re.search(
            r"\band (?:each|every|a|an)\b.+\b(?:many|multiple|several|more than one)\b",
            sentence.text[match.end() :],
            re.IGNORECASE,
        )
        for child in _nouns_after(items, sentence.start + match.end())[:5]:
            if child.name and child.name != parent.name:
                shared = child.head in word_list("shared") or singular(child.head) in word_list("shared")
                kind = Cardinality.MANY_TO_MANY if back or shared else Cardinality.MANY_TO_ONE
                facts.relations.append(
                    RelationFact(child.name, parent.name, (parent.span[0], child.span[1]), kind)
                )
            if back:
                break


def _many_to_many(sentence: Sentence, items: list[Chunk], facts: Facts) -> None:
    for match in _BOTH.finditer(sentence.text):
        nouns = [item for item in _nouns_after(items, sentence.start + match.end()) if item.name]
        if len(nouns) >= 2:
            facts.relations.append(
                RelationFact(
                    nouns[0].name,
                    nouns[1].name,
                    (nouns[0].span[0], nouns[1].span[1]),
                    Cardinality.MANY_TO_MANY,
                )
            )


def _when(items: list[Chunk], facts: Facts) -> None:
    """`When an item comes back, staff write a report`: what is written is about the item."""
    if not items or items[0].lower not in ("when", "whenever", "if", "once", "for"):
        return
    comma = next((index for index, item in enumerate(items) if item.lower == ","), None)
    if comma is None:
        return
    topics = [item for item in items[:comma] if item.tag is Tag.NOUN and item.name]
    verb = next(
        (
            index
            for index, item in enumerate(items[comma:], comma)
            if item.tag is Tag.VERB
            and item.base
            in ("write", "create", "make", "record", "add", "log", "file", "issue", "open", "submit", "enter")
        ),
        None,
    )
    if not topics or verb is None:
        return
    target = next((item for item in items[verb + 1 :] if item.tag is Tag.NOUN), None)
    if target is not None and target.name and target.name != topics[0].name:
        facts.relations.append(
            RelationFact(target.name, topics[0].name, (topics[0].span[0], target.span[1]), strong=False)
        )
