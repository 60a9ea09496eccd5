"""Noun phrases of a sentence, without their determiners and empty words."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from qlf.brief.facts import Span
from qlf.brief.grammar.tags import Tag, Tagged, tag
from qlf.brief.naming import entity_name
from qlf.brief.tokens import Sentence
from qlf.brief.wordlists import word_list

__all__ = ["Chunk", "chunks", "clean_phrase"]


_CLAUSES = frozenset(
    [
        "contain",
        "include",
        "use",
        "have",
        "offer",
        "require",
        "provide",
        "show",
        "represent",
        "indicate",
        "allow",
    ]
)
"""Verbs whose form in -ing begins a clause: a body containing two fields."""
_QUOTES = frozenset("'\"`*")


@dataclass(frozen=True, slots=True)
class Chunk:
    """A noun phrase, or one other word of the sentence."""

    tag: Tag
    name: str
    """The entity name the phrase would have; empty for other words."""
    head: str
    span: Span
    plural: bool = False
    base: str = ""
    lower: str = ""
    det: str = ""
    light: str = ""
    """The empty head that was taken off: `management` in `stock management`."""
    topic: bool = False
    """The phrase names the application: `stock management system`."""


@lru_cache(maxsize=1024)
def chunks(sentence: Sentence) -> list[Chunk]:
    """The noun phrases of a sentence and the words between them, in order; the list is shared."""
    result: list[Chunk] = []
    run: list[Tagged] = []
    det = ""
    tagged = tag(sentence)
    for index, item in enumerate(tagged):
        following = tagged[index + 1] if index + 1 < len(tagged) else None
        joins = item.tag in (Tag.NOUN, Tag.ADJ)
        # "booking system", "finished jobs": a verb form in front of a noun is part of the phrase.
        if item.tag in (Tag.GERUND, Tag.PARTICIPLE) and following is not None and following.tag is Tag.NOUN:
            joins = (
                bool(run)
                or item.tag is Tag.PARTICIPLE
                or (index > 0 and tagged[index - 1].tag in (Tag.DET, Tag.ADJ))
            )
            if item.tag is Tag.PARTICIPLE and index > 0 and tagged[index - 1].tag in (Tag.AUX, Tag.NOUN):
                joins = False
        elif item.tag is Tag.GERUND and index > 0 and tagged[index - 1].tag in (Tag.DET, Tag.ADJ, Tag.NOUN):
            # "payment processing" is a phrase; in "customers waiting" the second word says what they do.
            joins = item.base not in _CLAUSES and not (
                tagged[index - 1].tag is Tag.NOUN and _many(tagged[index - 1].lower)
            )
        quoted = item.word.text in _QUOTES and index > 0 and following is not None
        # Quotes around a word do not end a phrase: the clinical 'teams'.
        if (
            quoted
            and following is not None
            and (run or (following.tag is Tag.NOUN and tagged[index - 1].tag in (Tag.DET, Tag.ADJ)))
        ):
            continue
        if joins:
            run.append(item)
            continue
        _flush(run, det, result)
        run = []
        det = item.lower if item.tag in (Tag.DET, Tag.NUMBER) else ""
        result.append(
            Chunk(item.tag, "", "", (item.word.start, item.word.end), base=item.base, lower=item.lower)
        )
    _flush(run, det, result)
    return result


def _many(word: str) -> bool:
    return word.endswith("s") and not word.endswith(("ss", "us", "is", "'s"))


def _flush(run: list[Tagged], det: str, result: list[Chunk]) -> None:
    if not run:
        return
    owner = next((place for place in range(len(run) - 2, -1, -1) if run[place].lower.endswith("'s")), None)
    if owner is not None:
        # "a customer's orders" are two things: the customer, and the orders.
        _flush(run[: owner + 1], det, result)
        _flush(run[owner + 1 :], "its", result)
        return
    words = [item.lower for item in run]
    while len(words) > 1 and (words[0] in word_list("empty") or run[0].tag is Tag.PARTICIPLE):
        words.pop(0)
        run = run[1:]
    span = (run[0].word.start, run[-1].word.end)
    if all(item.tag is Tag.ADJ for item in run):
        result.append(Chunk(Tag.ADJ, "", "", span, lower=words[-1], det=det))
        return
    light = ""
    topic = False
    while len(run) > 1 and run[-1].tag is Tag.ADJ:
        # "services online": what stands behind says how, not what.
        words.pop()
        run = run[:-1]
    while len(words) > 1 and words[-1] in word_list("light_heads"):
        if all(item.tag is Tag.ADJ for item in run[:-1]):
            # "medical records" would be nothing without its last word.
            break
        topic = topic or words[-1] in word_list("app_heads")
        light = words.pop()
        run = run[:-1]
    if len(words) > 3:
        words = words[-3:]
    head = words[-1]
    name = entity_name(" ".join(words)) or ""
    plural = (head.endswith("s") and not head.endswith(("ss", "us", "is"))) or head in (
        "people",
        "children",
        "staff",
    )
    result.append(Chunk(Tag.NOUN, name, head, span, plural, "", " ".join(words), det, light, topic))


def of_target(items: list[Chunk], index: int) -> int:
    """The place of the noun that is meant: `details` of `details of a customer` leads to `customer`."""
    while (
        items[index].head in word_list("light_of")
        and index + 2 < len(items)
        and items[index + 1].lower in ("of", "about", "for", "on")
    ):
        step = index + 2
        while step < len(items) and items[step].tag in (Tag.DET, Tag.ADJ, Tag.NUMBER):
            step += 1
        if step >= len(items) or items[step].tag is not Tag.NOUN:
            break
        index = step
    return index


def clean_phrase(text: str) -> str:
    """A phrase without determiners, quantities and empty adjectives at its front."""
    words = text.strip(" \n\t\"'`*_.").split()
    while words and words[0].lower().strip("\"'`*_") in word_list("front"):
        words.pop(0)
    return " ".join(words).strip("\"'`*_.,:;")
