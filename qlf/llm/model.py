"""The protocol of an adapter: how a request reaches one kind of provider."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

from qlf.llm.deployment import Deployment
from qlf.llm.reply import Reply, TextDelta
from qlf.llm.request import ModelRequest

__all__ = ["Adapter"]


class Adapter(Protocol):
    """One provider account. Makes exactly one attempt for each call; waiting and retrying is for others."""

    async def complete(self, deployment: Deployment, request: ModelRequest, timeout_seconds: float) -> Reply:
        """Ask, and read the whole answer.

        Raises:
            Failure: For everything that can go wrong, typed.
        """
        ...

    def stream(
        self, deployment: Deployment, request: ModelRequest, timeout_seconds: float
    ) -> AsyncIterator[TextDelta | Reply]:
        """Ask, and hand on pieces as they come; the last item, and only the last, is the whole `Reply`.

        A stream that ends without its terminal event raises a `Failure` of kind `CUT`.
        `timeout_seconds` is the time to the first and between two pieces.
        """
        ...

    async def aclose(self) -> None:
        """Close connections."""
        ...
