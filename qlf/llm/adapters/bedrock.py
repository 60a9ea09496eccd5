"""Amazon Bedrock: any model that Converse reaches, made and signed by boto3."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import time
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import aiohttp
from botocore.exceptions import BotoCoreError, ClientError

from qlf.llm.adapters import fields
from qlf.llm.adapters.bedrock_errors import error_class, meaning, sdk_meaning
from qlf.llm.adapters.bedrock_reply import StreamedConverse, parse_converse, parse_usage
from qlf.llm.adapters.bedrock_request import converse_arguments, forces_tool
from qlf.llm.adapters.bedrock_signer import Signed, Signer
from qlf.llm.adapters.connection import Broken, Connection, pieces, read_whole
from qlf.llm.adapters.event_stream import Frame, FrameDamaged, FrameReader
from qlf.llm.adapters.failures import broken, failed, timed_out
from qlf.llm.adapters.fields import Misshapen
from qlf.llm.adapters.headers import rate_report, request_id, retry_after_seconds
from qlf.llm.adapters.schema import checked
from qlf.llm.credential import Credential
from qlf.llm.deployment import Deployment, Provider
from qlf.llm.failure import Failure, FailureKind
from qlf.llm.reply import Reply, TextDelta
from qlf.llm.request import ModelRequest

__all__ = ["BedrockAdapter"]

_EVENT_STREAM = "application/vnd.amazon.eventstream"
_DRAIN_SECONDS = 0.25
"""For the last bytes after the last event, so that the connection can be used again."""


class BedrockAdapter:
    """One AWS account in one region.

    Args:
        provider: Its `region` is asked; its `endpoint`, if any, replaces the region's address.
        credential: AWS keys or an API key of Bedrock; without one, boto3 looks where the AWS tools do.
        proxies: Whether the proxies that the environment names are used.

    Raises:
        ProviderError: If region, address or credential cannot be used.
    """

    def __init__(self, provider: Provider, credential: Credential | None, *, proxies: bool = False) -> None:
        self._signer = Signer(provider, credential)
        self._connection = Connection(proxies=proxies)
        # Looking for credentials can read files and ask other machines: never on the event loop.
        self._finder = ThreadPoolExecutor(4, thread_name_prefix="qlf-aws") if credential is None else None

    async def aclose(self) -> None:
        """Close connections."""
        await self._connection.aclose()
        if self._finder is not None:
            self._finder.shutdown(wait=False, cancel_futures=True)
        self._signer.close()

    async def _sign(self, arguments: dict[str, Any], *, stream: bool) -> Signed:
        if self._finder is None:
            return self._signer.sign(arguments, stream=stream)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._finder, lambda: self._signer.sign(arguments, stream=stream))

    async def _send(
        self, deployment: Deployment, request: ModelRequest, *, stream: bool
    ) -> aiohttp.ClientResponse:
        """The answer, read as far as its headers.

        Raises:
            Failure: For everything but a 200.
            Broken: If there is no answer.
        """
        arguments = converse_arguments(deployment, request)
        try:
            signed = await self._sign(arguments, stream=stream)
        except (BotoCoreError, ClientError, ValueError, TypeError, OSError) as error:
            means = sdk_meaning(error)
            failure = failed(means.kind, deployment, means.what, hint=means.hint, sent=False)
        else:
            response = await self._connection.post(*signed)
            if response.status == 200:
                return response
            failure = _refused(deployment, response, await read_whole(response))
        # Raised out here, so that the SDK's error, which may quote the request, is not chained to it.
        raise failure

    async def complete(self, deployment: Deployment, request: ModelRequest, timeout_seconds: float) -> Reply:
        """Ask, and read the whole answer.

        Raises:
            Failure: For everything that can go wrong, typed.
        """
        try:
            async with asyncio.timeout(timeout_seconds):
                response = await self._send(deployment, request, stream=False)
                body = await read_whole(response)
        except TimeoutError:
            failure = timed_out(deployment, timeout_seconds)
        except Broken as error:
            failure = broken(error, deployment)
        else:
            reply = _whole_reply(deployment, response, body, tool=forces_tool(deployment, request))
            return checked(reply, request.schema, deployment)
        raise failure

    async def _open(
        self, deployment: Deployment, request: ModelRequest, seconds: float
    ) -> aiohttp.ClientResponse:
        try:
            async with asyncio.timeout(seconds):
                return await self._send(deployment, request, stream=True)
        except TimeoutError:
            failure = timed_out(deployment, seconds)
        except Broken as error:
            failure = broken(error, deployment)
        raise failure

    async def stream(
        self, deployment: Deployment, request: ModelRequest, timeout_seconds: float
    ) -> AsyncGenerator[TextDelta | Reply, None]:
        """Ask, and hand on pieces as they come, and the whole reply at the end.

        Raises:
            Failure: For everything that can go wrong, typed.
        """
        started = time.perf_counter()
        first: float | None = None
        response = await self._open(deployment, request, timeout_seconds)
        try:
            answer = StreamedConverse(tool=forces_tool(deployment, request))
            async with contextlib.aclosing(_frames(deployment, response, answer, timeout_seconds)) as frames:
                async for frame in frames:
                    text = _added(deployment, response, answer, frame)
                    if text:
                        if first is None:
                            first = time.perf_counter() - started
                        yield TextDelta(text)
            reply = answer.reply()
            name = request_id(response.headers)
            if reply is None:
                raise failed(FailureKind.CUT, deployment, "ended its stream too early", request_id=name)
            rates = rate_report(response.headers)
            reply = dataclasses.replace(reply, request_id=name, rates=rates, first_token_seconds=first)
            yield checked(reply, request.schema, deployment)
        finally:
            response.close()


def _refused(deployment: Deployment, response: aiohttp.ClientResponse, body: bytes) -> Failure:
    try:
        error = fields.parse(body)
    except Misshapen:
        error = {}
    text = error.get("message", error.get("Message"))
    name = error_class(response.headers.get("x-amzn-errortype", ""), error)
    means = meaning(name, response.status, text if type(text) is str else "")
    return failed(
        means.kind,
        deployment,
        f"{means.what} ({response.status})",
        hint=means.hint,
        status=response.status,
        sent=False,
        retry_after_seconds=retry_after_seconds(response.headers),
        request_id=request_id(response.headers),
        rates=rate_report(response.headers),
    )


def _malformed(deployment: Deployment, response: aiohttp.ClientResponse, error: Exception) -> Failure:
    return failed(
        FailureKind.MALFORMED,
        deployment,
        f"sent an answer that is not of its wire format: {error}",
        status=response.status,
        request_id=request_id(response.headers),
    )


def _whole_reply(
    deployment: Deployment, response: aiohttp.ClientResponse, body: bytes, *, tool: bool
) -> Reply:
    usage = None
    try:
        parsed = fields.parse(body)
        usage = parse_usage(parsed)
        reply = parse_converse(parsed, tool=tool)
        if reply is not None:
            headers = response.headers
            return dataclasses.replace(reply, request_id=request_id(headers), rates=rate_report(headers))
        what = "ended its answer without saying why it stopped"
        failure = failed(FailureKind.CUT, deployment, what, usage=usage)
    except Misshapen as error:
        failure = _malformed(deployment, response, error)
        failure.usage = usage
    raise failure


def _added(
    deployment: Deployment, response: aiohttp.ClientResponse, answer: StreamedConverse, frame: Frame
) -> str:
    """The text of this frame.

    Raises:
        Failure: If the frame is an exception, or not of the format.
    """
    headers = frame.headers
    try:
        if headers.get(":message-type") == "event":
            return answer.add(headers.get(":event-type", ""), fields.parse(frame.payload))
        name = error_class(headers.get(":exception-type") or headers.get(":error-code", ""), {})
        text = fields.parse(frame.payload).get("message") if frame.payload else ""
        means = meaning(name, None, text if type(text) is str else "")
        failure = failed(
            means.kind,
            deployment,
            f"{means.what}, in the middle of its answer",
            hint=means.hint,
            status=response.status,
            sent=True,
            request_id=request_id(response.headers),
        )
    except Misshapen as error:
        failure = _malformed(deployment, response, error)
    raise failure


async def _frames(
    deployment: Deployment, response: aiohttp.ClientResponse, answer: StreamedConverse, seconds: float
) -> AsyncGenerator[Frame, None]:
    """The frames of the stream, to its end."""
    if not response.headers.get("content-type", "").startswith(_EVENT_STREAM):
        raise _malformed(deployment, response, Misshapen("a stream was asked for, and none came"))
    loop = asyncio.get_running_loop()
    reader = FrameReader()
    deadline = loop.time() + seconds
    async with contextlib.aclosing(pieces(response)) as body:
        while True:
            failure: Failure | None = None
            frames: list[Frame] = []
            try:
                async with asyncio.timeout_at(deadline):
                    piece = await anext(body)
                frames = reader.feed(piece)
            except StopAsyncIteration:
                return
            except TimeoutError:
                failure = timed_out(deployment, seconds, streaming=True)
            except Broken as error:
                failure = broken(error, deployment)
            except FrameDamaged as error:
                failure = _malformed(deployment, response, error)
            if failure is not None:
                if answer.reply() is not None:
                    return
                raise failure
            for frame in frames:
                yield frame
            if frames:
                deadline = loop.time() + (_DRAIN_SECONDS if answer.ended else seconds)
