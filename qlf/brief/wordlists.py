"""Lists of plain words that the grammar needs, kept as data beside the packs."""

from __future__ import annotations

from functools import lru_cache

from qlf.brief.packstore import words_data

__all__ = ["word_list"]


@lru_cache(maxsize=128)
def word_list(name: str) -> frozenset[str]:
    """The words of one list of `packs/_lists.yaml`.

    Raises:
        KeyError: If there is no such list.
    """
    return frozenset(str(words_data("lists")[name]).split())
