"""One HTTP connection pool for a provider account: no redirects, no cookies, no retries, bounded answers.

An own client rather than those of the SDKs: it costs a tenth of their processor time, it tells a refused
connection from one that broke after the request was sent (only the latter may be charged), and a cancelled
call closes its socket at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import ipaddress
import socket
import urllib.request
from collections.abc import AsyncGenerator, Iterable
from typing import Any

import aiohttp
from yarl import URL

from qlf.errors import InternalError
from qlf.llm.failure import FailureKind

__all__ = ["LARGEST_ANSWER", "Broken", "Connection", "pieces", "read_whole"]

LARGEST_ANSWER = 32 * 1024 * 1024
"""Bytes of one answer, after decompression. The longest answers of today's models stay under one."""

_CONNECT_SECONDS = 10.0
_PROBE_SECONDS = 60
_BY_US = ("accept", "accept-encoding", "content-type", "user-agent")


class Broken(Exception):
    """The exchange failed below HTTP.

    Args:
        kind: The cause.
        what: What happened, to follow the name of the deployment: `refused the connection`.
        sent: Whether the provider may have worked on the request.
    """

    def __init__(self, kind: FailureKind, what: str, *, sent: bool) -> None:
        super().__init__(what)
        self.kind = kind
        self.what = what
        self.sent = sent


def _broken(error: Exception, *, answering: bool) -> Broken:
    """What an error of the HTTP client means; its own text may hold addresses, and is not passed on."""
    kind, what, sent = FailureKind.UNAVAILABLE, "closed the connection before it answered", True
    if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientSSLError):
        what, sent = "could not be reached: its TLS certificate or handshake was not accepted", False
    elif isinstance(error, aiohttp.ClientConnectorDNSError):
        what, sent = "could not be reached: its host name is not known", False
    elif isinstance(error, aiohttp.ClientProxyConnectionError | aiohttp.ClientHttpProxyError):
        what, sent = "could not be reached through the proxy", False
    elif isinstance(error, aiohttp.ConnectionTimeoutError):
        what, sent = "did not accept the connection in time", False
    elif isinstance(error, aiohttp.ClientConnectorError):
        what, sent = "refused the connection", False
    elif isinstance(error, aiohttp.InvalidURL | UnicodeError):
        kind, what, sent = FailureKind.BAD_REQUEST, "has an address that is not a URL", False
    elif isinstance(error, aiohttp.ClientResponseError):
        kind, what = FailureKind.MALFORMED, "answered with something that is not HTTP"
    elif answering:
        kind, what = FailureKind.CUT, "closed the connection in the middle of its answer"
    return Broken(kind, what, sent=sent)


def _socket(address: tuple[Any, ...]) -> socket.socket:
    """A socket that the network keeps open: a model may think for minutes without sending a byte."""
    made = socket.socket(family=address[0], type=address[1], proto=address[2])
    made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name in ("TCP_KEEPIDLE", "TCP_KEEPINTVL"):
        if hasattr(socket, name):
            made.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), _PROBE_SECONDS)
    return made


@functools.lru_cache(maxsize=64)
def _proxy(scheme: str, host: str) -> str | None:
    """The proxy that the environment names for this host; none for this machine itself.

    Asked here rather than by the HTTP client, which would also send what a `.netrc` holds.
    """
    with contextlib.suppress(ValueError):
        if ipaddress.ip_address(host).is_loopback:
            return None
    if host == "localhost" or urllib.request.proxy_bypass(host):
        return None
    return urllib.request.getproxies().get(scheme)


class Connection:
    """The pool. It belongs to the event loop it is first used in.

    Args:
        proxies: Whether the proxies that the environment names are used.
    """

    def __init__(self, *, proxies: bool = False) -> None:
        self._proxies = proxies
        self._session: aiohttp.ClientSession | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def _open(self) -> aiohttp.ClientSession:
        # How many calls run at once is decided by the scheduler; a second limit here would queue unseen.
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=15.0, socket_factory=_socket),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS),
            skip_auto_headers=_BY_US,
        )

    async def post(
        self, url: str, headers: Iterable[tuple[str, str]], body: bytes | None, *, method: str = "POST"
    ) -> aiohttp.ClientResponse:
        """Send, and read as far as the headers of the answer.

        Raises:
            Broken: If there is no answer.
            InternalError: If it was first used in another event loop, where its sockets are.
        """
        loop = asyncio.get_running_loop()
        session = self._session
        if session is None:
            session, self._loop = self._open(), loop
            self._session = session
        elif self._loop is not loop:
            raise InternalError("an adapter was used in two event loops", hint="make one for each loop")
        try:
            address = URL(url, encoded=True)
            return await session.request(
                method,
                address,
                headers=list(headers),
                data=body,
                allow_redirects=False,
                proxy=_proxy(address.scheme, address.host or "") if self._proxies else None,
            )
        except (aiohttp.ClientError, OSError, ValueError) as error:
            broken = _broken(error, answering=False)
        raise broken

    async def aclose(self) -> None:
        """Close all connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()


async def pieces(response: aiohttp.ClientResponse, most: int = LARGEST_ANSWER) -> AsyncGenerator[bytes, None]:
    """The body as it comes. Leaving the loop early, or being cancelled in it, closes the connection.

    Raises:
        Broken: If it ends before its end, or is larger than `most`.
    """
    left = most
    broken: Broken | None = None
    try:
        while piece := await response.content.readany():
            left -= len(piece)
            if left < 0:
                what = f"sent more than {most >> 20} MiB for one answer"
                broken = Broken(FailureKind.MALFORMED, what, sent=True)
                break
            yield piece
    except (aiohttp.ClientError, OSError, ValueError) as error:
        broken = _broken(error, answering=True)
    finally:
        response.close()
    if broken is not None:
        raise broken


async def read_whole(response: aiohttp.ClientResponse) -> bytes:
    """The body.

    Raises:
        Broken: As for `pieces`.
    """
    async with contextlib.aclosing(pieces(response)) as body:
        return b"".join([piece async for piece in body])
