"""The batch API of a provider, independent of whose it is: a file of requests in, files of answers out."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from qlf.llm.deployment import Deployment
from qlf.llm.failure import Failure
from qlf.llm.reply import Reply
from qlf.llm.request import ModelRequest

__all__ = ["BatchApi", "BatchLimits", "BatchStatus", "HasBatches", "LineResult", "RemoteBatch"]

BatchStatus = Literal["running", "completed", "failed", "expired", "cancelled"]
"""`failed`: none of it was worked on. `expired` and `cancelled`: a part of it was, and that is charged."""


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """How large one file of requests may be.

    Both are below what providers take (OpenAI: 50,000 requests and 200 MB; Azure OpenAI: 100,000 and 200 MB),
    so that a file can be held in memory and its upload repeated.
    """

    lines: int = 10_000
    bytes: int = 50_000_000


@dataclass(frozen=True, slots=True)
class RemoteBatch:
    """A batch as the provider describes it."""

    id: str
    status: BatchStatus
    files: tuple[str, ...] = ()
    """The files of answers and errors, once it has ended."""
    total: int = 0
    done: int = 0
    """Lines that were worked on so far, with or without success."""
    problem: str = ""
    """The provider's code for why it failed."""


@dataclass(frozen=True, slots=True)
class LineResult:
    """What became of one line: exactly one of `reply` and `failure` is there."""

    id: str
    """As the line was called in the request."""
    reply: Reply | None = None
    """Not yet held to model and schema."""
    failure: Failure | None = None


class BatchApi(Protocol):
    """The batch API of one account. Every method makes one attempt and raises a typed `Failure`."""

    def line(self, deployment: Deployment, name: str, request: ModelRequest) -> bytes:
        """A request as one line of a file, without its line end; the name is that of its result.

        Raises:
            Failure: If it cannot be written.
        """
        ...

    async def upload(self, deployment: Deployment, name: str, data: bytes) -> str:
        """Hand over a file of requests; its id."""
        ...

    async def ready(self, deployment: Deployment, file: str) -> bool:
        """Whether a batch can be made of the file by now."""
        ...

    async def create(self, deployment: Deployment, file: str, mark: str) -> RemoteBatch:
        """Begin to work on a file. The mark is what `find` finds it by."""
        ...

    async def find(self, deployment: Deployment, mark: str) -> RemoteBatch | None:
        """The latest batch with this mark; `None` if the provider has none."""
        ...

    async def look(self, deployment: Deployment, batch: str) -> RemoteBatch:
        """How far a batch is."""
        ...

    def results(self, deployment: Deployment, file: str) -> AsyncGenerator[LineResult]:
        """The results in a file, in no certain order."""
        ...

    async def remove(self, deployment: Deployment, file: str) -> None:
        """Delete a file."""
        ...


@runtime_checkable
class HasBatches(Protocol):
    """An adapter whose provider has a batch API."""

    def batches(self) -> BatchApi:
        """The batch API of this account."""
        ...
