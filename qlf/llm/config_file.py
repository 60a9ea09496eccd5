"""`providers.yaml`: read without trust and checked against the catalogue; every error names its line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Never

from qlf.core.secrets import redact
from qlf.core.yaml import load_yaml, plain
from qlf.errors import InputError, ProviderError
from qlf.llm.config import CacheLimits, DeclaredPrice, GatewayConfig, did_you_mean, known_models
from qlf.llm.config_remote import batch_offer, bedrock_remote, features_of
from qlf.llm.config_schema import DeploymentEntry, FileEntry, ModelEntry, ProviderEntry
from qlf.llm.deployment import Deployment, Provider
from qlf.llm.endpoint import endpoint_problem
from qlf.llm.models import Model, catalogue, surface_of

if TYPE_CHECKING:
    from pydantic import ValidationError

__all__ = ["parse_config"]

_SECRET_KEYS = re.compile(r"(?i)(api_?)?key|secret|token|password|access_key.*|.*_secret.*")
_Where = tuple[str | int, ...]


def parse_config(text: str, *, name: str = "providers.yaml") -> GatewayConfig:
    """Read the text of `providers.yaml`.

    Raises:
        ProviderError: For anything that is wrong in it.
    """
    document = _Document(text, name)
    entry = document.entry
    own = {key: _own_model(key, one, entry.deployments) for key, one in entry.models.items()}
    models = known_models(own)
    providers = {key: _provider(document, key, one) for key, one in entry.providers.items()}
    deployments = tuple(
        _deployment(document, place, one, providers, models) for place, one in enumerate(entry.deployments)
    )
    _check_unique(document, deployments)
    for tier, names in entry.tiers.items():
        for place, one in enumerate(names):
            _check_model(document, ("tiers", tier, place), one, models, aliases=True)
    return GatewayConfig(
        providers=providers,
        deployments=deployments,
        models=models,
        tiers={tier: tuple(names) for tier, names in entry.tiers.items()},
        classes=_classes(document, entry.classes, models),
        strategy=entry.strategy,
        probe_seconds=entry.probe_seconds,
        deadline_seconds=entry.deadline_seconds,
        prices={
            deployment.name: price
            for deployment, one in zip(deployments, entry.deployments, strict=True)
            if (price := _price(one)) is not None
        },
        cache=CacheLimits(entry.cache.max_bytes, entry.cache.memory_bytes, entry.cache.max_age_days),
        origin=name,
    )


class _Document:
    """The parsed file, and where each part of it stands."""

    def __init__(self, text: str, name: str) -> None:
        from pydantic import ValidationError

        self.name = name
        try:
            self._marked = load_yaml(text, name=name)
        except InputError as error:
            raise ProviderError(error.message, hint="repair the file") from error
        try:
            self.entry = FileEntry.model_validate(plain(self._marked))
        except ValidationError as error:
            self._refuse(error)

    def fail(self, where: _Where, what: str, hint: str | None = None) -> Never:
        """Refuse the file for what stands at `where`."""
        line = self._line(where)
        place = f"{self.name}, line {line}" if line is not None else self.name
        path = ".".join(str(part) for part in where)
        raise ProviderError(f"{place}: {redact(path)[:160]} {what}", hint=hint)

    def _refuse(self, error: ValidationError) -> Never:
        errors = error.errors(include_url=False, include_input=False)
        # A price is a word or a mapping; what is neither draws two complaints, the mapping's last.
        first = errors[-1] if {"PriceEntry"} & {*errors[-1]["loc"]} and len(errors) == 2 else errors[0]
        if first["type"] == "model_type":
            first = errors[0]
        where = tuple(part for part in first["loc"] if part not in ("[key]", "literal['free']", "PriceEntry"))
        kind = first["type"]
        if kind == "extra_forbidden":
            key = str(where[-1])
            if _SECRET_KEYS.fullmatch(key):
                self.fail(where, "is no setting: a key does not belong in this file", "use `qlf keys add`")
            known = _fields_at(where[:-1])
            self.fail(where, f"is no setting{did_you_mean(key, known)}", f"it may be: {', '.join(known)}")
        if kind == "missing":
            self.fail(where, "is missing")
        value = self._value(where)
        # A value is repeated, unless it may be a secret: it helps to see a typing error.
        shown = f"is {redact(value)[:60]!r}, " if isinstance(value, str) else ""
        if kind == "literal_error":
            allowed = re.findall(r"'([^']*)'", str(first.get("ctx", {}).get("expected", "")))
            near = did_you_mean(value, allowed) if isinstance(value, str) else ""
            self.fail(where, f"{shown}which is none of {', '.join(allowed)}{near}")
        if kind == "string_pattern_mismatch":
            self.fail(where, f"{shown}which is too long or has characters that it must not have")
        message = str(first["msg"])
        self.fail(where, f"is wrong: {message[:1].lower()}{message[1:]}")

    def _value(self, where: _Where) -> object:
        value: Any = self._marked
        for part in where:
            try:
                value = value[part]
            except (LookupError, TypeError):
                return None
        return value

    def _line(self, where: _Where) -> int | None:
        value: Any = self._marked
        line: int | None = None
        for part in where:
            marks: Any = getattr(value, "lc", None)
            try:
                line = (marks.key(part) if isinstance(value, dict) else marks.item(part))[0] + 1
                value = value[part]
            except (LookupError, TypeError, AttributeError):
                break
        return line


def _fields_at(where: _Where) -> list[str]:
    from qlf.llm import config_schema as schema

    kinds: dict[str, type[Any]] = {
        "providers": schema.ProviderEntry,
        "deployments": schema.DeploymentEntry,
        "models": schema.ModelEntry,
        "cache": schema.CacheEntry,
    }
    found: type[Any] = FileEntry
    if where:
        found = schema.PriceEntry if where[-1] == "price" else kinds.get(str(where[0]), FileEntry)
    return list(found.model_fields)


def _provider(document: _Document, name: str, entry: ProviderEntry) -> Provider:
    where: _Where = ("providers", name)
    needed, useless = {
        "bedrock": (("region",), ("api_version",)),
        "azure_openai": (("endpoint", "api_version"), ("region",)),
        "openai_compatible": (("endpoint",), ("region", "api_version")),
    }[entry.kind]
    for key in needed:
        if getattr(entry, key) is None:
            document.fail((*where, key), f"is missing: a provider of kind {entry.kind} needs it")
    for key in useless:
        if getattr(entry, key) is not None:
            document.fail((*where, key), f"means nothing for a provider of kind {entry.kind}", "remove it")
    if entry.endpoint is not None:
        problem = endpoint_problem(entry.endpoint)
        if problem is not None:
            document.fail((*where, "endpoint"), problem)
    regions = catalogue().bedrock_regions
    if entry.region is not None and entry.region not in regions:
        document.fail(
            (*where, "region"),
            f"is {redact(entry.region)[:40]!r}, where Amazon Bedrock is not known to answer"
            + did_you_mean(entry.region, regions),
        )
    if entry.credential is not None and redact(entry.credential) != entry.credential:
        document.fail(
            (*where, "credential"),
            "looks like a key; it must be the name of one",
            "use `qlf keys add`",
        )
    return Provider(
        name=name,
        kind=entry.kind,
        endpoint=entry.endpoint.rstrip("/") if entry.endpoint else None,
        region=entry.region,
        api_version=entry.api_version,
        credential=entry.credential,
    )


def _deployment(
    document: _Document,
    place: int,
    entry: DeploymentEntry,
    providers: Mapping[str, Provider],
    models: Mapping[str, Model],
) -> Deployment:
    where: _Where = ("deployments", place)
    provider = providers.get(entry.provider)
    if provider is None:
        document.fail(
            (*where, "provider"),
            f"is {entry.provider!r}, which is no provider of this file"
            + did_you_mean(entry.provider, providers),
        )
    model = models[_check_model(document, (*where, "model"), entry.model, models, aliases=False)]
    remote = entry.remote or _remote(provider, model)
    if remote is None:
        document.fail(
            (*where, "remote"),
            f"is missing: it is what {entry.provider} calls {entry.model}, and that is not known here",
        )
    if entry.batch is not None and provider.kind == "bedrock":
        document.fail((*where, "batch"), "means nothing for Amazon Bedrock: it takes batches from S3 only")
    burndown = entry.output_burndown
    if burndown is None:
        burndown = model.bedrock.burndown if provider.kind == "bedrock" and model.bedrock else 1
    return Deployment(
        name=entry.name or f"{provider.name}/{model.name}",
        provider=provider,
        model=model.name,
        remote=remote,
        requests_per_minute=entry.rpm,
        tokens_per_minute=entry.tpm,
        concurrency=entry.concurrency,
        output_burndown=burndown,
        features=features_of(model, provider),
        batch=batch_offer(provider, remote, named=entry.batch, price=entry.batch_price),
    )


def _remote(provider: Provider, model: Model) -> str | None:
    if provider.kind == "bedrock" and model.bedrock is not None and provider.region is not None:
        return bedrock_remote(model.bedrock, provider.region)
    # An Azure deployment has a name of the user's choice; only OpenAI itself calls its models by their names.
    return model.openai if surface_of(provider) == "openai" else None


def _check_model(
    document: _Document, where: _Where, name: str, models: Mapping[str, Model], *, aliases: bool
) -> str:
    meant = catalogue().aliases.get(name)
    if name not in models and meant is None:
        document.fail(
            where,
            f"is {redact(name)[:60]!r}, which is no model of the catalogue{did_you_mean(name, models)}",
            "declare a model of your own under `models`",
        )
    if name not in models and meant is not None and not aliases:
        document.fail(where, f"is the alias {name!r}; name the model itself, such as {meant[0]!r}")
    return name


def _check_unique(document: _Document, deployments: Sequence[Deployment]) -> None:
    seen: set[str] = set()
    for place, one in enumerate(deployments):
        if one.name in seen:
            document.fail(
                ("deployments", place), f"has the name {one.name!r}, as another has", "give it a `name`"
            )
        seen.add(one.name)


def _classes(
    document: _Document, entries: Iterable[Sequence[str]], models: Mapping[str, Model]
) -> tuple[frozenset[str], ...]:
    classes: list[frozenset[str]] = []
    taken: set[str] = set()
    for place, names in enumerate(entries):
        for index, name in enumerate(names):
            _check_model(document, ("classes", place, index), name, models, aliases=False)
            if name in taken:
                document.fail(("classes", place, index), f"is {name!r}, which stands in a class already")
            taken.add(name)
        classes.append(frozenset(names))
    return tuple(classes)


def _price(entry: DeploymentEntry) -> DeclaredPrice | None:
    if entry.price is None:
        return None
    if entry.price == "free":
        return DeclaredPrice(Decimal(0), Decimal(0))
    return DeclaredPrice(
        entry.price.input, entry.price.output, entry.price.cache_read, entry.price.cache_write
    )


def _own_model(name: str, entry: ModelEntry, deployments: Iterable[DeploymentEntry]) -> Model:
    names = entry.answers or [name, *(one.remote for one in deployments if one.model == name and one.remote)]
    return Model(
        name=name,
        tier=entry.tier,
        vendor="own",
        context_tokens=entry.context_tokens,
        max_output_tokens=entry.max_output_tokens,
        json_schema=entry.json_schema,
        temperature=entry.temperature,
        reasoning=entry.reasoning,
        answers=".*" if "*" in names else "|".join(re.escape(one) for one in names),
        own=True,
    )
