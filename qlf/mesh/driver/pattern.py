"""Texts that fit a regular expression: checked where matching is surely quick, else made from its parse tree.

The expression belongs to the application under test, and some take for ever to match.
"""

from __future__ import annotations

import importlib
import re
import warnings
from typing import Any

__all__ = ["fits", "fitting"]

_ROOM = 8
"""A repeated class that may be this long takes a whole token instead of single characters."""
_FAVOURITES = "abcdefghijklmnopqrstuvwxyz1234567890ABCDEFGHIJKLMNOPQRSTUVWXYZ -_.@+/:,"


def fitting(pattern: str, token: str, least: int = 0) -> str | None:
    """A text for `pattern` that contains `token` where there is room for it.

    Args:
        pattern: A regular expression, as in JSON Schema.
        token: ASCII letters and digits that make the text differ from others.
        least: How long the text should at least be, in characters; met where a repetition allows it.

    Returns:
        The text, or `None` if the expression is beyond this generator.
    """
    try:
        tree = _parse(pattern)
        writer = _Writer(token, 0)
        text = writer.sequence(tree)
        if len(text) < least:
            text = _Writer(token, least - len(text)).sequence(tree)
    except (re.error, ValueError, RecursionError, OverflowError):
        return None
    return text


def fits(pattern: str, text: str) -> bool | None:
    """Whether `text` matches, or `None` where matching could take too long to find out."""
    try:
        if _nests(_parse(pattern), inside=False):
            return None
        return re.search(pattern, text) is not None
    except (re.error, ValueError, RecursionError, OverflowError):
        return None


def _parse(pattern: str) -> Any:
    # Public as `sre_parse` until 3.11, and not to be had otherwise.
    parser = importlib.import_module("re._parser")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return parser.parse(pattern)


def _nests(items: Any, *, inside: bool) -> bool:
    """Whether a repetition stands inside another one, from which exponential time comes."""
    for operation, argument in items:
        name = str(operation)
        if name in ("MAX_REPEAT", "MIN_REPEAT"):
            many = int(argument[1]) > 1
            if (many and inside) or _nests(argument[2], inside=inside or many):
                return True
        elif name == "SUBPATTERN":
            if _nests(argument[3], inside=inside):
                return True
        elif name == "BRANCH":
            if any(_nests(branch, inside=inside) for branch in argument[1]):
                return True
        elif name in ("ASSERT", "ASSERT_NOT"):
            if _nests(argument[1], inside=inside):
                return True
        elif name in ("GROUPREF", "GROUPREF_EXISTS"):
            return True
    return False


class _Writer:
    def __init__(self, token: str, padding: int) -> None:
        self.token: str | None = token
        self.padding = padding

    def sequence(self, items: Any) -> str:
        return "".join(self.item(str(operation), argument) for operation, argument in items)

    def item(self, operation: str, argument: Any) -> str:
        match operation:
            case "LITERAL":
                return chr(argument)
            case "ANY":
                return "a"
            case "IN" | "NOT_LITERAL":
                return _choose(operation, argument, "a")
            case "AT" | "ASSERT_NOT" | "ASSERT":
                return ""
            case "SUBPATTERN":
                return self.sequence(argument[3])
            case "ATOMIC_GROUP":
                return self.sequence(argument)
            case "BRANCH":
                return self.sequence(argument[1][0])
            case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
                return self.repeat(*argument)
        raise ValueError(operation)

    def repeat(self, low: int, high: int, items: Any) -> str:
        low, high = int(low), int(min(int(high), 100_000))
        single = len(items) == 1 and str(items[0][0]) in ("IN", "NOT_LITERAL", "ANY")
        if not single or high < _ROOM:
            return "".join(self.sequence(items) for _ in range(low))
        text = ""
        operation, argument = str(items[0][0]), items[0][1]
        for token in (self.token, (self.token or "").strip("abcdefghijklmnopqrstuvwxyz")):
            if token and all(_accepts(operation, argument, letter) for letter in token):
                text, self.token = token[-high:], None
                break
        length = min(max(low, len(text) + self.padding), high)
        self.padding = max(0, self.padding - (length - len(text)))
        filler = "a" if operation == "ANY" else _choose(operation, argument, "a")
        missing = length - len(text)
        if text.isdigit() and missing > 0 and _accepts(operation, argument, "0"):
            # 17 filled up with ones would be the number 117; and some numbers may not begin with zero.
            return "1" + "0" * (missing - 1) + text
        return filler * missing + text


def _choose(operation: str, argument: Any, wished: str) -> str:
    for letter in wished + _FAVOURITES:
        if _accepts(operation, argument, letter):
            return letter
    for code in range(0x20, 0x3000):
        if _accepts(operation, argument, chr(code)):
            return chr(code)
    raise ValueError("no character fits")


def _accepts(operation: str, argument: Any, letter: str) -> bool:
    if operation == "ANY":
        return letter != "\n"
    if operation == "NOT_LITERAL":
        return ord(letter) != int(argument)
    negate = bool(argument) and str(argument[0][0]) == "NEGATE"
    inside = any(_in_class(str(kind), value, letter) for kind, value in argument)
    return inside != negate


def _in_class(kind: str, value: Any, letter: str) -> bool:
    match kind:
        case "LITERAL":
            return ord(letter) == int(value)
        case "RANGE":
            return bool(value[0] <= ord(letter) <= value[1])
        case "CATEGORY":
            inside = {
                "DIGIT": letter.isdigit(),
                "SPACE": letter.isspace(),
                "WORD": letter.isalnum() or letter == "_",
            }
            name = str(value).removeprefix("CATEGORY_")
            return not inside[name.removeprefix("NOT_")] if name.startswith("NOT_") else inside[name]
    return False
