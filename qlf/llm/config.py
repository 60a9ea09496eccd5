"""What is configured: providers, deployments, tiers, classes, limits.

It comes from `providers.yaml` in the folder of the configuration, or, without that file, from the
variables that the providers' own tools use. Budgets are not here; the ledger keeps them.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from qlf.errors import ProviderError
from qlf.llm.deployment import Deployment, Provider
from qlf.llm.models import Model, Tier, catalogue

__all__ = [
    "CacheLimits",
    "DeclaredPrice",
    "GatewayConfig",
    "Strategy",
    "did_you_mean",
]

Strategy = Literal["round_robin", "least_busy", "lowest_latency", "lowest_cost"]


@dataclass(frozen=True, slots=True)
class DeclaredPrice:
    """The price of a deployment as the user states it, in USD per million tokens."""

    input: Decimal
    output: Decimal
    cache_read: Decimal | None = None
    """As `input` when it is not given."""
    cache_write: Decimal | None = None
    """As `input` when it is not given."""


@dataclass(frozen=True, slots=True)
class CacheLimits:
    """How much the cache of answers may keep."""

    max_bytes: int = 1_000_000_000
    """On disk."""
    memory_bytes: int = 64_000_000
    max_age_days: int = 90


@dataclass(frozen=True, slots=True)
class GatewayConfig:
    """Everything that routing, pricing and checking need to know."""

    providers: Mapping[str, Provider] = field(default_factory=dict)
    deployments: tuple[Deployment, ...] = ()
    models: Mapping[str, Model] = field(default_factory=dict)
    """The catalogue, and the models that the user declared."""
    tiers: Mapping[Tier, tuple[str, ...]] = field(default_factory=dict)
    """The models of each tier in order; without an entry the catalogue's order holds."""
    classes: tuple[frozenset[str], ...] = ()
    """Sets of models that the user declared to be of equal quality."""
    strategy: Strategy = "least_busy"
    probe_seconds: float = 30.0
    """Between two probes of a deployment that failed."""
    deadline_seconds: float = 600.0
    prices: Mapping[str, DeclaredPrice] = field(default_factory=dict)
    """By deployment."""
    cache: CacheLimits = field(default_factory=CacheLimits)
    origin: str = "nothing"
    """Where it comes from, for messages."""
    notices: tuple[str, ...] = ()
    """What a person should know about it, one sentence each."""

    def deployment(self, name: str) -> Deployment:
        """The deployment of this name.

        Raises:
            ProviderError: If there is none.
        """
        for one in self.deployments:
            if one.name == name:
                return one
        known = [one.name for one in self.deployments]
        raise ProviderError(
            f"there is no deployment {name[:80]!r}{did_you_mean(name, known)}",
            hint="`qlf providers list` shows what is configured",
        )

    def quality_class(self, model: str) -> frozenset[str]:
        """The models that may answer in place of this one: itself, and those declared equal."""
        for one in self.classes:
            if model in one:
                return one
        return frozenset({model})


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`; did you mean 'x'?`, or nothing when no known name is near."""
    close = difflib.get_close_matches(name[:80].lower(), list(known), n=1, cutoff=0.6)
    return f"; did you mean {close[0]!r}?" if close else ""


def known_models(own: Mapping[str, Model]) -> dict[str, Model]:
    """The catalogue together with the user's own models, which win."""
    return {**catalogue().models, **own}
