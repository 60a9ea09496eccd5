"""Azure OpenAI: deployments of a resource, asked through the `openai` SDK."""

from __future__ import annotations

from urllib.parse import quote

import openai

from qlf.errors import ProviderError
from qlf.llm.adapters.connection import Connection
from qlf.llm.adapters.endpoint import checked_endpoint
from qlf.llm.adapters.openai_transport import http_client
from qlf.llm.adapters.openai_wire import OpenAIWire
from qlf.llm.credential import ApiKey, Credential
from qlf.llm.deployment import Deployment, Provider

__all__ = ["DEFAULT_API_VERSION", "AzureOpenAIAdapter"]

DEFAULT_API_VERSION = "2024-10-21"
"""The first stable version with JSON Schema and with the usage of streams."""


class AzureOpenAIAdapter(OpenAIWire):
    """One Azure OpenAI resource.

    Args:
        provider: Its `endpoint` is the resource: `https://name.openai.azure.com`.
        credential: The key of the resource.
        proxies: Whether the proxies that the environment names are used.

    Raises:
        ProviderError: If the address or the credential cannot be used.
    """

    batch_endpoint = "/chat/completions"

    def __init__(self, provider: Provider, credential: Credential | None, *, proxies: bool = False) -> None:
        endpoint = checked_endpoint(provider)
        if not isinstance(credential, ApiKey):
            raise ProviderError(
                f"provider {provider.name!r} has no API key",
                hint="add it with `qlf keys add` and name it as the provider's credential",
            )
        super().__init__(
            openai.AsyncAzureOpenAI(
                azure_endpoint=endpoint,
                api_key=credential.value,
                api_version=provider.api_version or DEFAULT_API_VERSION,
                admin_api_key="",
                organization="",
                project="",
                max_retries=0,
                timeout=None,
                http_client=http_client(Connection(proxies=proxies)),
            )
        )
        self._client.organization = self._client.project = None

    def path(self, deployment: Deployment) -> str:
        """The deployment is part of the address."""
        return f"/deployments/{quote(deployment.remote, safe='')}/chat/completions"
