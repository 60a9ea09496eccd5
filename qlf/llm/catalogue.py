"""From a name that somebody asks for (a tier, a model, an alias) to the deployments that may answer.

A model that is no longer offered is replaced by its successor of the same tier, and that is always said.
A model that is still offered but not configured is an error: it is never replaced.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal, get_args

from qlf.errors import ProviderError
from qlf.llm.config import GatewayConfig, did_you_mean
from qlf.llm.deployment import Deployment
from qlf.llm.models import TIERS, Catalogue, End, Model, Tier, catalogue

__all__ = ["Catalogue", "Model", "Resolved", "catalogue", "is_answered_by", "resolve"]

Via = Literal["model", "alias", "tier"]


@dataclass(frozen=True, slots=True)
class Resolved:
    """What a name means with this configuration today."""

    model: str
    """The model that is asked first."""
    via: Via
    quality_class: frozenset[str]
    """The models that may answer: the model itself and those declared equal to it."""
    candidates: tuple[Deployment, ...]
    """The deployments of these models in the order of the configuration; never empty."""
    notice: str | None = None
    """What the caller should know: another model than the one named, or one that will end soon."""


def resolve(name: str, config: GatewayConfig, today: date) -> Resolved:
    """Find who answers under `name`.

    Args:
        name: A tier, a model or an alias; case does not matter.
        config: What is configured.
        today: The day on which ends of life are judged.

    Raises:
        ProviderError: If the name means nothing, or nothing that may answer for it is configured.
    """
    if not config.deployments:
        raise ProviderError(
            "no provider of models is configured",
            hint="`qlf providers example` prints a file to start from" + _said(config),
        )
    asked = name.strip().lower()
    if asked in get_args(Tier):
        return _tier(asked, config, today)
    known = {one.lower(): one for one in config.models}
    if asked in known:
        return _first([known[asked]], "model", name, config, today)
    meant = catalogue().aliases.get(asked)
    if meant is not None:
        return _first(meant, "alias", name, config, today)
    everything = [*TIERS, *config.models, *catalogue().aliases]
    raise ProviderError(
        f"there is no model, alias or tier {name[:80]!r}{did_you_mean(name, everything)}",
        hint=_configured(config),
    )


def _tier(tier: str, config: GatewayConfig, today: date) -> Resolved:
    chosen: Tier = next(one for one in TIERS if one == tier)
    declared = config.tiers.get(chosen)
    names = declared or [one.name for one in config.models.values() if one.tier == chosen]
    skipped: list[str] = []
    for name in names:
        try:
            found = resolve(name, config, today) if declared else _first([name], "model", name, config, today)
        except ProviderError:
            skipped.append(name)
            continue
        notice = found.notice
        if declared and skipped:
            gone = f"{' and '.join(skipped)} of the tier {tier!r} has no deployment; using {found.model}"
            notice = f"{gone}; {notice}" if notice else gone
        return Resolved(found.model, "tier", found.quality_class, found.candidates, notice)
    raise ProviderError(f"no model of the tier {tier!r} is configured", hint=_configured(config))


def _first(names: Sequence[str], via: Via, asked: str, config: GatewayConfig, today: date) -> Resolved:
    """The first of these models that is configured and offered, else a successor, else one that has ended."""
    for name in names:
        live = _live(name, config, today)
        if live:
            return _resolved(name, via, live, config, today, _ending(name, live, config, today))
    head = config.models[names[0]]
    ended = _ended(head, config, today)
    if ended is not None:
        for successor in head.successors:
            live = _live(successor, config, today)
            if live:
                notice = f"{_label(asked, head.name)} was retired on {ended.day}; using {successor}"
                return _resolved(successor, via, live, config, today, notice)
    for name in names:
        # Private arrangements outlive public dates, so what is configured by name may still be tried.
        configured = tuple(one for one in config.deployments if one.model == name)
        if configured:
            end = _ended(config.models[name], config, today)
            day = f" since {end.day}" if end else ""
            notice = (
                f"{_label(asked, name)} is no longer offered{day}, and no successor is configured; trying it"
            )
            return _resolved(name, via, configured, config, today, notice)
    gone = f", which was retired on {ended.day}," if ended else ""
    raise ProviderError(
        f"no deployment of {_label(asked, head.name)}{gone} is configured", hint=_configured(config)
    )


def _resolved(
    model: str,
    via: Via,
    own: tuple[Deployment, ...],
    config: GatewayConfig,
    today: date,
    notice: str | None,
) -> Resolved:
    quality_class = config.quality_class(model)
    equal = {one.name for name in quality_class if name != model for one in _live(name, config, today)} | {
        one.name for one in own
    }
    candidates = tuple(one for one in config.deployments if one.name in equal)
    return Resolved(model, via, quality_class, candidates, notice)


def _live(name: str, config: GatewayConfig, today: date) -> tuple[Deployment, ...]:
    model = config.models.get(name)
    if model is None:
        return ()
    return tuple(
        one for one in config.deployments if one.model == name and model.ended(one.provider, today) is None
    )


def _ended(model: Model, config: GatewayConfig, today: date) -> End | None:
    """The latest end, if every configured provider that has ever offered the model has ended it.

    Where none of the configured providers has ever offered it, the providers that did are asked.
    """
    ends = [end for provider in config.providers.values() if (end := model.end(provider)) is not None]
    open_ended = any(
        model.end(provider) is None and _offers(model, provider.kind, provider.endpoint)
        for provider in config.providers.values()
    )
    if not ends and not open_ended:
        ends = list(model.ends.values())
    reached = [end for end in ends if end.announced and end.day <= today]
    if open_ended or not ends or len(reached) != len(ends):
        return None
    return max(reached, key=lambda end: end.day)


def _offers(model: Model, kind: str, endpoint: str | None) -> bool:
    if kind == "bedrock":
        return model.bedrock is not None
    if kind == "azure_openai":
        return model.azure is not None
    return model.openai is not None and (endpoint is None or "api.openai.com" in endpoint)


def _ending(
    name: str, live: tuple[Deployment, ...], config: GatewayConfig, today: date, within: int = 60
) -> str | None:
    """A word of warning when every deployment of the model ends within so many days."""
    ends = [config.models[name].end(one.provider) for one in live]
    soon = [end.day for end in ends if end and end.announced and (end.day - today).days <= within]
    if not ends or len(soon) != len(ends):
        return None
    return f"{name} is offered until {max(soon)} only"


def _label(asked: str, model: str) -> str:
    return model if asked.strip().lower() == model.lower() else f"{asked.strip()[:60]} ({model})"


def _configured(config: GatewayConfig) -> str:
    models = list(dict.fromkeys(one.model for one in config.deployments))
    shown = ", ".join(models[:12]) + (f" and {len(models) - 12} more" if len(models) > 12 else "")
    return f"configured are: {shown}"


def _said(config: GatewayConfig) -> str:
    return "".join(f"; {notice}" for notice in config.notices)


def is_answered_by(config: GatewayConfig, deployment: Deployment, named: str) -> bool:
    """Whether an answer under this name is one of the model of the deployment, or of one declared equal.

    An unnamed answer is taken for it, because Amazon Bedrock names none.
    """
    models = config.quality_class(deployment.model)
    return any(one.is_answered_by(named) for name in sorted(models) if (one := config.models.get(name)))
