"""A text that a regular expression matches."""

from __future__ import annotations

import random
import re
import re._constants as codes  # type: ignore[import-not-found]
import re._parser as parser  # type: ignore[import-not-found]
from typing import Any

__all__ = ["matching"]

_ANY = "abcdefghijklmnopqrstuvwxyz0123456789"
_MORE = 6


def matching(pattern: str, luck: random.Random) -> str:
    """A text in which the expression is found; an empty one when it is none that can be read.

    Look-around and conditional groups are ignored, so a text may then not match.
    """
    try:
        tree = parser.parse(pattern)
    except (re.error, RecursionError, OverflowError):
        return ""
    return _text(tree, luck, {})


def _text(tree: Any, luck: random.Random, groups: dict[int, str]) -> str:
    return "".join(_one(code, argument, luck, groups) for code, argument in tree)


def _one(code: Any, argument: Any, luck: random.Random, groups: dict[int, str]) -> str:
    if code is codes.LITERAL:
        return chr(argument)
    if code is codes.ANY:
        return luck.choice(_ANY)
    if code is codes.NOT_LITERAL:
        return luck.choice([letter for letter in _ANY if ord(letter) != argument])
    if code is codes.IN:
        return _member(argument, luck)
    if code in (codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT):
        least, most, inner = argument
        top = least + _MORE if most is codes.MAXREPEAT else min(most, least + _MORE)
        return "".join(_text(inner, luck, groups) for _ in range(luck.randint(least, top)))
    if code is codes.SUBPATTERN:
        groups[argument[0]] = text = _text(argument[3], luck, groups)
        return text
    if code is codes.ATOMIC_GROUP:
        return _text(argument, luck, groups)
    if code is codes.BRANCH:
        return _text(luck.choice(argument[1]), luck, groups)
    if code is codes.GROUPREF:
        return groups.get(argument, "")
    return ""


def _member(parts: list[Any], luck: random.Random) -> str:
    negated = bool(parts) and parts[0][0] is codes.NEGATE
    letters: list[str] = []
    for code, argument in parts:
        if code is codes.LITERAL:
            letters.append(chr(argument))
        elif code is codes.RANGE:
            letters += [chr(one) for one in range(argument[0], min(argument[1], argument[0] + 200) + 1)]
        elif code is codes.CATEGORY:
            letters += _category(argument)
    if negated:
        letters = [one for one in _ANY + " -_." if one not in letters]
    return luck.choice(letters) if letters else ""


def _category(code: Any) -> list[str]:
    shapes = {
        codes.CATEGORY_DIGIT: r"\d",
        codes.CATEGORY_NOT_DIGIT: r"\D",
        codes.CATEGORY_SPACE: r"[ ]",
        codes.CATEGORY_NOT_SPACE: r"\S",
        codes.CATEGORY_WORD: r"\w",
        codes.CATEGORY_NOT_WORD: r"\W",
    }
    return [one for one in _ANY + " -" if re.fullmatch(shapes[code], one)]
