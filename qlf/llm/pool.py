"""The adapters of a gateway: one for each provider, made on first use, renewed when its key changed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from qlf.llm.clock import Clock
from qlf.llm.credential import Credential
from qlf.llm.deployment import Provider
from qlf.llm.model import Adapter

__all__ = ["AdapterPool", "CredentialSource", "MakeAdapter", "OpenAdapter"]

CredentialSource = Callable[[Provider], "Credential | None"]
"""Finds the credential of a provider; may be slow, raises `KeyStoreError`."""

MakeAdapter = Callable[[Provider, "Credential | None"], Adapter]

REFRESH_SECONDS = 30.0
"""How long a credential is used before the store is asked again, so that a rotation reaches a long run."""


@dataclass(slots=True)
class OpenAdapter:
    """An adapter, and which credential it uses."""

    adapter: Adapter
    key_id: str
    checked_at: float


class AdapterPool:
    """Hands out adapters. Calls in flight keep the adapter they began with, also after a rotation.

    Args:
        credentials: Where credentials come from; asked in a thread.
        make: Makes an adapter; asked in a thread too, because it imports an SDK.
        clock: Tells when a credential is to be looked up again.
    """

    def __init__(self, credentials: CredentialSource, make: MakeAdapter, clock: Clock) -> None:
        self._credentials = credentials
        self._make = make
        self._clock = clock
        self._open: dict[str, OpenAdapter] = {}
        self._replaced: list[Adapter] = []
        self._locks: dict[str, asyncio.Lock] = {}

    async def get(self, provider: Provider) -> OpenAdapter:
        """The adapter of a provider.

        Raises:
            KeyStoreError: If its credential is missing or cannot be opened.
        """
        found = self._open.get(provider.name)
        if found is not None and self._clock.now() - found.checked_at < REFRESH_SECONDS:
            return found
        async with self._locks.setdefault(provider.name, asyncio.Lock()):
            found = self._open.get(provider.name)
            if found is not None and self._clock.now() - found.checked_at < REFRESH_SECONDS:
                return found
            return await self._renew(provider, found)

    def refused(self, provider: Provider) -> None:
        """The provider did not accept the credential: look it up again before the next call."""
        found = self._open.get(provider.name)
        if found is not None:
            found.checked_at = float("-inf")

    async def renewed(self, provider: Provider, key_id: str) -> bool:
        """After the provider refused the credential `key_id`: whether there is another one now.

        So a key that is replaced while calls are under way costs each of them one free attempt.
        """
        found = self._open.get(provider.name)
        if found is not None and found.key_id == key_id:
            self.refused(provider)
            found = await self.get(provider)
        return found is not None and found.key_id != key_id

    async def aclose(self) -> None:
        """Close every adapter that was made; the first error is raised after all were tried."""
        adapters = [*self._replaced, *(found.adapter for found in self._open.values())]
        self._open.clear()
        self._replaced.clear()
        ends = await asyncio.gather(*(adapter.aclose() for adapter in adapters), return_exceptions=True)
        for end in ends:
            if isinstance(end, BaseException):
                raise end

    async def _renew(self, provider: Provider, found: OpenAdapter | None) -> OpenAdapter:
        credential = await asyncio.to_thread(self._credentials, provider)
        key_id = credential.key_id if credential is not None else ""
        now = self._clock.now()
        if found is not None and found.key_id == key_id:
            found.checked_at = now
            return found
        adapter = await asyncio.to_thread(self._make, provider, credential)
        if found is not None:
            self._replaced.append(found.adapter)
        self._open[provider.name] = made = OpenAdapter(adapter, key_id, now)
        return made
