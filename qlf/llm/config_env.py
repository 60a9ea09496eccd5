"""A configuration from the variables that the providers' own tools use, for a start without a file."""

from __future__ import annotations

from collections.abc import Mapping

from qlf.errors import ProviderError
from qlf.llm.config import GatewayConfig, did_you_mean, known_models
from qlf.llm.config_remote import batch_offer, bedrock_remote, features_of
from qlf.llm.deployment import Deployment, Provider
from qlf.llm.endpoint import endpoint_problem
from qlf.llm.models import Model, catalogue, surface_of

__all__ = ["ENVIRONMENT_PREFIX", "config_from_environment"]

ENVIRONMENT_PREFIX = "env:"
"""A credential named `env:VARIABLE` is that variable, not an entry of the key store."""


def config_from_environment(environ: Mapping[str, str]) -> GatewayConfig:
    """Providers from `AWS_*`, `AZURE_OPENAI_*` and `OPENAI_*`.

    What is half configured is left out, and said in `notices`; what is configured wrongly is an error.

    Raises:
        ProviderError: Naming the variable. Its value is repeated only where it cannot be a secret.
    """
    env = {name: value.strip() for name, value in environ.items() if value.strip()}
    found: list[Deployment] = []
    notices: list[str] = []
    for read in (_bedrock, _azure, _openai):
        deployments, notice = read(env)
        found += deployments
        if notice:
            notices.append(notice)
    providers = {one.provider.name: one.provider for one in found}
    if found:
        notices.append(
            f"providers come from the environment ({', '.join(providers)}); "
            "write providers.yaml to set limits, tiers and more than one account"
        )
    return GatewayConfig(
        providers=providers,
        deployments=tuple(found),
        models=known_models({}),
        origin="the environment" if found else "nothing",
        notices=tuple(notices),
    )


_Found = tuple[list[Deployment], str | None]


def _bedrock(env: Mapping[str, str]) -> _Found:
    if "AWS_ACCESS_KEY_ID" not in env and "AWS_PROFILE" not in env:
        return [], None
    region = env.get("AWS_REGION") or env.get("AWS_DEFAULT_REGION")
    if region is None:
        return [], "AWS credentials are set but no AWS_REGION, so Amazon Bedrock is not used"
    known = catalogue().bedrock_regions
    if region not in known:
        raise ProviderError(
            f"AWS_REGION is {region[:40]!r}, where Amazon Bedrock is not known to answer"
            + did_you_mean(region, known),
            hint="set AWS_REGION to a region of Amazon Bedrock",
        )
    provider = Provider("bedrock", "bedrock", region=region)
    return [
        Deployment(
            name=f"bedrock/{model.name}",
            provider=provider,
            model=model.name,
            remote=bedrock_remote(model.bedrock, region),
            output_burndown=model.bedrock.burndown,
            features=features_of(model, provider),
        )
        for model in catalogue().models.values()
        if model.bedrock is not None and not model.ended(provider, catalogue().checked)
    ], None


def _azure(env: Mapping[str, str]) -> _Found:
    endpoint, key = env.get("AZURE_OPENAI_ENDPOINT"), env.get("AZURE_OPENAI_API_KEY")
    if endpoint is None:
        return [], None
    missing = [
        name
        for name in ("AZURE_OPENAI_API_KEY", "AZURE_OPENAI_DEPLOYMENT", "OPENAI_API_VERSION")
        if name not in env
    ]
    if key is None or missing:
        return (
            [],
            f"AZURE_OPENAI_ENDPOINT is set but not {' and '.join(missing)}, so Azure OpenAI is not used",
        )
    _check(endpoint, "AZURE_OPENAI_ENDPOINT")
    deployment = env["AZURE_OPENAI_DEPLOYMENT"]
    model = _model_named(deployment)
    if model is None:
        return [], (
            f"the model behind the Azure deployment {deployment[:60]!r} cannot be told from its name; "
            "name it in providers.yaml"
        )
    provider = Provider(
        "azure",
        "azure_openai",
        endpoint=endpoint.rstrip("/"),
        api_version=env["OPENAI_API_VERSION"],
        credential=f"{ENVIRONMENT_PREFIX}AZURE_OPENAI_API_KEY",
    )
    return [
        Deployment(
            f"azure/{model.name}", provider, model.name, deployment, features=features_of(model, provider)
        )
    ], None


def _openai(env: Mapping[str, str]) -> _Found:
    base = env.get("OPENAI_BASE_URL")
    if base is not None:
        _check(base, "OPENAI_BASE_URL")
    if "OPENAI_API_KEY" not in env:
        return [], None
    provider = Provider(
        "openai",
        "openai_compatible",
        endpoint=(base or "https://api.openai.com/v1").rstrip("/"),
        credential=f"{ENVIRONMENT_PREFIX}OPENAI_API_KEY",
    )
    if surface_of(provider) != "openai":
        return [], (
            "OPENAI_BASE_URL names a server whose models are not known here; name them in providers.yaml"
        )
    return [
        Deployment(
            f"openai/{model.name}",
            provider,
            model.name,
            model.openai,
            features=features_of(model, provider),
            batch=batch_offer(provider, model.openai),
        )
        for model in catalogue().models.values()
        if model.openai is not None and not model.ended(provider, catalogue().checked)
    ], None


def _check(address: str, name: str) -> None:
    problem = endpoint_problem(address)
    if problem is not None:
        raise ProviderError(f"{name} {problem}", hint=f"set {name} to the base address of the provider")


def _model_named(text: str) -> Model | None:
    known = catalogue()
    name = text.lower()
    meant = known.aliases.get(name, ())
    if len(meant) == 1:
        name = meant[0]
    return known.models.get(name)
