"""Whether a brief is written in English, which is the only language that the rules can read.

A brief in another language is refused, not half understood: what would be left out could not be seen.
"""

from __future__ import annotations

from qlf.brief.tokens import Brief
from qlf.brief.wordlists import word_list
from qlf.errors import InputError

__all__ = ["expect_english", "is_english"]

_CLASSES = ("det", "prep", "conj", "pron", "modal", "aux")
_FEW = 4
"""So many foreign function words may be names or quotations."""


def is_english(brief: Brief) -> bool:
    """Whether English function words are not outnumbered by those of other European languages."""
    words = [word.lower for sentence in brief.sentences for word in sentence.words if word.is_word]
    foreign = sum(word in word_list("foreign") for word in words)
    if foreign < _FEW:
        return True
    english = sum(any(word in word_list(f"class_{name}") for name in _CLASSES) for word in words)
    return foreign <= 2 * english


def expect_english(brief: Brief) -> None:
    """Check the function words of a brief.

    Raises:
        InputError: When those of other European languages outnumber the English ones.
    """
    if not is_english(brief):
        raise InputError(
            f"the brief {brief.quote((0, len(brief.text)))[:60]!r} does not read as English",
            hint="Write the brief in English; names and examples may be in any language.",
        )
