"""Finding the entities and fields that the phrases of a rule name."""

from __future__ import annotations

import re

from qlf.brief.choose import Vocabulary
from qlf.brief.draft import Draft
from qlf.brief.facts import RuleFact
from qlf.brief.grammar.phrases import clean_phrase
from qlf.brief.naming import entity_name, field_name
from qlf.core.spec import (
    Field,
    Origin,
)
from qlf.core.words import singular

__all__ = ["find_entity", "find_field", "subject_of"]


def find_entity(phrase: str, words: Vocabulary, draft: Draft) -> str | None:
    """The entity at the end of a phrase."""
    parts = clean_phrase(phrase).split()
    for length in (3, 2, 1):
        name = entity_name(" ".join(parts[-length:])) if parts[-length:] else None
        if name and words.resolve(name) in draft.entities:
            return words.resolve(name)
    return None


def subject_of(fact: RuleFact, words: Vocabulary, draft: Draft) -> str | None:
    for part in re.findall(r"[A-Za-z][\w-]+", fact.text):
        name = entity_name(part)
        if name and words.resolve(name) in draft.entities:
            return words.resolve(name)
    return None


def find_field(phrase: str, fact: RuleFact, words: Vocabulary, draft: Draft) -> list[tuple[str, Field]]:
    """The fields that a phrase names: `the price of a product`, `product price`, `SKU`."""
    found: list[tuple[str, Field]] = []
    owner = None
    if match := re.match(
        r"(.+?) (?:of|for) (?:an? |the |each |every )?(.+)\Z", phrase.strip(), re.IGNORECASE
    ):
        owner = find_entity(match[2], words, draft)
        phrase = match[1] if owner else phrase
    parts = clean_phrase(re.split(r"\b(?:that|which|where|and the|each|every)\b", phrase)[-1]).split()
    for length in range(min(3, len(parts)), 0, -1):
        name = field_name(" ".join(parts[-length:]))
        if name is None:
            continue
        lead = find_entity(" ".join(parts[:-length]), words, draft) if len(parts) > length else None
        for entity in draft.entities.values():
            if (owner or lead) not in (None, entity.name):
                continue
            field = entity.fields.get(name) or entity.fields.get(singular(name))
            if field is not None:
                found.append((entity.name, field))
        if found:
            break
    if len(found) > 1 and owner is None:
        said = {words.resolve(entity_name(word) or "x") for word in re.findall(r"[A-Za-z][\w-]+", fact.text)}
        named = [item for item in found if item[0] in said]
        found = (
            named
            or [item for item in found if item[1].source and item[1].source.origin is Origin.BRIEF][:1]
            or found[:1]
        )
    return found
