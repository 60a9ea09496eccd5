"""What calls cost, in whole USD micros, from the tables of genai-prices and from what the user declared.

A price of x USD per million tokens is x micros per token, so the arithmetic is exact: it is done in
`Decimal` and rounded once. The tables are those that came with the installed package; nothing is fetched.
A model without a price is an error, never free.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from qlf.core.metering import Usage
from qlf.errors import ProviderError
from qlf.llm.config import DeclaredPrice, GatewayConfig
from qlf.llm.deployment import Deployment
from qlf.llm.models import Model, surface_of

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo

__all__ = ["PriceTable", "Prices", "Rate", "Rates"]

_PROVIDERS = {"bedrock": "aws", "azure": "azure", "openai": "openai", "anthropic": "anthropic"}
_ONE = Decimal(1)


@dataclass(frozen=True, slots=True)
class PriceTable:
    """Which prices were used, so that a bill can be checked later."""

    name: str
    """Such as `genai-prices 0.2.3`."""
    digest: str
    """SHA-256 of the table and of what the user declared."""

    def __str__(self) -> str:
        return f"{self.name} sha256:{self.digest}"


@dataclass(frozen=True, slots=True)
class Rate:
    """A price in USD per million tokens. A long input can put all tokens of its request on a higher step."""

    base: Decimal
    steps: tuple[tuple[int, Decimal], ...] = ()
    """Ascending: from more than so many input tokens on, this price."""

    def at(self, input_tokens: int) -> Decimal:
        """The price for a request with so many input tokens."""
        price = self.base
        for start, step in self.steps:
            if input_tokens > start:
                price = step
        return price


@dataclass(frozen=True, slots=True)
class Rates:
    """The prices of one deployment."""

    input: Rate
    output: Rate
    cache_read: Rate
    cache_write: Rate
    source: str
    """Whose price it is: `declared`, or the id in the table."""

    def cost(self, usage: Usage) -> Decimal:
        """Micros of this usage, not rounded. Cached tokens are priced as such, and only once."""
        total = usage.input_tokens
        read, write = usage.cache_read_tokens, usage.cache_write_tokens
        if min(total, usage.output_tokens, read, write) < 0 or read + write > total:
            raise ValueError("a usage must not be negative, and cached tokens are a part of the input tokens")
        return (
            self.input.at(total) * (total - read - write)
            + self.cache_read.at(total) * read
            + self.cache_write.at(total) * write
            + self.output.at(total) * usage.output_tokens
        )

    def worst(self, input_tokens: int, output_tokens: int) -> Decimal:
        """The most micros that so many tokens can cost, whichever part of the input is cached."""
        dearest = Decimal(0)
        # A shorter input cannot cost more than the one reserved for: steps only go up, `_rate` sees to it.
        for rate in (self.input, self.cache_read, self.cache_write):
            dearest = max(dearest, rate.at(input_tokens))
        return dearest * input_tokens + self.output.at(input_tokens) * output_tokens


class Prices:
    """The prices for one configuration."""

    def __init__(self, config: GatewayConfig) -> None:
        self._declared = config.prices
        self._models = config.models
        self._known: dict[Deployment, Rates] = {}

    def rates(self, deployment: Deployment, moment: datetime | None = None) -> Rates:
        """The prices of a deployment.

        Args:
            deployment: Which.
            moment: When the request is sent, for prices that change on a day; now, without it.

        Raises:
            ProviderError: If no price is known, saying how to declare one.
        """
        found = self._known.get(deployment)
        if found is not None:
            return found
        declared = self._declared.get(deployment.name)
        if declared is not None:
            rates, lasting = _declared_rates(declared), True
        else:
            rates, lasting = _table_rates(deployment, self._models.get(deployment.model), moment)
        if lasting:
            self._known[deployment] = rates
        return rates

    def worst_case_micros(
        self, deployment: Deployment, input_tokens: int, max_output_tokens: int, *, batch: bool = False
    ) -> int:
        """The most that an attempt can cost, rounded up; in a batch, at the price of the batch API.

        Raises:
            ProviderError: If no price is known.
        """
        worst = self.rates(deployment).worst(input_tokens, max_output_tokens) * _share(deployment, batch)
        return int(worst.quantize(_ONE, rounding=ROUND_CEILING))

    def cost_micros(self, deployment: Deployment, usage: Usage, *, batch: bool = False) -> int:
        """What an attempt cost, rounded half up, once; in a batch, at the price of the batch API.

        Raises:
            ProviderError: If no price is known.
            ValueError: If the usage contradicts itself.
        """
        cost = self.rates(deployment).cost(usage) * _share(deployment, batch)
        return int(cost.quantize(_ONE, rounding=ROUND_HALF_UP))

    def table(self) -> PriceTable:
        """Which prices these are."""
        from qlf.core.canonical import digest_value

        name, digest = _table_identity()
        if not self._declared:
            return PriceTable(name, digest)
        declared = {
            key: [str(value) for value in (one.input, one.output, one.cache_read, one.cache_write)]
            for key, one in self._declared.items()
        }
        return PriceTable(f"{name} and declared prices", digest_value([digest, declared]))


def _share(deployment: Deployment, batch: bool) -> Decimal:  # noqa: FBT001 - named by the callers above
    return deployment.batch.price if batch and deployment.batch is not None else _ONE


def _declared_rates(price: DeclaredPrice) -> Rates:
    return Rates(
        input=Rate(price.input),
        output=Rate(price.output),
        cache_read=Rate(price.input if price.cache_read is None else price.cache_read),
        cache_write=Rate(price.input if price.cache_write is None else price.cache_write),
        source="declared",
    )


def _table_rates(deployment: Deployment, model: Model | None, moment: datetime | None) -> tuple[Rates, bool]:
    """The prices in the table, and whether they hold at every moment."""
    surface = surface_of(deployment.provider)
    info = None
    if surface is not None and model is not None and not model.own:
        for reference in _references(deployment, model):
            info = _lookup(_PROVIDERS[surface], reference)
            if info is not None:
                break
    if info is None:
        raise ProviderError(
            f"no price is known for the deployment {deployment.name!r} ({deployment.remote[:80]})",
            hint="declare it in providers.yaml, in USD per million tokens: "
            "`price: {input: 1.00, output: 5.00}`, or `price: free` for a server of your own",
        )
    price: Any = info.get_prices(moment or datetime.now(tz=UTC))
    if price.input_mtok is None or price.output_mtok is None:
        raise ProviderError(
            f"the price of the deployment {deployment.name!r} is not known in full",
            hint="declare it in providers.yaml: `price: {input: 1.00, output: 5.00}`",
        )
    into = _rate(price.input_mtok)
    rates = Rates(
        input=into,
        output=_rate(price.output_mtok),
        cache_read=into if price.cache_read_mtok is None else _rate(price.cache_read_mtok),
        cache_write=into if price.cache_write_mtok is None else _rate(price.cache_write_mtok),
        source=info.id,
    )
    return rates, not isinstance(info.prices, list)


def _references(deployment: Deployment, model: Model) -> list[str]:
    """Names to look the price up by, the most exact first, all of them names of this very model."""
    if deployment.provider.kind == "bedrock" and model.bedrock is not None:
        # An ARN of an inference profile ends in its id; one that the user made tells nothing of the model.
        remote = deployment.remote.rpartition("/")[2]
        exact = [remote] if remote.endswith(model.bedrock.id) else []
        # The price within a region or geography is never below the global one.
        return [*exact, model.bedrock.id]
    if deployment.provider.kind == "azure_openai" and model.azure is not None:
        return [model.azure.name, model.name]
    return [model.openai or model.name]


def _rate(value: Any) -> Rate:
    if isinstance(value, Decimal):
        return Rate(value)
    steps = tuple((tier.start, tier.price) for tier in value.tiers)
    rate = Rate(value.base, steps)
    ascending = [value.base, *(price for _, price in steps)]
    if ascending != sorted(ascending):
        # Then a shorter input could cost more than the reservation; take the dearest for all.
        return Rate(max(ascending))
    return rate


@lru_cache(maxsize=512)
def _lookup(provider: str, reference: str) -> ModelInfo | None:
    from genai_prices.data_snapshot import get_snapshot

    try:
        return get_snapshot().find_provider_model(reference, None, provider, None)[1]
    except LookupError:
        return None


@lru_cache(maxsize=1)
def _table_identity() -> tuple[str, str]:
    from importlib.metadata import version
    from pathlib import Path

    import genai_prices

    from qlf.core.canonical import digest_bytes

    data = Path(genai_prices.__file__).with_name("data.py").read_bytes()
    return f"genai-prices {version('genai-prices')}", digest_bytes(data)
