"""What a provider calls a model, and what it takes, where the user did not say."""

from __future__ import annotations

from decimal import Decimal

from qlf.llm.deployment import BatchOffer, Features, Provider
from qlf.llm.models import BedrockName, Model, surface_of

__all__ = ["batch_offer", "bedrock_remote", "features_of"]

_PREFIXES = (
    ("us-gov-", "us-gov"),
    ("us-", "us"),
    ("eu-", "eu"),
    ("ap-northeast-1", "jp"),
    ("ap-northeast-3", "jp"),
    ("ap-southeast-2", "au"),
    ("ap-southeast-4", "au"),
    ("ap-south-", "in"),
    ("ap-", "apac"),
)


def bedrock_remote(name: BedrockName, region: str) -> str:
    """The inference profile for a region: the one of its geography, else the global one, else the model.

    A geography comes before `global`, because data stays within it. The geography of each region is that of
    the Amazon Bedrock user guide, on inference profiles.
    """
    for start, prefix in _PREFIXES:
        if region.startswith(start) and prefix in name.profiles:
            return f"{prefix}.{name.id}"
    if "global" in name.profiles:
        return f"global.{name.id}"
    return name.id


def features_of(model: Model, provider: Provider) -> Features:
    """What the model takes on the wire at this provider."""
    if provider.kind == "bedrock":
        return Features(
            sampling=model.temperature,
            # The usual way there is a tool that the model is forced to call, which some models refuse.
            native_schema=None if model.forced_tool else True,
            cache_points=model.prompt_cache,
        )
    return Features(
        max_completion_tokens=model.reasoning,
        sampling=model.temperature,
        native_schema=model.json_schema,
    )


def batch_offer(
    provider: Provider, remote: str, *, named: str | None = None, price: Decimal | None = None
) -> BatchOffer | None:
    """The batch API of a deployment, if it has one.

    OpenAI has one for its chat models under their own names. Azure needs a deployment made for it, and other
    servers may have one at any price: both have to be named.

    Args:
        provider: The account.
        remote: What the provider calls the model otherwise.
        named: What its batch API calls it, as the user says.
        price: Share of the usual price, as the user says; else half at OpenAI and Azure, all elsewhere.
    """
    surface = surface_of(provider)
    if named is None and surface != "openai":
        return None
    usual = Decimal("0.5") if surface in ("openai", "azure") else Decimal(1)
    return BatchOffer(named or remote, usual if price is None else price)
