"""The way of the `openai` SDK to the network: its own HTTP client on top of our connection pool."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import aiohttp
import httpx2

from qlf.llm.adapters.connection import LARGEST_ANSWER, Connection, pieces, read_whole

__all__ = ["HEADERS", "Transport", "http_client"]

_LARGEST_FILE = 4 * 1024 * 1024 * 1024
"""Bytes of a file of answers; it is read line by line."""

HEADERS = "qlf.headers"
"""Where a response keeps the headers as they came, for cheap case-insensitive reading."""

# Set by the connection below, or said by us: answers are short, and packing them costs more than it saves.
_DROPPED = frozenset({b"host", b"connection", b"content-length", b"accept-encoding"})


class _Body(httpx2.AsyncByteStream):
    """A body that is still coming."""

    def __init__(self, response: aiohttp.ClientResponse, most: int = LARGEST_ANSWER) -> None:
        self._response = response
        self._most = most

    async def __aiter__(self) -> AsyncGenerator[bytes, None]:
        async for piece in pieces(self._response, self._most):
            yield piece

    async def aclose(self) -> None:
        self._response.close()


class Transport(httpx2.AsyncBaseTransport):
    """Hands requests to a `Connection`. Event streams and files are handed on unread, everything else
    is read first.

    Its errors are `Broken`, which the SDK passes through as they are.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send."""
        headers = [
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, value in request.headers.raw
            if name.lower() not in _DROPPED
        ]
        headers.append(("Accept-Encoding", "identity"))
        body = await request.aread()
        answer = await self._connection.post(str(request.url), headers, body or None, method=request.method)
        kind = answer.headers.get("content-type", "")
        more = {HEADERS: answer.headers}
        if answer.status == 200 and kind.lower().startswith("text/event-stream"):
            return httpx2.Response(200, stream=_Body(answer), request=request, extensions=more)
        if answer.status == 200 and request.method == "GET" and request.url.path.endswith("/content"):
            body_of_file = _Body(answer, _LARGEST_FILE)
            return httpx2.Response(200, stream=body_of_file, request=request, extensions=more)
        whole = await read_whole(answer)
        return httpx2.Response(answer.status, content=whole, request=request, extensions=more)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._connection.aclose()


def http_client(connection: Connection) -> httpx2.AsyncClient:
    """A client for the SDK that follows no redirects and reads nothing from the environment."""
    return httpx2.AsyncClient(
        transport=Transport(connection), follow_redirects=False, trust_env=False, timeout=None
    )
