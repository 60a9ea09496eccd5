"""A small HTTP client for an application that nobody trusts: bounded answers, no redirects, no proxies."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import httpx

__all__ = ["Answer", "Client", "NoAnswer"]

MAX_BODY_BYTES = 4 * 1024 * 1024
_TIMEOUT_SECONDS = 15.0


class NoAnswer(Exception):
    """The application gave no usable answer: it hung, closed the connection, or sent too much."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes

    def json(self) -> Any:
        """The body as JSON data; `None` where it is not JSON."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    @property
    def media_type(self) -> str:
        """The content type without parameters, in lower case."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


class Client:
    """Sends requests through a Unix socket."""

    def __init__(self, socket: str) -> None:
        self._http = httpx.Client(
            transport=httpx.HTTPTransport(uds=socket),
            base_url="http://localhost",
            timeout=_TIMEOUT_SECONDS,
            follow_redirects=False,
            trust_env=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def send(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        media_type: str = "application/json",
    ) -> Answer:
        """Send one request and read the whole answer.

        Raises:
            NoAnswer: If there is none, or it is larger than `MAX_BODY_BYTES`.
        """
        sent = {"accept": "application/json", **(headers or {})}
        content = None
        if body is not None:
            content = json.dumps(body).encode()
            sent["content-type"] = media_type
        try:
            with self._http.stream(method, path, content=content, headers=sent) as response:
                received = bytearray()
                for chunk in response.iter_bytes():
                    received += chunk
                    if len(received) > MAX_BODY_BYTES:
                        raise NoAnswer(f"an answer of more than {MAX_BODY_BYTES} bytes")
                known = {name.lower(): value for name, value in response.headers.items()}
                return Answer(response.status_code, known, bytes(received))
        except httpx.TimeoutException as error:
            raise NoAnswer(f"no answer within {_TIMEOUT_SECONDS:.0f} seconds") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise NoAnswer(f"the connection broke ({type(error).__name__})") from error
