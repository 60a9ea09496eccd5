"""Compliance overlays that a brief names, or that its words imply."""

from __future__ import annotations

from qlf.brief.choose import Vocabulary, first_match
from qlf.brief.facts import Facts, Span
from qlf.brief.packstore import word_pattern, words_data
from qlf.brief.tokens import Brief
from qlf.core.spec import (
    Origin,
    OverlayChoice,
    Source,
)

__all__ = ["overlays_of"]


def overlays_of(brief: Brief, facts: Facts, words: Vocabulary) -> tuple[OverlayChoice, ...]:
    """Overlays that the brief names, and with less confidence those that its words or the domain imply."""
    found: dict[str, OverlayChoice] = {}
    for name, value in words_data("overlays").items():
        if _excluded(brief, facts, [str(word) for word in value["named"]]):
            continue
        for word in value["named"]:
            span = first_match(brief, facts, str(word))
            if span is not None and name not in found:
                found[name] = OverlayChoice(
                    name=name,
                    confidence=0.98,
                    reason=f"the brief names it: {brief.quote(span)}",
                    source=Source(origin=Origin.BRIEF, detail="named", span=span, confidence=0.98),
                )
        sure: tuple[float, Span | None] = (0.0, None)
        for word, confidence in value["implied"].items():
            span = first_match(brief, facts, str(word))
            if span is not None and float(confidence) > sure[0]:
                sure = (float(confidence), span)
        if name not in found and sure[1] is not None and sure[0] >= 0.5:
            found[name] = OverlayChoice(
                name=name,
                confidence=sure[0],
                reason=f"implied by the words {brief.quote(sure[1])!r}",
                source=Source(origin=Origin.BRIEF, detail="implied", span=sure[1], confidence=sure[0]),
            )
        for item in words.chosen[:1]:
            if name not in found and name in item.pack.overlays:
                found[name] = OverlayChoice(
                    name=name,
                    confidence=item.pack.overlays[name],
                    reason=f"usual in the domain {item.pack.domain}",
                    source=item.pack.source("usual in the domain", item.pack.overlays[name]),
                )
    return tuple(found.values())


def _excluded(brief: Brief, facts: Facts, named: list[str]) -> bool:
    """Whether the brief names it only to say that it does not apply."""
    matches = [match.span() for word in named for match in word_pattern(word).finditer(brief.lower)]
    return bool(matches) and all(facts.is_negated(span) for span in matches)
