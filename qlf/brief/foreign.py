"""Briefs that are not in English: those in a language with a word list are read through it.

The reading is word for word. It becomes the brief of the spec, because spans count its characters, and a
question says so. Briefs in other languages are refused.
"""

from __future__ import annotations

import re
from functools import lru_cache

from qlf.brief.draft import Draft
from qlf.brief.packstore import words_data
from qlf.core.spec import Origin, Question, Source

__all__ = ["ask_reading", "reading"]

_LANGUAGES = {"portuguese": "Portuguese"}
_ENOUGH = 0.4
"""Share of the words that must be in the list."""
_WORD = re.compile(r"[A-Za-z\u00c0-\u024f][\w\u00c0-\u024f-]*")


@lru_cache(maxsize=4)
def _lists(language: str) -> tuple[tuple[tuple[re.Pattern[str], str], ...], dict[str, str]]:
    data = words_data(language)
    phrases = sorted(data["phrases"].items(), key=lambda pair: (-len(pair[0]), pair[0]))
    patterns = tuple(
        (re.compile(rf"(?<!\w){re.escape(said)}(?!\w)", re.IGNORECASE), str(english))
        for said, english in phrases
    )
    words = dict(pair.split(":") for pair in str(data["words"]).split())
    return patterns, words


def reading(text: str) -> tuple[str, str] | None:
    """The English reading of a brief and its language; `None` when too few of its words are known."""
    best: tuple[float, str, str] | None = None
    for language, title in _LANGUAGES.items():
        patterns, words = _lists(language)
        whole = re.sub(r"```.*?```|https?://\S+", " ", text, flags=re.DOTALL)
        for pattern, english in patterns:
            whole = pattern.sub(english, whole)
        met = [match.group().lower() for match in _WORD.finditer(whole)]
        known = sum(word in words for word in met) / max(1, len(met))
        if known >= _ENOUGH and (best is None or known > best[0]):
            best = (known, _translated(whole, words), title)
    return (best[1], best[2]) if best else None


def _translated(text: str, words: dict[str, str]) -> str:
    def english(match: re.Match[str]) -> str:
        return words.get(match.group().lower(), match.group()).replace("-", " ")

    return _WORD.sub(english, text)


def ask_reading(language: str, draft: Draft) -> None:
    """Say that the brief was read through a word list."""
    draft.ask(
        Question(
            name="language",
            text=f"The brief is in {language}. Was it read rightly?",
            assumption="Yes; `brief` in the spec holds the English reading, word for word.",
            change="write the brief in English",
            source=Source(origin=Origin.DEFAULT, detail="read word for word", confidence=0.4),
        )
    )
