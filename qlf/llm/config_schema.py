"""The form of `providers.yaml`, as typed models that refuse what they do not know."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from qlf.llm.config import Strategy
from qlf.llm.deployment import Kind
from qlf.llm.models import Tier

__all__ = ["CacheEntry", "DeploymentEntry", "FileEntry", "ModelEntry", "PriceEntry", "ProviderEntry"]

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/-]{0,119}$")]
ShortName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
Whole = Annotated[int, Field(strict=True, ge=1, le=10**12)]
Truth = Annotated[bool, Field(strict=True)]
Text = Annotated[str, Field(strict=True, min_length=1, max_length=500, pattern=r"^[!-~]+$")]
Usd = Annotated[Decimal, Field(ge=0, le=100_000, max_digits=20, decimal_places=9, allow_inf_nan=False)]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class ProviderEntry(_Entry):
    """An account at a provider."""

    kind: Kind
    endpoint: Text | None = None
    region: Text | None = None
    api_version: Text | None = None
    credential: Text | None = None


class PriceEntry(_Entry):
    """USD per million tokens."""

    input: Usd
    output: Usd
    cache_read: Usd | None = None
    cache_write: Usd | None = None


class DeploymentEntry(_Entry):
    """One model at one provider."""

    provider: ShortName
    model: Name
    name: Name | None = None
    remote: Text | None = None
    rpm: Whole | None = None
    tpm: Whole | None = None
    concurrency: Whole | None = None
    output_burndown: Annotated[int, Field(strict=True, ge=1, le=100)] | None = None
    price: Literal["free"] | PriceEntry | None = None
    batch: Text | None = None
    """What the provider's batch API calls the model; OpenAI itself is known to have one."""
    batch_price: Annotated[Decimal, Field(gt=0, le=1, decimal_places=6)] | None = None
    """Share of the usual price."""


class ModelEntry(_Entry):
    """A model that the catalogue does not know, such as one on a server of one's own."""

    tier: Tier | None = None
    context_tokens: Whole | None = None
    max_output_tokens: Whole | None = None
    json_schema: Truth = True
    temperature: Truth = True
    reasoning: Truth = False
    answers: list[Text] | None = None
    """Names that it may answer with; `*` for any. Without it, its own name and the remote names."""


class CacheEntry(_Entry):
    """Limits of the cache of answers."""

    max_bytes: Annotated[int, Field(strict=True, ge=0, le=10**13)] = 1_000_000_000
    memory_bytes: Annotated[int, Field(strict=True, ge=0, le=10**11)] = 64_000_000
    max_age_days: Annotated[int, Field(strict=True, ge=1, le=3650)] = 90


class FileEntry(_Entry):
    """The whole file."""

    providers: Annotated[dict[ShortName, ProviderEntry], Field(min_length=1)]
    deployments: Annotated[list[DeploymentEntry], Field(min_length=1, max_length=500)]
    models: dict[Name, ModelEntry] = {}
    tiers: dict[Tier, Annotated[list[Name], Field(min_length=1)]] = {}
    classes: list[Annotated[list[Name], Field(min_length=2)]] = []
    strategy: Strategy = "least_busy"
    probe_seconds: Annotated[float, Field(ge=1, le=3600, allow_inf_nan=False)] = 30.0
    deadline_seconds: Annotated[float, Field(ge=1, le=86_400, allow_inf_nan=False)] = 600.0
    cache: CacheEntry = CacheEntry()
