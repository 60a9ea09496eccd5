"""The catalogue as data: which models have names here, what they can do, and until when they are offered."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import Any, Literal, cast
from urllib.parse import urlsplit

from qlf.llm.deployment import Provider

__all__ = [
    "TIERS",
    "AzureName",
    "BedrockName",
    "Catalogue",
    "End",
    "Model",
    "Surface",
    "Tier",
    "catalogue",
    "surface_of",
]

Tier = Literal["fast", "balanced", "advanced"]
TIERS: tuple[Tier, ...] = ("fast", "balanced", "advanced")

Surface = Literal["bedrock", "azure", "openai", "anthropic"]
"""Who runs the model. A server of one's own has no end-of-life dates, so it is none of these."""

_HOSTS: dict[str, Surface] = {"api.openai.com": "openai", "api.anthropic.com": "anthropic"}
_DATED = r"(-\d{4}-\d{2}-\d{2}|-\d{8}|-latest)?(-v\d+(:\d+)?)?"


@dataclass(frozen=True, slots=True)
class End:
    """When a model stops being offered."""

    day: date
    source: str
    """Who says so; a text for people."""
    announced: bool = True
    """False where the provider only promises that it will not be before this day."""


@dataclass(frozen=True, slots=True)
class BedrockName:
    """What Amazon Bedrock calls a model."""

    id: str
    profiles: tuple[str, ...] = ()
    """Prefixes of its inference profiles: `us`, `eu`, `global`, …"""
    burndown: int = 1
    """How many tokens of quota one output token takes."""


@dataclass(frozen=True, slots=True)
class AzureName:
    """What Azure OpenAI calls a model."""

    name: str
    version: str | None = None


@dataclass(frozen=True, slots=True)
class Model:
    """One model. Sizes are in tokens; `None` means that it is not known."""

    name: str
    tier: Tier | None = None
    family: str = ""
    vendor: str = ""
    context_tokens: int | None = None
    max_output_tokens: int | None = None
    json_schema: bool = True
    """The provider itself holds the answer to a JSON Schema."""
    forced_tool: bool = True
    """It may be forced to answer through a tool."""
    prompt_cache: bool = False
    min_cacheable_tokens: int | None = None
    """The shortest prefix that the provider caches."""
    temperature: bool = True
    """It takes `temperature` and `top_p`; others refuse the request."""
    reasoning: bool = False
    """It thinks before it answers; OpenAI's take `max_completion_tokens` instead of `max_tokens`."""
    bedrock: BedrockName | None = None
    azure: AzureName | None = None
    openai: str | None = None
    answers: str | None = None
    """Pattern of the names that it answers with, matched in full, without regard to case."""
    ends: Mapping[Surface, End] = field(default_factory=dict)
    successors: tuple[str, ...] = ()
    """Who takes over, the first choice first, all of the same tier."""
    own: bool = False
    """Declared in the configuration, not in the catalogue."""

    def end(self, provider: Provider) -> End | None:
        """When this provider stops offering it, if that is known."""
        surface = surface_of(provider)
        return self.ends.get(surface) if surface else None

    def ended(self, provider: Provider, today: date) -> End | None:
        """The announced end, once it is reached."""
        end = self.end(provider)
        return end if end is not None and end.announced and end.day <= today else None

    def is_answered_by(self, named: str) -> bool:
        """Whether an answer under this name is one of this model; an unnamed one is (Bedrock names none)."""
        if not named:
            return True
        return (
            _pattern(self.answers or f"(.*[/.])?{re.escape(self.name)}{_DATED}").fullmatch(named) is not None
        )


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All of it."""

    models: Mapping[str, Model]
    """By name, in the order of preference within each tier."""
    aliases: Mapping[str, tuple[str, ...]]
    bedrock_regions: frozenset[str]
    checked: date
    """When the dates were last compared with their sources."""


def surface_of(provider: Provider) -> Surface | None:
    """Who runs the models of this provider; `None` for a server of one's own."""
    if provider.kind == "bedrock":
        return "bedrock"
    if provider.kind == "azure_openai":
        return "azure"
    if provider.endpoint is None:
        return "openai"
    return _HOSTS.get((urlsplit(provider.endpoint).hostname or "").lower())


@lru_cache(maxsize=1)
def catalogue() -> Catalogue:
    """The catalogue that comes with this release."""
    from importlib.resources import files

    from ruamel.yaml import YAML

    text = files("qlf.llm").joinpath("data/models.yaml").read_text(encoding="utf-8")
    # The project's own file: the fast loader is enough.
    data = YAML(typ="safe").load(text)
    models = {
        name: _model(name, {**data["families"][entry["family"]], **entry}, data["sources"])
        for name, entry in data["models"].items()
    }
    return Catalogue(
        models=models,
        aliases={name: tuple(meant) for name, meant in data["aliases"].items()},
        bedrock_regions=frozenset(data["bedrock_regions"]),
        checked=data["checked"],
    )


def _model(name: str, entry: Mapping[str, Any], sources: Mapping[str, str]) -> Model:
    plain = {
        key: value
        for key, value in entry.items()
        if key not in ("bedrock", "azure", "ends", "successors", "family")
    }
    bedrock, azure = entry.get("bedrock"), entry.get("azure")
    return Model(
        name=name,
        family=str(entry["family"]).partition("-")[0],
        bedrock=BedrockName(bedrock["id"], tuple(bedrock.get("profiles", ())), bedrock.get("burndown", 1))
        if bedrock
        else None,
        azure=AzureName(azure["name"], azure.get("version")) if azure else None,
        ends={
            cast("Surface", surface): End(
                end.get("date") or end["not_before"], sources[end["source"]], announced="date" in end
            )
            for surface, end in entry.get("ends", {}).items()
        },
        successors=tuple(entry.get("successors", ())),
        **plain,
    )


@lru_cache(maxsize=256)
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE)
