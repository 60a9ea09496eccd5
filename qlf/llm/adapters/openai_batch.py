"""The batch API of OpenAI and of Azure OpenAI: files and batches below the address of the account.

Guides: OpenAI's on the batch API, Azure OpenAI's on batch deployments. Both work on a file within 24 hours at
half the price, keep what was done when a batch expires or is cancelled, and charge for that part only.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncGenerator
from typing import Any, Literal
from urllib.parse import quote

import httpx2
import openai
import orjson
from openai import RequestOptions

from qlf.llm.adapters import fields
from qlf.llm.adapters.connection import LARGEST_ANSWER, Broken
from qlf.llm.adapters.failures import broken, failed, timed_out
from qlf.llm.adapters.fields import Misshapen
from qlf.llm.adapters.openai_errors import error_in, meaning
from qlf.llm.adapters.openai_refusal import refused
from qlf.llm.adapters.openai_reply import parse_reply, parse_usage
from qlf.llm.adapters.openai_request import request_body
from qlf.llm.batch_api import BatchStatus, LineResult, RemoteBatch
from qlf.llm.deployment import Deployment
from qlf.llm.failure import Failure, FailureKind
from qlf.llm.reply import Reply
from qlf.llm.request import ModelRequest

__all__ = ["OpenAIBatches"]

_SECONDS = 60.0
_TRANSFER_SECONDS = 600.0
_PAGES = 10
_PAGE = 100
_ENDED: dict[str, BatchStatus] = {
    "completed": "completed",
    "failed": "failed",
    "expired": "expired",
    "cancelled": "cancelled",
}
_RUNNING = frozenset({"validating", "in_progress", "finalizing", "cancelling"})
_UNREAD_FILE = frozenset({"uploaded", "pending", "running", "processing"})
_MARK = "qlf"


@dataclasses.dataclass(frozen=True, slots=True)
class _Form:
    """Fields, and a file as name, bytes and media type (RFC 7578)."""

    fields: dict[str, str]
    file: tuple[str, bytes, str]


class OpenAIBatches:
    """Files and batches of one account.

    Args:
        client: Has the address and the credential.
        options: Sent with each request.
        endpoint: How a batch names what its lines ask.
    """

    def __init__(self, client: openai.AsyncOpenAI, options: RequestOptions, endpoint: str) -> None:
        self._client = client
        self._options = options
        self._endpoint = endpoint

    def line(self, deployment: Deployment, name: str, request: ModelRequest) -> bytes:
        """A request as one line of a file, without its line end; the name is that of its result.

        Raises:
            Failure: Of kind `BAD_REQUEST`, if it cannot be written.
        """
        body = orjson.Fragment(request_body(_asked(deployment), request, stream=False))
        return orjson.dumps({"custom_id": name, "method": "POST", "url": self._endpoint, "body": body})

    async def upload(self, deployment: Deployment, name: str, data: bytes) -> str:
        """Hand over a file of requests; its id."""
        form = _Form({"purpose": "batch"}, (name, data, "application/jsonl"))
        return _id(deployment, await self._ask(deployment, "POST", "/files", form, _TRANSFER_SECONDS))

    async def ready(self, deployment: Deployment, file: str) -> bool:
        """Whether a batch can be made of the file: Azure reads it first."""
        answer = await self._ask(deployment, "GET", f"/files/{quote(file, safe='')}")
        status = answer.get("status")
        if status == "error":
            raise failed(FailureKind.BAD_REQUEST, deployment, "could not read the file of requests")
        return status not in _UNREAD_FILE

    async def create(self, deployment: Deployment, file: str, mark: str) -> RemoteBatch:
        """Begin to work on a file."""
        asked = {
            "input_file_id": file,
            "endpoint": self._endpoint,
            "completion_window": "24h",
            "metadata": {_MARK: mark},
        }
        answer = await self._ask(deployment, "POST", "/batches", asked)
        return _batch(deployment, answer)

    async def find(self, deployment: Deployment, mark: str) -> RemoteBatch | None:
        """The latest batch with this mark, among the thousand that were made last."""
        after = ""
        for _ in range(_PAGES):
            page = await self._ask(deployment, "GET", f"/batches?limit={_PAGE}{after}")
            try:
                found = fields.items(page, "data")
                for one in found:
                    if fields.mapping(one, "metadata").get(_MARK) == mark:
                        return _batch(deployment, one)
            except Misshapen as error:
                raise _malformed(deployment, error) from None
            if not found or page.get("has_more") is not True:
                return None
            after = f"&after={quote(_id(deployment, found[-1]), safe='')}"
        return None

    async def look(self, deployment: Deployment, batch: str) -> RemoteBatch:
        """How far a batch is."""
        return _batch(deployment, await self._ask(deployment, "GET", f"/batches/{quote(batch, safe='')}"))

    async def results(self, deployment: Deployment, file: str) -> AsyncGenerator[LineResult]:
        """The results in a file, in no certain order. Lines that are none are left out."""
        async with contextlib.aclosing(self._lines(deployment, file)) as lines:
            async for line in lines:
                found = _result(deployment, line)
                if found is not None:
                    yield found

    async def remove(self, deployment: Deployment, file: str) -> None:
        """Delete a file."""
        await self._ask(deployment, "DELETE", f"/files/{quote(file, safe='')}")

    async def _lines(self, deployment: Deployment, file: str) -> AsyncGenerator[bytes]:
        path = f"/files/{quote(file, safe='')}/content"
        response = await self._send(deployment, "GET", path, None, _SECONDS, stream=True)
        left = bytearray()
        failure: Failure | None = None
        try:
            body = response.aiter_raw()
            while True:
                async with asyncio.timeout(_SECONDS):
                    piece = await anext(body, None)
                if piece is None:
                    break
                # Searched in the new piece only: a long line comes in thousands of them.
                if b"\n" in piece:
                    *whole, rest = (bytes(left) + piece).split(b"\n")
                    left = bytearray(rest)
                    for line in whole:
                        yield line
                else:
                    left += piece
                if len(left) > LARGEST_ANSWER:
                    failure = failed(
                        FailureKind.MALFORMED, deployment, "sent a line longer than any answer", sent=False
                    )
                    break
        except TimeoutError:
            failure = timed_out(deployment, _SECONDS, streaming=True)
        except Broken as error:
            failure = broken(error, deployment)
        finally:
            await response.aclose()
        if failure is not None:
            raise failure
        yield bytes(left)

    async def _ask(
        self,
        deployment: Deployment,
        method: Literal["GET", "POST", "DELETE"],
        path: str,
        body: dict[str, Any] | _Form | None = None,
        seconds: float = _SECONDS,
    ) -> dict[str, Any]:
        response = await self._send(deployment, method, path, body, seconds)
        try:
            return fields.parse(response.content)
        except Misshapen as error:
            raise _malformed(deployment, error) from None

    async def _send(
        self,
        deployment: Deployment,
        method: Literal["GET", "POST", "DELETE"],
        path: str,
        body: dict[str, Any] | _Form | None,
        seconds: float,
        *,
        stream: bool = False,
    ) -> httpx2.Response:
        """The response with status 200.

        Raises:
            Failure: For everything else.
        """
        options: RequestOptions = {**self._options}
        files: dict[str, Any] | None = None
        if isinstance(body, _Form):
            options["headers"] = {**(options.get("headers") or {}), "Content-Type": "multipart/form-data"}
            files, body = {"file": body.file}, body.fields
        get, post, delete = self._client.get, self._client.post, self._client.delete
        try:
            async with asyncio.timeout(seconds):
                response: httpx2.Response
                if stream:
                    opened: Any = await get(
                        path,
                        cast_to=httpx2.Response,
                        options=options,
                        stream=True,
                        stream_cls=openai.AsyncStream[Any],
                    )
                    response = opened
                elif method == "GET":
                    response = await get(path, cast_to=httpx2.Response, options=options)
                elif method == "POST":
                    response = await post(
                        path, cast_to=httpx2.Response, body=body, files=files, options=options
                    )
                else:
                    response = await delete(path, cast_to=httpx2.Response, options=options)
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
            if 200 <= response.status_code < 300:
                return response
            failure = refused(deployment, response)
        # Raised out here, so that the SDK's error, which may quote a key, is not chained to it.
        raise failure


def _asked(deployment: Deployment) -> Deployment:
    assert deployment.batch is not None
    return dataclasses.replace(deployment, remote=deployment.batch.remote)


def _malformed(deployment: Deployment, error: Misshapen) -> Failure:
    what = f"sent an answer that is not of its batch API: {error}"
    return failed(FailureKind.MALFORMED, deployment, what, sent=False)


def _id(deployment: Deployment, answer: dict[str, Any]) -> str:
    try:
        found = fields.label(answer, "id")
        if found:
            return found
        error = Misshapen("'id' is missing")
    except Misshapen as wrong:
        error = wrong
    raise _malformed(deployment, error)


def _batch(deployment: Deployment, answer: dict[str, Any]) -> RemoteBatch:
    try:
        said = fields.label(answer, "status")
        status = "running" if said in _RUNNING else _ENDED.get(said)
        if status is None:
            raise Misshapen("'status' is not known")
        counts = fields.mapping(answer, "request_counts")
        problems = fields.items(fields.mapping(answer, "errors"), "data")
        code = fields.label(problems[0], "code") if problems else ""
        files = (fields.label(answer, "output_file_id"), fields.label(answer, "error_file_id"))
        return RemoteBatch(
            _id(deployment, answer),
            status,
            tuple(one for one in files if one),
            fields.count(counts, "total"),
            fields.count(counts, "completed") + fields.count(counts, "failed"),
            code if code.replace("_", "").isalnum() else "",
        )
    except Misshapen as error:
        raise _malformed(deployment, error) from None


def _result(deployment: Deployment, line: bytes) -> LineResult | None:
    """What a line says; nothing where it does not even name the request that it is for."""
    try:
        found = fields.parse(line)
        name = fields.label(found, "custom_id")
    except Misshapen:
        return None
    try:
        return LineResult(name, reply=_reply(deployment, found))
    except Failure as failure:
        return LineResult(name, failure=failure)


def _reply(deployment: Deployment, line: dict[str, Any]) -> Reply:
    usage, request = None, ""
    try:
        error = fields.mapping(line, "error")
        response = fields.mapping(line, "response")
        if not response:
            raise _left(deployment, error)
        request = fields.label(response, "request_id")
        status, body = fields.count(response, "status_code"), fields.mapping(response, "body")
        if not 200 <= status < 300:
            means = meaning(status, error_in(orjson.dumps(body)))
            raise failed(
                means.kind,
                deployment,
                means.what,
                hint=means.hint,
                status=status,
                sent=False,
                request_id=request,
            )
        usage = parse_usage(body)
        reply = parse_reply(body)
    except Misshapen as wrong:
        failure = _malformed(deployment, wrong)
        failure.sent, failure.usage, failure.request_id = True, usage, request
        raise failure from None
    if reply is None:
        what = "ended its answer without saying why it stopped"
        raise failed(FailureKind.CUT, deployment, what, usage=usage, request_id=request)
    return dataclasses.replace(reply, request_id=request)


def _left(deployment: Deployment, error: dict[str, Any]) -> Failure:
    """The failure of a line that was not worked on, which is free."""
    if error.get("code") in ("batch_expired", "batch_cancelled"):
        what = "did not get to this line of the batch in its time"
        return failed(FailureKind.UNAVAILABLE, deployment, what, hint="ask it again", sent=False)
    means = meaning(None, error)
    return failed(means.kind, deployment, means.what, hint=means.hint, sent=False)
