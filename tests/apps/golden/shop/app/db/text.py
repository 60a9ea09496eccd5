"""What makes two texts the same for people."""

import unicodedata


def fold(text: str) -> str:
    """Return the form in which texts are compared: one encoding of accents, no difference of case.

    It is made here and kept in a column, because databases fold only ASCII, or by their own locale.
    """
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())
