"""Noun phrases of a sentence, without their determiners and empty words."""

from __future__ import annotations

from dataclasses import dataclass

from qlf.brief.facts import Span
from qlf.brief.grammar.tags import Tag, Tagged, tag
from qlf.brief.naming import entity_name
from qlf.brief.tokens import Sentence
from qlf.brief.wordlists import word_list

__all__ = ["Chunk", "chunks", "clean_phrase"]


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


def chunks(sentence: Sentence) -> list[Chunk]:
    """The noun phrases of a sentence and the words between them, in order."""
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
            joins = True
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


def _flush(run: list[Tagged], det: str, result: list[Chunk]) -> None:
    if not run:
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
    while len(words) > 1 and words[-1] in word_list("light_heads"):
        topic = topic or words[-1] in word_list("app_heads")
        light = words.pop()
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
