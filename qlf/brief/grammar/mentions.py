"""Nouns that the brief treats as things to keep: objects of verbs, `X management`, paths of endpoints."""

from __future__ import annotations

import re
from bisect import bisect_right

from qlf.brief.facts import Facts, Mention, Span
from qlf.brief.grammar.phrases import Chunk, chunks, of_target
from qlf.brief.grammar.tags import Tag
from qlf.brief.lexicon import is_known
from qlf.brief.naming import entity_name
from qlf.brief.tokens import Brief, Sentence
from qlf.brief.wordlists import word_list

__all__ = ["TOPIC", "find_mentions"]

TOPIC = "what the application is about"

_ENDPOINT = re.compile(r"(?<![\w.])/(?:api/)?(?:v\d+/)?([a-z][a-z_-]{2,30})(?=[/\s`\"'?.,;:)]|\Z)")


def find_mentions(brief: Brief, facts: Facts) -> None:
    """Add every noun phrase with the weight of its surroundings."""
    listed = sorted(fact.span for fact in facts.fields)
    for sentence in brief.sentences:
        items = chunks(sentence)
        weights = _weights(items)
        for index, item in enumerate(items):
            if item.tag is not Tag.NOUN or not item.name or facts.is_negated(item.span):
                continue
            weight, why = weights.get(index, (0.3 if item.plural else 0.25, "named"))
            if item.topic:
                # "barber shop management website" names the application; a domain may still know the noun.
                weight, why = min(weight, 0.4), TOPIC
            elif item.light == "management" or _is_management(items, index):
                weight, why = max((weight, why), (1.0, "named as something to manage"))
            if item.light in (
                "log",
                "logs",
                "list",
                "lists",
                "database",
                "catalog",
                "catalogue",
                "collection",
            ):
                # "a beehive log" names the application as often as a thing in it.
                weight = min(weight, 0.9)
            if item.lower in word_list("noise") or item.head in word_list("noise"):
                weight = min(weight, 0.25)
            elif is_known(item.name) and not item.plural:
                # A word like "price" is a field of something unless a domain knows better.
                weight = min(weight, 0.25)
            if _is_business(items, index):
                # "We run a car wash": who asks for the application is not kept in it.
                weight, why = 0.2, "who asks for it"
            if weight <= 0.3 and _in_brackets(sentence, item):
                # "types (concerts, films)": examples are values, not things to keep.
                weight = min(weight, 0.28)
            if not item.plural and _within(item.span, listed):
                # "an event with date and venue": a venue is kept only if something else speaks of it.
                weight, why = 0.2, "member of a field list"
            facts.mentions.append(Mention(item.name, item.span, weight, why, item.plural))
        _things(sentence, items, facts)
        _endpoints(sentence, facts)


def _things(sentence: Sentence, items: list[Chunk], facts: Facts) -> None:
    """`A chess club: members, games, tournaments`: a list of three, most of them many, is what is kept."""
    listed = sorted(fact.span for fact in facts.fields)
    run: list[Chunk] = []
    start = 0
    for index, item in enumerate([*items, None]):
        if item is not None and item.tag is Tag.NOUN:
            run.append(item)
            start = start if len(run) > 1 else index
            continue
        if item is not None and item.lower in (",", "and", "&") and run:
            continue
        if item is not None and item.tag in (Tag.DET, Tag.NUMBER, Tag.ADJ) and not run:
            continue
        if len(run) >= 3 and _opens_list(items, start) and sum(one.plural for one in run) * 3 >= len(run) * 2:
            for one in run:
                name = one.name
                noise = one.lower in word_list("noise") or one.head in word_list("noise")
                if (
                    not name
                    or not one.plural
                    or (noise and name not in word_list("listable"))
                    or facts.is_negated(one.span)
                    or _within(one.span, listed)
                    or _in_brackets(sentence, one)
                ):
                    continue
                facts.mentions.append(Mention(name, one.span, 1.0, _LISTED, plural=True))
        run = []


_LISTED = "one of the things in a list"


def _opens_list(items: list[Chunk], start: int) -> bool:
    """Whether a list stands by itself: at the start, after a colon, or after words such as `keep`."""
    step = start - 1
    while step >= 0 and items[step].tag in (Tag.DET, Tag.NUMBER, Tag.ADJ, Tag.ADV):
        step -= 1
    if step < 0 or items[step].lower in (":", "-", "\u2013", "\u2014"):
        return True
    return (
        items[step].base in word_list("keep_verbs") | word_list("create_verbs")
        and items[step].tag
        in (
            Tag.VERB,
            Tag.GERUND,
        )
    ) or items[step].lower in ("with", "for", "of", "has", "have", "including", "includes")


def _is_business(items: list[Chunk], index: int) -> bool:
    before = [item.lower for item in items[max(0, index - 3) : index]]
    return (
        len(before) >= 2
        and before[-1] in ("a", "an", "our", "the", "my")
        and before[-2] in ("run", "operate", "own", "are", "have", "am")
        and (len(before) < 3 or before[-3] in ("we", "i"))
    )


def _in_brackets(sentence: Sentence, item: Chunk) -> bool:
    before = sentence.text[: item.span[0] - sentence.start]
    return before.count("(") > before.count(")")


def _within(span: Span, places: list[Span]) -> bool:
    place = bisect_right(places, (span[0], 1 << 60)) - 1
    return place >= 0 and places[place][0] <= span[0] and span[1] <= places[place][1]


def _is_management(items: list[Chunk], index: int) -> bool:
    return (
        index >= 2
        and items[index - 1].lower == "of"
        and items[index - 2].head in ("management", "administration", "registration", "tracking")
    )


def _weights(items: list[Chunk]) -> dict[int, tuple[float, str]]:
    """Weights for the objects of verbs, also those joined by commas and `and`."""
    weights: dict[int, tuple[float, str]] = {}
    active: tuple[float, str] | None = None
    fresh = False
    for index, item in enumerate(items):
        if item.tag in (Tag.VERB, Tag.GERUND, Tag.PARTICIPLE) and item.base:
            if item.tag is Tag.PARTICIPLE and (index == 0 or items[index - 1].tag is not Tag.AUX):
                continue
            active, fresh = _weight(item.base), True
        elif item.tag is Tag.NOUN and active is not None:
            target = of_target(items, index)
            weights[target] = max(weights.get(target, (0.0, "")), active)
            fresh = False
        elif item.tag in (Tag.PREP, Tag.MODAL, Tag.PRON, Tag.AUX) or (
            item.tag is Tag.SIGN and item.lower not in (",", "/", '"', "'", "`", "*")
        ):
            if not (item.lower in ("of", "on", "for", "about") and not fresh):
                active = None
        elif item.tag is Tag.CONJ and item.lower not in ("and", "or", "&", "plus"):
            active = None
    return weights


def _weight(base: str) -> tuple[float, str]:
    if base in word_list("create_verbs") or base in word_list("keep_verbs"):
        return 1.0, f"somebody can {base} it"
    if base in word_list("see_verbs"):
        return 0.5, f"somebody can {base} it"
    return 0.6, f"somebody can {base} it"


def _endpoints(sentence: Sentence, facts: Facts) -> None:
    for match in _ENDPOINT.finditer(sentence.text):
        segment = match[1].replace("-", "_")
        name = entity_name(segment)
        if name and segment not in word_list("skip_path") and segment.endswith("s"):
            span = (sentence.start + match.start(), sentence.start + match.end())
            facts.mentions.append(Mention(name, span, 1.0, "has an endpoint", plural=True))
