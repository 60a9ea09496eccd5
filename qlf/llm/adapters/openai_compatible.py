"""Any server that speaks OpenAI's chat completions: OpenAI itself, vLLM, Ollama, llama.cpp."""

from __future__ import annotations

import openai

from qlf.errors import ProviderError
from qlf.llm.adapters.connection import Connection
from qlf.llm.adapters.endpoint import checked_endpoint
from qlf.llm.adapters.openai_transport import http_client
from qlf.llm.adapters.openai_wire import OpenAIWire
from qlf.llm.credential import ApiKey, Credential
from qlf.llm.deployment import Provider

__all__ = ["OpenAICompatibleAdapter"]


class OpenAICompatibleAdapter(OpenAIWire):
    """One server.

    Args:
        provider: Its `endpoint` reaches up to `/v1`.
        credential: Its key. Without one no `Authorization` is sent; the SDK's own variables are not read,
            since the key they hold is meant for another address.
        proxies: Whether the proxies that the environment names are used.

    Raises:
        ProviderError: If the address or the credential cannot be used.
    """

    def __init__(self, provider: Provider, credential: Credential | None, *, proxies: bool = False) -> None:
        endpoint = checked_endpoint(provider)
        if credential is not None and not isinstance(credential, ApiKey):
            raise ProviderError(
                f"provider {provider.name!r} takes an API key, not keys of AWS",
                hint="name another credential for it",
            )
        super().__init__(
            openai.AsyncOpenAI(
                base_url=endpoint,
                api_key=credential.value if credential is not None else "none",
                admin_api_key="",
                organization="",
                project="",
                max_retries=0,
                timeout=None,
                http_client=http_client(Connection(proxies=proxies)),
            ),
            # The SDK wants some key; without one it is told with each request to leave the header out.
            headers={"Authorization": openai.Omit()} if credential is None else {},
        )
        self._client.organization = self._client.project = None
