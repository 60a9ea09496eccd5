"""Compliance overlays that a brief names, or that its words imply."""

from __future__ import annotations

from typing import Any

from qlf.brief.choose import Vocabulary, first_match
from qlf.brief.draft import Draft
from qlf.brief.facts import Facts, Span
from qlf.brief.packstore import word_pattern, words_data
from qlf.brief.tokens import Brief
from qlf.core.spec import (
    Origin,
    OverlayChoice,
    Question,
    Source,
)

__all__ = ["APPLIES", "overlays_of"]

APPLIES = 0.5
"""The confidence from which an overlay applies; below, down to `_ASKS`, it is a question."""
_ASKS = 0.3
_NAMED = 0.98
_CLEAR = 4.0
"""The score from which the domain of a brief is clear enough to speak for an overlay."""
_REGION = 0.55


def overlays_of(brief: Brief, facts: Facts, words: Vocabulary, draft: Draft) -> tuple[OverlayChoice, ...]:
    """Overlays that the brief names, and with less confidence those that its words or the domain imply.

    One that is likely but not sure enough becomes a question of the draft.
    """
    data = words_data("overlays")
    places = {
        region: place
        for region, said in data["regions"].items()
        if (place := _first(brief, facts, said)) is not None
    }
    found: list[OverlayChoice] = []
    for name, value in data.items():
        if name == "regions" or _excluded(brief, facts, [str(word) for word in value["named"]]):
            continue
        choice = _named(brief, facts, name, value) or _implied(brief, facts, words, name, value, places)
        if choice is None:
            continue
        if choice.confidence >= APPLIES:
            found.append(choice)
        elif choice.confidence >= _ASKS:
            draft.ask(_question(choice))
    return tuple(found)


def _first(brief: Brief, facts: Facts, said: list[Any]) -> Span | None:
    return next((place for place in (first_match(brief, facts, str(word)) for word in said) if place), None)


def _named(brief: Brief, facts: Facts, name: str, value: dict[str, Any]) -> OverlayChoice | None:
    span = _first(brief, facts, value["named"])
    if span is None:
        return None
    return OverlayChoice(
        name=name,
        confidence=_NAMED,
        reason=f"the brief names it: {brief.quote(span)}",
        source=Source(origin=Origin.BRIEF, detail="named", span=span, confidence=_NAMED),
    )


def _implied(
    brief: Brief,
    facts: Facts,
    words: Vocabulary,
    name: str,
    value: dict[str, Any],
    places: dict[str, Span],
) -> OverlayChoice | None:
    """The overlay with what all hints together make likely; hints are taken as independent of each other."""
    if any(region in places for region in value.get("elsewhere", ())):
        return None
    if _first(brief, facts, value.get("unless", [])) is not None:
        return None
    hints: list[tuple[float, Span]] = []
    for word, confidence in value["implied"].items():
        span = first_match(brief, facts, str(word))
        if span is not None and not any(span[0] < other[1] and other[0] < span[1] for _, other in hints):
            hints.append((float(confidence), span))
    hints += [(_REGION, places[region]) for region in value.get("regions", ()) if region in places]
    doubt = 1.0
    for confidence, _ in hints:
        doubt *= 1 - confidence
    sure = round(1 - doubt, 2)
    domain = next(
        (item.pack for item in words.chosen[:1] if name in item.pack.overlays and item.score >= _CLEAR), None
    )
    if domain is not None and domain.overlays[name] > sure:
        sure = domain.overlays[name]
        return OverlayChoice(
            name=name,
            confidence=sure,
            reason=f"usual in the domain {domain.domain}",
            source=domain.source("usual in the domain", sure),
        )
    if not hints:
        return None
    best = max(hints, key=lambda hint: (hint[0], -hint[1][0]))[1]
    said = ", ".join(repr(brief.quote(span)) for _, span in sorted(hints, key=lambda hint: -hint[0])[:3])
    sure = min(sure, 0.95)
    return OverlayChoice(
        name=name,
        confidence=sure,
        reason=f"implied by the words {said}",
        source=Source(origin=Origin.BRIEF, detail="implied", span=best, confidence=sure),
    )


def _question(choice: OverlayChoice) -> Question:
    return Question(
        name=f"overlay_{choice.name.replace('-', '_')}",
        text=f"Does {choice.name} apply?",
        assumption=f"No; {choice.reason} makes it possible, not likely enough.",
        change=f"generate with --overlay {choice.name}",
        source=choice.source,
    )


def _excluded(brief: Brief, facts: Facts, named: list[str]) -> bool:
    """Whether the brief names it only to say that it does not apply."""
    matches = [match.span() for word in named for match in word_pattern(word).finditer(brief.lower)]
    return bool(matches) and all(facts.is_negated(span) for span in matches)
