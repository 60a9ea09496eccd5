"""A deployment: one model at one provider, with the limits that hold there."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

__all__ = ["BatchOffer", "Deployment", "Features", "Kind", "Provider"]

Kind = Literal["bedrock", "azure_openai", "openai_compatible"]


@dataclass(frozen=True, slots=True)
class Provider:
    """An account at a provider."""

    name: str
    kind: Kind
    endpoint: str | None = None
    """Base address. Azure: the resource; OpenAI-compatible: up to `/v1`; Bedrock: only to override it."""
    region: str | None = None
    """Bedrock only."""
    api_version: str | None = None
    """Azure only."""
    credential: str | None = None
    """Name of the stored key; `None` where the SDK's own chain or no key at all is used."""


@dataclass(frozen=True, slots=True)
class Features:
    """What the model at a deployment takes on the wire. The catalogue knows; these are the safe defaults."""

    max_completion_tokens: bool = False
    """OpenAI formats: the limit of the answer is sent under this name, as reasoning models want it."""
    sampling: bool = True
    """Whether `temperature` and `top_p` are taken. Reasoning models refuse them: they are left out then."""
    native_schema: bool | None = None
    """Whether the provider itself holds the answer to a JSON Schema. `None`: as is usual for its kind, which
    is yes for OpenAI formats and no for Bedrock. If not, Bedrock is made to call a tool whose input has the
    schema, and in OpenAI formats the prompt has to ask for it. The answer is checked in any case."""
    cache_points: bool = False
    """Bedrock: the model takes cache points. OpenAI formats cache without being told."""


@dataclass(frozen=True, slots=True)
class BatchOffer:
    """The batch API of a deployment: many requests in one file, answered within a day."""

    remote: str
    """What the provider calls the model there. Azure: a deployment of the type Global Batch or Data Zone
    Batch, which answers nothing else."""
    price: Decimal
    """Share of the usual price: 0.5 at OpenAI and Azure (their batch guides)."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """One model at one provider."""

    name: str
    """Unique among all deployments."""
    provider: Provider
    model: str
    """The catalogue's name of the model."""
    remote: str
    """What the provider calls it: model id, inference profile (id or ARN), Azure deployment."""
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    concurrency: int | None = None
    output_burndown: int = 1
    """How many tokens of quota one output token takes (Bedrock's burn-down rate)."""
    features: Features = field(default_factory=Features)
    batch: BatchOffer | None = None
    """`None` where there is no batch API."""
