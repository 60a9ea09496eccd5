"""Plays recorded answers back."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import orjson

from qlf.llm.fake.cassette import Entry, digest_of
from qlf.llm.fake.http import LAST_CHUNK, Performance, Request, chunk, head, whole

__all__ = ["Replayer"]


class Replayer:
    """Finds the answer to a request by method, path and body.

    The n-th time a request comes, the n-th answer that was recorded for it is given; after the last one
    that one again.

    Args:
        entries: The recording.
        on_answer: Told of every request: a line for a person, and whether it was found.
    """

    def __init__(
        self, entries: Sequence[Entry], on_answer: Callable[[str, bool], None] | None = None
    ) -> None:
        self._entries: dict[str, list[Entry]] = {}
        for entry in entries:
            self._entries.setdefault(entry.digest, []).append(entry)
        self._asked: dict[str, int] = {}
        self._on_answer = on_answer
        self.found = 0
        self.missed = 0

    def handle(self, request: Request) -> Performance:
        """The recorded answer, or 404 with a sentence that names the request."""
        digest = digest_of(request)
        known = self._entries.get(digest)
        line = f"{request.method} {request.path} ({digest[:12]})"
        if self._on_answer is not None:
            self._on_answer(line, known is not None)
        if known is None:
            self.missed += 1
            count = sum(map(len, self._entries.values()))
            message = f"none of the {count} recorded exchanges answers {line}"
            error = {"message": message, "type": "not_recorded", "param": None, "code": "not_recorded"}
            headers = [
                ("content-type", "application/json"),
                ("x-amzn-errortype", "ResourceNotFoundException"),
            ]
            return whole(404, headers, orjson.dumps({"message": message, "error": error}))
        self.found += 1
        number = self._asked.get(digest, 0)
        self._asked[digest] = number + 1
        answer = known[min(number, len(known) - 1)].answer
        headers = list(answer.headers.items())
        if answer.streamed:
            pieces = [head(answer.status, headers, None)]
            return Performance([*pieces, *(chunk(one) for one in answer.pieces if one), LAST_CHUNK])
        return whole(answer.status, headers, answer.pieces[0])
