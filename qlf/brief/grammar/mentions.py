"""Nouns that the brief treats as things to keep: objects of verbs, `X management`, paths of endpoints."""

from __future__ import annotations

import re

from qlf.brief.facts import Facts, Mention
from qlf.brief.grammar.phrases import Chunk, chunks, of_target
from qlf.brief.grammar.tags import Tag
from qlf.brief.lexicon import is_known
from qlf.brief.naming import entity_name
from qlf.brief.tokens import Brief, Sentence
from qlf.brief.wordlists import word_list

__all__ = ["find_mentions"]

_ENDPOINT = re.compile(r"(?<![\w.])/(?:api/)?(?:v\d+/)?([a-z][a-z_-]{2,30})(?=[/\s`\"'?.,;:)]|\Z)")


def find_mentions(brief: Brief, facts: Facts) -> None:
    """Add every noun phrase with the weight of its surroundings."""
    for sentence in brief.sentences:
        items = chunks(sentence)
        weights = _weights(items)
        for index, item in enumerate(items):
            if item.tag is not Tag.NOUN or not item.name or facts.is_negated(item.span):
                continue
            weight, why = weights.get(index, (0.3 if item.plural else 0.25, "named"))
            if item.topic:
                # "barber shop management website" names the application; a domain may still know the noun.
                weight, why = min(weight, 0.4), "what the application is about"
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
            facts.mentions.append(Mention(item.name, item.span, weight, why, item.plural))
        _endpoints(sentence, facts)


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
