"""Doings that leave a record: who borrows books makes loans, who votes makes votes."""

from __future__ import annotations

from functools import lru_cache

from qlf.brief.facts import DeedFact, Facts, Mention, RelationFact
from qlf.brief.grammar.phrases import Chunk, chunks, of_target
from qlf.brief.grammar.roles import is_person
from qlf.brief.grammar.tags import Tag
from qlf.brief.lexicon import is_known
from qlf.brief.tokens import Brief
from qlf.brief.wordlists import word_list
from qlf.core.words import singular

__all__ = ["find_records"]

_SURE = 1.0
_LIKELY = 0.7
_BETWEEN = (Tag.DET, Tag.ADJ, Tag.NUMBER, Tag.ADV)
_LINKS = ("for", "on", "to", "in", "at", "up", "out", "into")


@lru_cache(maxsize=1)
def _records() -> dict[str, str]:
    """Verb -> noun of what it leaves."""
    return dict(pair.split(":") for pair in word_list("leaves"))


def find_records(brief: Brief, facts: Facts) -> None:
    """Add what is done to what, and the records that it leaves."""
    for sentence in brief.sentences:
        items = chunks(sentence)
        for index, item in enumerate(items):
            if item.tag is Tag.VERB:
                facts.verbs.add(item.span[0])
            if item.tag not in (Tag.VERB, Tag.GERUND) or not item.base or facts.is_negated(item.span):
                continue
            for target in _targets(items, index):
                facts.deeds.append(DeedFact(item.base, target.name, (item.span[0], target.span[1])))
                _leave(item, target, items, index, facts)


def _leave(item: Chunk, target: Chunk, items: list[Chunk], index: int, facts: Facts) -> None:
    noun = _records().get(item.base)
    thing = singular(target.name)
    if noun is None:
        return
    if noun == "booking" and thing.rpartition("_")[2] in ("slot", "time", "date"):
        # Time is what is booked; it is no thing that the booking could be linked to.
        span = (item.span[0], target.span[1])
        facts.mentions.append(Mention(noun, span, _SURE, f"somebody can {item.base} {target.lower}"))
        return
    if thing.rpartition("_")[2] in word_list("noise") | word_list("bookings"):
        return
    if is_person(thing) and item.base not in ("book", "rate", "hire", "follow", "rent"):
        return
    if is_known(thing) and not target.plural:
        return
    span = (item.span[0], target.span[1])
    weight = _SURE if item.base in word_list("leaves_surely") else _LIKELY
    facts.mentions.append(Mention(noun, span, weight, f"somebody can {item.base} {target.lower}"))
    facts.relations.append(RelationFact(noun, thing, span, strong=False))
    actor = next(
        (singular(other.name) for other in reversed(items[:index]) if other.tag is Tag.NOUN and other.name),
        "",
    )
    if actor != thing and is_person(actor):
        facts.relations.append(RelationFact(noun, actor, span, strong=False))


def _targets(items: list[Chunk], index: int) -> list[Chunk]:
    """The objects of a verb: the noun phrases that follow it, joined by commas and `and`."""
    found: list[Chunk] = []
    step = index + 1
    if step < len(items) and items[step].tag is Tag.PREP and items[step].lower in _LINKS:
        step += 1
    while (
        step + 1 < len(items)
        and items[step].lower in ("/", ",", "and", "or")
        and items[step + 1].tag is Tag.VERB
    ):
        # "rent and return tools": both verbs have the same object.
        step += 2
    while step < len(items) and len(found) < 5:
        item = items[step]
        if item.tag is Tag.NOUN:
            target = items[of_target(items, step)]
            if target.name and not target.topic:
                found.append(target)
            step = items.index(target, step) + 1
            continue
        if item.tag in _BETWEEN or (found and item.lower in (",", "and", "or", "/")):
            step += 1
            continue
        break
    return found
