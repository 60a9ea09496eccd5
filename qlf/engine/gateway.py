"""Putting the gateway together: configuration, keys, ledger, cache and scheduler of this machine.

async with open_gateway(places, credentials) as gateway:
    answer = await gateway.ask(call)
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qlf.ledger.budget import BudgetLimits
    from qlf.llm.config import GatewayConfig
    from qlf.llm.gateway import Gateway
    from qlf.llm.pool import CredentialSource
    from qlf.llm.telemetry import Telemetry

__all__ = ["ModelPlaces", "open_gateway", "read_config"]


@dataclass(frozen=True, slots=True)
class ModelPlaces:
    """Where everything about models is kept on this machine."""

    config_dir: Path
    """Holds `providers.yaml` and the key that signs the ledger."""
    ledger: Path
    heads: Path
    """Signed heads of the ledger are exported here, apart from it."""
    answers: Path
    """The cache of answers; may be deleted at any time."""
    provider_env: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The providers' own variables; they hold keys."""

    @property
    def signing_key(self) -> Path:
        """The file of the key that signs the ledger."""
        return self.config_dir / "ledger-signing.key"


def read_config(places: ModelPlaces) -> GatewayConfig:
    """What is configured.

    Raises:
        ProviderError: If it cannot be understood.
    """
    from qlf.llm.config_read import load_config

    return load_config(places.config_dir, places.provider_env)


@asynccontextmanager
async def open_gateway(
    places: ModelPlaces,
    credentials: CredentialSource,
    *,
    config: GatewayConfig | None = None,
    ceiling: BudgetLimits | None = None,
    telemetry: Telemetry | None = None,
) -> AsyncIterator[Gateway]:
    """The gateway of this machine, for the event loop that runs now.

    Args:
        places: Where things are.
        credentials: Finds the credential of a provider.
        config: What is configured; read from `places` when left out.
        ceiling: Limits of this run that hold beside the stored ones.
        telemetry: Where calls are traced; the process's own providers when left out.

    Raises:
        ProviderError: If the configuration cannot be understood.
    """
    from qlf.ledger.books import LedgerBooks
    from qlf.ledger.keys.process import guarded_memory
    from qlf.llm.adapters.make import make_adapter
    from qlf.llm.attempt import Sender
    from qlf.llm.cache import Cache
    from qlf.llm.clock import SystemClock
    from qlf.llm.deployment import Deployment
    from qlf.llm.flight import Flights
    from qlf.llm.gateway import Gateway
    from qlf.llm.health import Prober
    from qlf.llm.pool import AdapterPool
    from qlf.llm.prices import Prices
    from qlf.llm.scheduler import Scheduler
    from qlf.llm.telemetry import Telemetry as Instruments
    from qlf.llm.till import Till

    config = config if config is not None else read_config(places)
    clock = SystemClock()
    books = LedgerBooks(places.ledger, signing_key=places.signing_key, heads=places.heads, ceiling=ceiling)
    prices = Prices(config)
    telemetry = telemetry if telemetry is not None else Instruments()
    till = Till(books, prices, str(prices.table()), clock, _digest_key(places.signing_key))

    def same_model(deployment: Deployment, answered: str) -> bool:
        return config.models[deployment.model].is_answered_by(answered)

    sender = Sender(till, AdapterPool(credentials, make_adapter, clock), same_model, telemetry, clock)
    scheduler = Scheduler(config.deployments, clock, strategy=config.strategy)

    async def probe(deployment: Deployment) -> None:
        await sender.probe(deployment)

    gateway = Gateway(
        config,
        scheduler,
        sender,
        Cache(places.answers, config.cache),
        Flights(places.answers / "flights"),
        telemetry,
        clock,
    )
    try:
        with guarded_memory():
            async with Prober(scheduler, probe, config.probe_seconds):
                yield gateway
    finally:
        try:
            await gateway.aclose()
        finally:
            await books.aclose()


def _digest_key(signing_key: Path) -> bytes:
    """The key of the digests in the ledger, derived from the one that signs it; equal in every run."""
    import hmac

    from qlf.ledger.heads import Signer

    Signer.load(signing_key)
    return hmac.digest(signing_key.read_bytes(), b"qlf:ledger-digests:1", "sha256")
