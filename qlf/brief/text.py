"""Turns the text of a brief into clean text, or refuses it.

Spans in the spec count characters of the clean text, which is what `Spec.brief` holds.
"""

from __future__ import annotations

import re
import unicodedata

from qlf.errors import InputError

__all__ = ["MAX_CHARACTERS", "clean"]

MAX_CHARACTERS = 100_000
_HINT = (
    "Say in a sentence or two what the application keeps and who uses it, for example: a "
    "shop with products and orders."
)
# Controls, bidirectional marks and other characters that do not show (Unicode TR36 2.8; CVE-2021-42574).
_UNSEEN = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\ufff9-\ufffb]"
)
_BREAKS = re.compile(r"\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_QUOTES = str.maketrans(
    {"\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"', "\u00a0": " ", "\t": " "}
)


def clean(text: str) -> str:
    """The text with line ends made plain and invisible characters taken out.

    Raises:
        InputError: When it is empty, too long, not text, or holds no words.
    """
    if len(text) > MAX_CHARACTERS:
        raise InputError(
            f"the brief has {len(text)} characters; {MAX_CHARACTERS} are the most that is read",
            hint="Shorten it to what the application must keep and do.",
        )
    if not text.strip():
        raise InputError("the brief is empty", hint=_HINT)
    if "\x00" in text or any("\ud800" <= char <= "\udfff" for char in text):
        raise InputError("the brief is binary data, not text", hint=_HINT)
    text = _BREAKS.sub("\n", text)
    controls = sum(1 for char in text if unicodedata.category(char) == "Cc" and char not in "\n\t")
    if controls * 20 > len(text):
        raise InputError("the brief is binary data, not text", hint=_HINT)
    text = _UNSEEN.sub("", text).translate(_QUOTES)
    text = unicodedata.normalize("NFC", text)
    text = "\n".join(line.rstrip() for line in text.split("\n")).strip()
    if not any(char.isalpha() for char in text):
        raise InputError("the brief holds no words", hint=_HINT)
    return text
