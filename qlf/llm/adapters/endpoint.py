"""Checks the address of a provider before anything is sent there."""

from __future__ import annotations

from urllib.parse import urlsplit

from qlf.errors import ProviderError
from qlf.llm.deployment import Provider

__all__ = ["checked_endpoint"]


def checked_endpoint(provider: Provider) -> str:
    """The address without a slash at its end.

    Raises:
        ProviderError: If there is none, or it is not plain `http(s)://host[:port][/path]`. An address with a
            user and password in it is refused too, without being repeated: it would be shown in logs.
    """
    where = provider.endpoint or ""
    hint = "set its endpoint, such as 'https://host/v1', in the providers file"
    try:
        parts = urlsplit(where)
        port = parts.port
    except ValueError:
        raise ProviderError(f"the endpoint of provider {provider.name!r} is not a URL", hint=hint) from None
    if parts.username is not None or parts.password is not None:
        raise ProviderError(
            f"the endpoint of provider {provider.name!r} holds a user or password",
            hint="store the key with `qlf keys add` and name it as the provider's credential",
        )
    odd = bool(parts.query or parts.fragment) or port == 0 or not where.isascii() or not where.isprintable()
    if parts.scheme not in {"http", "https"} or not parts.hostname or odd or " " in where:
        raise ProviderError(
            f"the endpoint of provider {provider.name!r} is not an http or https address", hint=hint
        )
    return where.rstrip("/")
