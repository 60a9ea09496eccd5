"""A deployment: one model at one provider, with the limits that hold there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Deployment", "Kind", "Provider"]

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
