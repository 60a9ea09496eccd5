"""Sending a batch: reserve every line, write the batch down, hand over the file, begin.

Before anything leaves, every line is reserved and the batch is on disk. Until the provider has begun, all of
it can be taken back; from then on it goes on without this process.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from qlf.core.metering import Ending, Outcome
from qlf.errors import InternalError, ProviderError
from qlf.llm.batch_api import BatchApi, BatchLimits, HasBatches
from qlf.llm.batch_plan import Route
from qlf.llm.batch_state import BatchFolder, Line, Pending
from qlf.llm.deployment import Deployment
from qlf.llm.estimate import input_tokens
from qlf.llm.failure import CallFailed, Failure, FailureKind
from qlf.llm.till import Job

if TYPE_CHECKING:
    from qlf.llm.gateway import Gateway

__all__ = ["BatchSender", "Refuse", "batches_of", "give_back"]

Refuse = Callable[[str, ProviderError], Coroutine[Any, Any, None]]
"""Told of the digest of a call that is not sent, and why."""

_T = TypeVar("_T")
_SLICE = 256
"""Lines that are reserved at a time, and written down before the next are."""
_WAITS = (2.0, 8.0)
"""Seconds before an exchange is tried once more."""
_READY_SECONDS = 600.0
_NOT_SENT = Outcome(Ending.REFUSED, error="not-sent")


@dataclass(frozen=True, slots=True)
class _Row:
    route: Route
    name: str
    data: bytes


async def batches_of(gateway: Gateway, deployment: Deployment) -> tuple[BatchApi, str]:
    """The batch API of a deployment, and the id of the credential in use.

    Raises:
        KeyStoreError: If the credential is missing or cannot be opened.
        ProviderError: If there is no such API.
    """
    opened = await gateway.sender.pool.get(deployment.provider)
    if deployment.batch is None or not isinstance(opened.adapter, HasBatches):
        raise ProviderError(
            f"the deployment {deployment.name!r} has no batch API",
            hint="restore its `batch` setting in providers.yaml",
        )
    return opened.adapter.batches(), opened.key_id


async def give_back(
    gateway: Gateway,
    folder: BatchFolder,
    pending: Pending,
    api: BatchApi | None = None,
    deployment: Deployment | None = None,
) -> None:
    """Settle all lines of a batch that was not begun: they are free. Then forget it.

    With its deployment the file of requests is deleted there too, if that can be done.
    """
    books = gateway.sender.till.books
    closing = (books.close(line.ticket, _NOT_SENT) for line in pending.lines)
    for error in await asyncio.gather(*closing, return_exceptions=True):
        # One that a run before this one settled already is as it should be.
        if error is not None and not isinstance(error, InternalError):
            raise error
    folder.remove(pending)
    if api is not None and deployment is not None and pending.file:
        with contextlib.suppress(ProviderError):
            await api.remove(deployment, pending.file)


class BatchSender:
    """Sends batches for one run.

    Args:
        gateway: Whose deployments, ledger and clock.
        folder: Where batches are written down.
        limits: How large a file may be.
        refuse: Told of every call that is not sent.
    """

    def __init__(self, gateway: Gateway, folder: BatchFolder, limits: BatchLimits, refuse: Refuse) -> None:
        self._gateway = gateway
        self._folder = folder
        self._limits = limits
        self._refuse = refuse
        self._till = gateway.sender.till
        self._over: ProviderError | None = None

    async def send(self, deployment: Deployment, routes: Sequence[Route]) -> list[Pending]:
        """Send calls to one deployment, in as many batches as the limits ask for; those that are under way.

        Raises:
            OutputError: If a batch cannot be written down. Nothing of it was sent.
        """
        sent: list[Pending] = []
        left = iter(routes)
        try:
            api, key_id = await batches_of(self._gateway, deployment)
            async for name, rows in self._files(api, deployment, left):
                pending = await self._send(api, key_id, deployment, name, rows)
                if pending is not None:
                    sent.append(pending)
        except ProviderError as error:
            for one in left:
                await self._refuse(one.key.digest, error)
        return sent

    async def _files(
        self, api: BatchApi, deployment: Deployment, routes: Any
    ) -> AsyncIterator[tuple[str, list[_Row]]]:
        name, rows, size = secrets.token_hex(12), list[_Row](), 0
        for one in routes:
            try:
                row = _Row(one, f"{name}-{len(rows)}", b"")
                data = api.line(deployment, row.name, one.call.request)
            except Failure as failure:
                await self._refuse(one.key.digest, _not_taken(failure))
                continue
            if rows and (len(rows) >= self._limits.lines or size + len(data) > self._limits.bytes):
                yield name, rows
                name, rows, size = secrets.token_hex(12), [], 0
                row = _Row(one, f"{name}-0", b"")
                data = api.line(deployment, row.name, one.call.request)
            rows.append(replace(row, data=data))
            size += len(data) + 1
        if rows:
            yield name, rows

    async def _send(
        self, api: BatchApi, key_id: str, deployment: Deployment, name: str, rows: list[_Row]
    ) -> Pending | None:
        pending = await self._reserve(key_id, deployment, name, rows)
        if not pending.lines:
            return None
        chosen = {line.id for line in pending.lines}
        data = b"\n".join(row.data for row in rows if row.name in chosen) + b"\n"
        try:
            file = await self._repeat(lambda: api.upload(deployment, f"{name}.jsonl", data))
            pending = replace(pending, file=file)
            await self._until_ready(api, deployment, file)
            await asyncio.to_thread(self._folder.save, pending)
        except BaseException as error:
            await give_back(self._gateway, self._folder, pending, api, deployment)
            if not isinstance(error, Failure):
                raise
            await self._refuse_all(deployment, pending, error)
            return None
        return await self._begin(api, deployment, pending)

    async def _reserve(self, key_id: str, deployment: Deployment, name: str, rows: list[_Row]) -> Pending:
        assert deployment.batch is not None
        offer = deployment.batch
        pending = Pending(name, deployment.name, deployment.model, offer.remote, offer.price)
        lines: list[Line] = []
        try:
            for start in range(0, len(rows), _SLICE):
                part = [] if self._over is not None else rows[start : start + _SLICE]
                results = await asyncio.gather(
                    *(self._open(row, key_id, deployment, lines) for row in part), return_exceptions=True
                )
                for row, error in zip(part, results, strict=True):
                    if isinstance(error, ProviderError):
                        # What is too much for one line is so for the next; each would be put on record.
                        self._over = error
                        await self._refuse(row.route.key.digest, error)
                    elif error is not None:
                        raise error
                for row in rows[start + len(part) : start + _SLICE]:
                    assert self._over is not None
                    await self._refuse(row.route.key.digest, self._over)
                pending = replace(pending, lines=tuple(lines))
                if part and lines:
                    await asyncio.to_thread(self._folder.save, pending)
        except BaseException:
            await give_back(self._gateway, self._folder, replace(pending, lines=tuple(lines)))
            raise
        return pending

    async def _open(self, row: _Row, key_id: str, deployment: Deployment, lines: list[Line]) -> None:
        call, key = row.route.call, row.route.key
        job = Job(
            call=call,
            id=row.name,
            request_digest=self._till.digest(key.digest.encode()),
            input_tokens=input_tokens(call.request),
            deadline=0.0,
            attempts=1,
        )
        ticket = await self._till.books.open(self._till.intent(job, deployment, key_id, batch=True))
        lines.append(Line(row.name, key.digest, ticket, call.attribution, call.request.schema))

    async def _begin(self, api: BatchApi, deployment: Deployment, pending: Pending) -> Pending | None:
        """Make the batch. Where it stays unknown whether it was made, it is handed back without its id."""
        failure: Failure | None = None
        unsure = False
        for wait in (0.0, *_WAITS):
            await self._gateway.clock.sleep(wait)
            try:
                batch = await api.find(deployment, pending.id) if unsure else None
                if batch is None:
                    batch = await api.create(deployment, pending.file, pending.id)
            except Failure as error:
                failure = error
                unsure = unsure or _may_have_begun(error)
                if not unsure and not error.retryable:
                    break
            else:
                pending = replace(pending, batch=batch.id)
                await asyncio.to_thread(self._folder.save, pending)
                return pending
        assert failure is not None
        if unsure:
            return pending
        await give_back(self._gateway, self._folder, pending, api, deployment)
        await self._refuse_all(deployment, pending, failure)
        return None

    async def _until_ready(self, api: BatchApi, deployment: Deployment, file: str) -> None:
        wait, until = 1.0, self._gateway.clock.now() + _READY_SECONDS
        while not await self._repeat(lambda: api.ready(deployment, file)):
            if self._gateway.clock.now() >= until:
                what = f"{deployment.name!r} did not read the file of requests within {_READY_SECONDS:g} s"
                raise Failure(FailureKind.UNAVAILABLE, what, sent=False)
            await self._gateway.clock.sleep(wait)
            wait = min(wait * 2, 30.0)

    async def _repeat(self, exchange: Callable[[], Coroutine[Any, Any, _T]]) -> _T:
        """Do what can be done twice without harm, up to three times."""
        for wait in _WAITS:
            try:
                return await exchange()
            except Failure as failure:
                if not failure.retryable:
                    raise
                await self._gateway.clock.sleep(max(wait, failure.retry_after_seconds or 0.0))
        return await exchange()

    async def _refuse_all(self, deployment: Deployment, pending: Pending, failure: Failure) -> None:
        if failure.kind is FailureKind.AUTH:
            self._gateway.sender.pool.refused(deployment.provider)
        for line in pending.lines:
            await self._refuse(line.digest, _not_taken(failure))


def _may_have_begun(failure: Failure) -> bool:
    if failure.status is not None:
        return failure.status >= 500
    return failure.sent or failure.kind is FailureKind.MALFORMED


def _not_taken(failure: Failure) -> CallFailed:
    message = f"the batch was not taken, and nothing is charged: {failure.message}"
    return CallFailed(message, hint=failure.hint, attempts=(failure,))
