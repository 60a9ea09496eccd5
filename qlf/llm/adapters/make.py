"""Makes the adapter for a provider, and loads its SDK only then."""

from __future__ import annotations

from qlf.llm.credential import Credential
from qlf.llm.deployment import Provider
from qlf.llm.model import Adapter

__all__ = ["make_adapter"]


def make_adapter(
    provider: Provider, credential: Credential | None = None, *, proxies: bool = False
) -> Adapter:
    """The adapter for this provider. It belongs to the event loop that it is first used in.

    Args:
        provider: The account.
        credential: Its key; `None` for the SDK's own chain (AWS) or no key at all (local servers).
        proxies: Whether the proxies that the environment names are used.

    Raises:
        ProviderError: If address, region or credential cannot be used.
    """
    if provider.kind == "bedrock":
        from qlf.llm.adapters.bedrock import BedrockAdapter

        return BedrockAdapter(provider, credential, proxies=proxies)
    if provider.kind == "azure_openai":
        from qlf.llm.adapters.azure_openai import AzureOpenAIAdapter

        return AzureOpenAIAdapter(provider, credential, proxies=proxies)
    from qlf.llm.adapters.openai_compatible import OpenAICompatibleAdapter

    return OpenAICompatibleAdapter(provider, credential, proxies=proxies)
