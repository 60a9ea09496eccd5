"""Chat completions over HTTP: what Azure OpenAI and OpenAI-compatible servers have in common.

Requests go through the SDK, which knows addresses and credentials; answers are read from their bytes, since
the SDK's own models cost more processor time than all the rest of a call.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any

import httpx2
import openai
from openai import RequestOptions

from qlf.llm.adapters import fields
from qlf.llm.adapters.connection import Broken
from qlf.llm.adapters.failures import broken, failed, timed_out
from qlf.llm.adapters.fields import Misshapen
from qlf.llm.adapters.headers import rate_report, request_id
from qlf.llm.adapters.openai_errors import error_in, meaning
from qlf.llm.adapters.openai_refusal import headers_of, refused
from qlf.llm.adapters.openai_reply import StreamedReply, parse_reply, parse_usage
from qlf.llm.adapters.openai_request import request_body
from qlf.llm.adapters.schema import checked
from qlf.llm.adapters.sse import EventReader, EventTooLarge
from qlf.llm.deployment import Deployment
from qlf.llm.failure import Failure, FailureKind
from qlf.llm.reply import Reply, TextDelta
from qlf.llm.request import ModelRequest

if TYPE_CHECKING:
    from qlf.llm.adapters.openai_batch import OpenAIBatches

__all__ = ["OpenAIWire"]

_DRAIN_SECONDS = 0.25
_UNFINISHED = "ended its answer without saying why it stopped"


def _malformed(deployment: Deployment, response: httpx2.Response, error: Exception) -> Failure:
    return failed(
        FailureKind.MALFORMED,
        deployment,
        f"sent an answer that is not of its wire format: {error}",
        status=response.status_code,
        request_id=request_id(headers_of(response)),
    )


class OpenAIWire:
    """An adapter over a client of the SDK.

    Args:
        client: Has the address and the credential, and `openai_transport.http_client` to send with.
        headers: Sent with each request, or left out of each.
    """

    def __init__(
        self, client: openai.AsyncOpenAI, *, headers: Mapping[str, str | openai.Omit] | None = None
    ) -> None:
        self._client = client
        self._options: RequestOptions = {"headers": headers} if headers else {}

    batch_endpoint = "/v1/chat/completions"
    """How a batch names what its lines ask."""

    def batches(self) -> OpenAIBatches:
        """The batch API of this account."""
        from qlf.llm.adapters.openai_batch import OpenAIBatches

        return OpenAIBatches(self._client, self._options, self.batch_endpoint)

    def path(self, deployment: Deployment) -> str:
        """Where this deployment is asked, below the address of the client."""
        del deployment
        return "/chat/completions"

    async def aclose(self) -> None:
        """Close connections."""
        await self._client.close()

    async def _send(
        self, deployment: Deployment, request: ModelRequest, seconds: float, *, stream: bool
    ) -> httpx2.Response:
        """The response: read, or at the start of an event stream.

        Raises:
            Failure: For everything but a 200.
        """
        body = request_body(deployment, request, stream=stream)
        try:
            async with asyncio.timeout(seconds):
                if stream:
                    opened: Any = await self._client.post(
                        self.path(deployment),
                        cast_to=httpx2.Response,
                        content=body,
                        options=self._options,
                        stream=True,
                        stream_cls=openai.AsyncStream[Any],
                    )
                    response: httpx2.Response = opened
                else:
                    response = await self._client.post(
                        self.path(deployment), cast_to=httpx2.Response, content=body, options=self._options
                    )
        except TimeoutError:
            failure = timed_out(deployment, seconds)
        except Broken as error:
            failure = broken(error, deployment)
        except openai.APIStatusError as error:
            failure = refused(deployment, error.response)
        except (openai.OpenAIError, httpx2.HTTPError, httpx2.InvalidURL, ValueError, TypeError):
            what = "could not be asked: the SDK refused the request"
            failure = failed(FailureKind.BAD_REQUEST, deployment, what, sent=False)
        else:
            if response.status_code == 200:
                return response
            failure = refused(deployment, response)
        # Raised out here, so that the SDK's error, which may quote a key, is not chained to it.
        raise failure

    async def complete(self, deployment: Deployment, request: ModelRequest, timeout_seconds: float) -> Reply:
        """Ask, and read the whole answer.

        Raises:
            Failure: For everything that can go wrong, typed.
        """
        response = await self._send(deployment, request, timeout_seconds, stream=False)
        reply = _whole_reply(deployment, response)
        return checked(reply, request.schema, deployment)

    async def stream(
        self, deployment: Deployment, request: ModelRequest, timeout_seconds: float
    ) -> AsyncGenerator[TextDelta | Reply, None]:
        """Ask, and hand on pieces as they come, and the whole reply at the end.

        Raises:
            Failure: For everything that can go wrong, typed.
        """
        started = time.perf_counter()
        first: float | None = None
        response = await self._send(deployment, request, timeout_seconds, stream=True)
        try:
            if response.is_closed:
                raise self._no_stream(deployment, response)
            answer = StreamedReply()
            async with contextlib.aclosing(_chunks(deployment, response, answer, timeout_seconds)) as chunks:
                async for chunk in chunks:
                    text = _added(deployment, response, answer, chunk)
                    if text:
                        if first is None:
                            first = time.perf_counter() - started
                        yield TextDelta(text)
            reply = answer.reply()
            headers = headers_of(response)
            if reply is None:
                raise failed(
                    FailureKind.CUT, deployment, "ended its stream too early", request_id=request_id(headers)
                )
            reply = dataclasses.replace(
                reply,
                request_id=request_id(headers),
                rates=rate_report(headers),
                first_token_seconds=first,
            )
            yield checked(reply, request.schema, deployment)
        finally:
            await response.aclose()

    def _no_stream(self, deployment: Deployment, response: httpx2.Response) -> Failure:
        if error_in(response.content).get("message") is not None:
            return refused(deployment, response, begun=True)
        return _malformed(deployment, response, Misshapen("a stream was asked for, and none came"))


def _whole_reply(deployment: Deployment, response: httpx2.Response) -> Reply:
    usage = None
    try:
        body = fields.parse(response.content)
        if body.get("error") and not body.get("choices"):
            failure = refused(deployment, response, begun=True)
        else:
            usage = parse_usage(body)
            reply = parse_reply(body)
            if reply is not None:
                headers = headers_of(response)
                return dataclasses.replace(reply, request_id=request_id(headers), rates=rate_report(headers))
            failure = failed(FailureKind.CUT, deployment, _UNFINISHED, usage=usage)
    except Misshapen as error:
        failure = _malformed(deployment, response, error)
        failure.usage = usage
    raise failure


def _added(
    deployment: Deployment, response: httpx2.Response, answer: StreamedReply, chunk: dict[str, Any]
) -> str:
    """The text of this chunk.

    Raises:
        Failure: If the chunk is an error, or not of the format.
    """
    try:
        if not chunk.get("error"):
            return answer.add(chunk)
        error = chunk["error"]
        means = meaning(None, error if type(error) is dict else {"message": error})
        failure = failed(
            means.kind,
            deployment,
            means.what,
            hint=means.hint,
            sent=True,
            request_id=request_id(headers_of(response)),
        )
    except Misshapen as error:
        failure = _malformed(deployment, response, error)
    raise failure


async def _chunks(
    deployment: Deployment, response: httpx2.Response, answer: StreamedReply, seconds: float
) -> AsyncGenerator[dict[str, Any], None]:
    """The chunks of the stream, until it says that it is done or ends.

    Comments do not count as a sign of life: a proxy can send them for ever.
    """
    loop = asyncio.get_running_loop()
    reader = EventReader()
    body = response.aiter_raw()
    deadline = loop.time() + seconds
    while True:
        failure: Failure | None = None
        try:
            async with asyncio.timeout_at(deadline):
                piece = await anext(body)
            events = reader.feed(piece)
        except StopAsyncIteration:
            return
        except TimeoutError:
            failure = timed_out(deployment, seconds, streaming=True)
            events = []
        except Broken as error:
            failure = broken(error, deployment)
            events = []
        except EventTooLarge as error:
            failure = _malformed(deployment, response, error)
            events = []
        if failure is not None:
            if answer.reply() is not None:
                return
            raise failure
        for event in events:
            if event.data == b"[DONE]":
                answer.done = True
                await _drain(body)
                return
            try:
                chunk = fields.parse(event.data)
            except Misshapen as error:
                failure = _malformed(deployment, response, error)
            else:
                yield chunk
                continue
            raise failure
        if events:
            deadline = loop.time() + seconds


async def _drain(body: AsyncIterator[bytes]) -> None:
    """Read the last bytes, so that the connection can be used again; without them it is closed."""
    try:
        async with asyncio.timeout(_DRAIN_SECONDS):
            async for _ in body:
                continue
    except (TimeoutError, Broken):
        return
