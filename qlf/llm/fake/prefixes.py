"""Which beginnings of prompts were seen before: what providers count as cached input."""

from __future__ import annotations

from hashlib import blake2b

from qlf.llm.fake.ask import Ask, tokens_in
from qlf.llm.fake.fault import Wire

__all__ = ["Prefixes"]

_STEP = 128
"""OpenAI counts in steps of so many tokens."""
_MOST = 100_000


class Prefixes:
    """The beginnings that one deployment has seen.

    Args:
        least: Shorter ones, in tokens, are not cached.
    """

    def __init__(self, least: int) -> None:
        self._least = least
        self._seen: dict[bytes, None] = {}

    def count(self, ask: Ask) -> tuple[int, int]:
        """Tokens read from the cache and tokens written to it; remembers the beginnings of this request."""
        if len(self._seen) > _MOST:
            self._seen.clear()
        if ask.wire is Wire.BEDROCK:
            return self._marked(ask)
        return self._automatic(ask), 0

    def _marked(self, ask: Ask) -> tuple[int, int]:
        """Only up to cache points, which the request sets itself."""
        read = last = 0
        for tokens, digest in ask.marks:
            if tokens < self._least:
                continue
            last = tokens
            if digest in self._seen:
                read = tokens
            self._seen[digest] = None
        return read, last - read

    def _automatic(self, ask: Ask) -> int:
        """The longest known beginning, in whole steps."""
        if tokens_in(len(ask.prefix)) < self._least:
            return 0
        digest = blake2b(ask.model.encode() + b"\0", digest_size=16)
        read = at = 0
        for tokens in range(self._least, len(ask.prefix) // 4 + 1, _STEP):
            digest.update(ask.prefix[at : tokens * 4])
            at = tokens * 4
            mark = digest.digest()
            if mark in self._seen:
                read = tokens
            else:
                self._seen[mark] = None
        return min(read, ask.input_tokens)
