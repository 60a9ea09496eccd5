"""A credential as a value that shows itself to nobody who does not ask for it by name."""

from __future__ import annotations

import hmac
from typing import Any, NoReturn

__all__ = ["HIDDEN", "SecretText"]

HIDDEN = "[hidden]"


class SecretText:
    """A text that never reaches a log, a message, a pickle or JSON by accident; `reveal` gives it.

    Two are compared in a time that does not tell how much of them is equal. It cannot be a key of a
    dictionary, because hashing and looking up would compare in plain ways.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself. Hand it to the library that needs it and to nothing else."""
        return self._text

    def tail(self) -> str:
        """The last four characters of a text of at least twenty, by which people tell keys apart."""
        return self._text[-4:] if len(self._text) >= 20 else ""

    def __repr__(self) -> str:
        return HIDDEN

    def __str__(self) -> str:
        return HIDDEN

    def __format__(self, spec: str) -> str:
        return HIDDEN

    def __len__(self) -> int:
        return len(self._text)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SecretText):
            return NotImplemented
        return hmac.compare_digest(self._text.encode(), other._text.encode())

    __hash__ = None  # type: ignore[assignment]

    def __copy__(self) -> SecretText:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> SecretText:
        return self

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise TypeError("a secret is not pickled")
