"""Passes requests on to a real provider and records what it answers."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

import orjson

from qlf.errors import InputError, OutputError, UsageError
from qlf.llm.endpoint import endpoint_problem
from qlf.llm.fake.cassette import entry_of
from qlf.llm.fake.http import LAST_CHUNK, End, Performance, Request, chunk, head, whole

if TYPE_CHECKING:
    from aiohttp import ClientResponse, ClientSession

__all__ = ["Recorder"]

_NOT_PASSED_ON = frozenset(
    {
        "host",
        "connection",
        "content-length",
        "transfer-encoding",
        "accept-encoding",
        "expect",
        "keep-alive",
        "te",
        "trailer",
        "upgrade",
        "proxy-authorization",
        "proxy-connection",
    }
)
_NOT_PASSED_BACK = frozenset(
    {"connection", "content-length", "transfer-encoding", "keep-alive", "set-cookie", "trailer", "upgrade"}
)
_MOST_BYTES = 32 * 1024 * 1024


class Recorder:
    """An asynchronous context that passes requests on; `handle` is what a `FakeProvider` calls.

    Args:
        upstream: Address of the provider, up to where the paths of its clients begin.
        path: Where exchanges are appended, one a line.
        on_answer: Told of every exchange: a line for a person, and whether it was recorded.

    Raises:
        UsageError: If the address is none that a key may be sent to.
        OutputError: On entry, when the file cannot be written.
    """

    def __init__(
        self, upstream: str, path: Path, on_answer: Callable[[str, bool], None] | None = None
    ) -> None:
        problem = endpoint_problem(upstream)
        if problem is not None:
            raise UsageError(f"the upstream {problem}")
        self._upstream = upstream.rstrip("/")
        self._host = urlsplit(upstream).netloc
        self._path = path
        self._on_answer = on_answer
        self._session: ClientSession | None = None
        self._file = -1
        self.recorded = 0

    async def __aenter__(self) -> Self:
        import aiohttp

        try:
            self._file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        except OSError as error:
            raise OutputError(
                f"the recording {str(self._path)!r} cannot be written: {error.strerror}"
            ) from error
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=30, sock_read=600), auto_decompress=False
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def handle(self, request: Request) -> Performance:
        """Pass one request on."""
        signed = request.headers.get("authorization", "").startswith("AWS4-")
        if signed and request.headers.get("host") != self._host:
            return _refusal(
                400,
                "an AWS signature holds the address it was made for: give the client "
                f"endpoint_url http://{self._host} and this server as its HTTP proxy",
            )
        return Performance([], later=self._pass_on(request))

    async def _pass_on(self, request: Request) -> Performance:
        import aiohttp
        from yarl import URL

        assert self._session is not None
        headers = {name: value for name, value in request.headers.items() if name not in _NOT_PASSED_ON}
        headers["accept-encoding"] = "identity"
        query = request.target.partition("?")[2]
        address = f"{self._upstream}{request.path}" + (f"?{query}" if query else "")
        try:
            answer = await self._session.request(
                request.method,
                URL(address, encoded=True),
                headers=headers,
                data=request.body or None,
                allow_redirects=False,
            )
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            return _refusal(502, f"the upstream did not answer ({type(error).__name__})")
        back = [
            (name, value)
            for name, value in answer.headers.items()
            if name.lower() not in _NOT_PASSED_BACK and "\n" not in value
        ]

        async def feed(send: Callable[[bytes], None]) -> End:
            return await self._feed(request, answer, back, send)

        return Performance([head(answer.status, back, None)], feed=feed)

    async def _feed(
        self,
        request: Request,
        answer: ClientResponse,
        headers: list[tuple[str, str]],
        send: Callable[[bytes], None],
    ) -> End:
        import aiohttp

        parts: list[bytes] = []
        try:
            async for part in answer.content.iter_any():
                if part:
                    parts.append(part)
                    send(chunk(part))
        except (aiohttp.ClientError, TimeoutError):
            self._tell(request, "was cut, not recorded", recorded=False)
            return End.RESET
        finally:
            answer.release()
        # Written before the client learns that it is over, so that it can read the recording then.
        self._keep(request, answer.status, headers, b"".join(parts))
        send(LAST_CHUNK)
        return End.DONE

    def _keep(self, request: Request, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        if len(body) + len(request.body) > _MOST_BYTES:
            self._tell(request, "is too large, not recorded", recorded=False)
            return
        try:
            entry = entry_of(request, status, headers, body)
        except InputError as error:
            self._tell(request, error.message, recorded=False)
            return
        line = orjson.dumps(entry.model_dump(mode="json", exclude_none=True)) + b"\n"
        try:
            whole_line = os.write(self._file, line) == len(line)
        except OSError:
            whole_line = False
        if not whole_line:
            self._tell(request, "could not be written to the recording", recorded=False)
            return
        self.recorded += 1
        self._tell(request, f"{status}, {len(body)} bytes", recorded=True)

    def _tell(self, request: Request, what: str, *, recorded: bool) -> None:
        if self._on_answer is not None:
            self._on_answer(f"{request.method} {request.path}: {what}", recorded)


def _refusal(status: int, message: str) -> Performance:
    error = {"message": message, "type": "recorder", "param": None, "code": "recorder"}
    headers = [("content-type", "application/json")]
    return whole(status, headers, orjson.dumps({"message": message, "error": error}))
