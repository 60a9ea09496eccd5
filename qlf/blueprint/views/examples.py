"""An example for a regular expression, found by walking through it."""

from __future__ import annotations

import re
import re._constants as codes  # type: ignore[import-not-found]  # typeshed does not know it
import re._parser as parser  # type: ignore[import-not-found]
from typing import Any

__all__ = ["example"]

_CATEGORIES = {
    codes.CATEGORY_DIGIT: "0",
    codes.CATEGORY_WORD: "a",
    codes.CATEGORY_SPACE: " ",
    codes.CATEGORY_NOT_DIGIT: "a",
    codes.CATEGORY_NOT_WORD: "-",
    codes.CATEGORY_NOT_SPACE: "a",
}
_LIKED = "0a A-_.x1b"


def example(pattern: str, shortest: int, longest: int) -> str | None:
    """A text that matches `pattern` and has a length within the bounds, or None if none was found."""
    try:
        tree = parser.parse(pattern)
    except re.error:
        return None
    for extra in (0, 1, 2, 3, shortest, 8, 16):
        made = _all(tree, extra)
        if made is not None and shortest <= len(made) <= longest and re.search(pattern, made):
            return made
    return None


def _all(items: Any, extra: int) -> str | None:
    parts = [_one(operation, argument, extra) for operation, argument in items]
    return None if any(part is None for part in parts) else "".join(part or "" for part in parts)


def _one(operation: Any, argument: Any, extra: int) -> str | None:
    if operation is codes.LITERAL:
        return chr(argument)
    if operation is codes.NOT_LITERAL:
        return next(char for char in _LIKED if ord(char) != argument)
    if operation is codes.ANY:
        return "a"
    if operation is codes.AT:
        return ""
    if operation is codes.IN:
        return next((char for char in _candidates(argument) if _within(char, argument)), None)
    if operation is codes.BRANCH:
        return next(
            (made for made in (_all(branch, extra) for branch in argument[1]) if made is not None), None
        )
    if operation is codes.SUBPATTERN:
        return _all(argument[-1], extra)
    if operation in (codes.MAX_REPEAT, codes.MIN_REPEAT):
        low, high, inner = argument
        made = _all(inner, extra)
        return None if made is None else made * min(int(high), int(low) + extra)
    return None


def _candidates(choices: Any) -> str:
    found = ""
    for operation, argument in choices:
        if operation is codes.LITERAL:
            found += chr(argument)
        elif operation is codes.RANGE:
            found += chr(argument[0])
        elif operation is codes.CATEGORY:
            found += _CATEGORIES.get(argument, "")
    # Digits first: where a number may stand, it can make one example differ from the next.
    return "".join(sorted(found, key=lambda char: (not char.isdigit(), not char.isalpha()))) + _LIKED


def _within(char: str, choices: Any) -> bool:
    negated = bool(choices) and choices[0][0] is codes.NEGATE
    hit = False
    for operation, argument in choices:
        if operation is codes.LITERAL:
            hit = hit or ord(char) == argument
        elif operation is codes.RANGE:
            hit = hit or argument[0] <= ord(char) <= argument[1]
        elif operation is codes.CATEGORY:
            hit = hit or _in_category(char, argument)
    return hit != negated


def _in_category(char: str, category: Any) -> bool:
    tests = {
        codes.CATEGORY_DIGIT: char.isdigit(),
        codes.CATEGORY_WORD: char.isalnum() or char == "_",
        codes.CATEGORY_SPACE: char.isspace(),
        codes.CATEGORY_NOT_DIGIT: not char.isdigit(),
        codes.CATEGORY_NOT_WORD: not (char.isalnum() or char == "_"),
        codes.CATEGORY_NOT_SPACE: not char.isspace(),
    }
    return tests.get(category, False)
