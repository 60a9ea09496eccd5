"""Lets boto3 make requests without sending them.

boto3 knows addresses, credentials and signatures, and its `converse` writes them all down; but it sends from
a thread that nobody can interrupt. So the request is taken from it just before it would be sent, by the
`before-send` event, and goes out over our own connections, where a cancelled call ends at once.
"""

from __future__ import annotations

import functools
import logging
import threading
from collections.abc import Iterator
from typing import Any, NamedTuple

import boto3
import botocore.session
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config
from botocore.exceptions import BotoCoreError
from botocore.loaders import Loader
from botocore.tokens import FrozenAuthToken

from qlf.errors import ProviderError
from qlf.llm.adapters.endpoint import checked_endpoint
from qlf.llm.credential import ApiKey, AwsKeys, Credential
from qlf.llm.deployment import Provider

__all__ = ["Signed", "Signer"]

_EVENT = "before-send.bedrock-runtime"
_OURS = frozenset({"content-length", "expect"})


class Signed(NamedTuple):
    """A request that is ready to be sent."""

    url: str
    headers: list[tuple[str, str]]
    body: bytes


class _Nothing:
    """The empty body of the answer that boto3 is given in place of one."""

    def stream(self, *_: Any, **__: Any) -> Iterator[bytes]:
        return iter((b"{}",))

    def read(self, *_: Any) -> bytes:
        return b""

    def close(self) -> None:
        """There is nothing to close."""


@functools.cache
def _loader() -> Loader:
    """Reads the descriptions of services and regions once for all clients: the most of a client's making."""
    return Loader()


class _OneToken:
    """Gives boto3 an API key of Bedrock, in the shape of its token providers and of their tokens."""

    def __init__(self, value: str) -> None:
        self._frozen = FrozenAuthToken(value)

    def load_token(self, **_: Any) -> _OneToken:
        return self

    def get_frozen_token(self) -> FrozenAuthToken:
        return self._frozen


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


class Signer:
    """Makes signed Converse requests.

    Args:
        provider: Its `region` is asked; its `endpoint`, if any, replaces the region's address.
        credential: AWS keys or an API key of Bedrock; without one, boto3 looks where the AWS tools do.

    Raises:
        ProviderError: If region, address or credential cannot be used.
    """

    def __init__(self, provider: Provider, credential: Credential | None) -> None:
        if not provider.region:
            raise ProviderError(
                f"provider {provider.name!r} has no region", hint="set its region, such as 'eu-central-1'"
            )
        endpoint = checked_endpoint(provider) if provider.endpoint else None
        if endpoint is not None and endpoint.startswith("http:") and isinstance(credential, ApiKey):
            raise ProviderError(
                f"provider {provider.name!r} has an API key, and an endpoint without TLS to send it to",
                hint="use an https endpoint, or AWS keys, which are never sent",
            )
        # At DEBUG these write down session tokens and whole prompts.
        for name in ("boto3", "botocore"):
            logger = logging.getLogger(name)
            logger.setLevel(max(logger.level, logging.INFO))
        keys = credential if isinstance(credential, AwsKeys) else None
        # A credential that was named wins over what the environment holds.
        version = "v4" if keys is not None else "bearer" if credential is not None else None
        config = Config(
            retries={"total_max_attempts": 1},
            parameter_validation=False,
            ignore_configured_endpoint_urls=True,
            signature_version=version,
        )
        try:
            core = botocore.session.get_session()
            core.register_component("data_loader", _loader())
            if isinstance(credential, ApiKey):
                core.register_component("token_provider", _OneToken(credential.value))
            session = boto3.Session(
                botocore_session=core,
                aws_access_key_id=keys.access_key_id if keys is not None else None,
                aws_secret_access_key=keys.secret_access_key if keys is not None else None,
                aws_session_token=keys.session_token if keys is not None else None,
                region_name=provider.region,
            )
            self._client: Any = session.client(
                "bedrock-runtime",
                endpoint_url=endpoint,
                config=config,
            )
        except (BotoCoreError, ValueError) as error:
            name = type(error).__name__
        else:
            name = ""
        if name:
            raise ProviderError(
                f"provider {provider.name!r} cannot be used: its region or profile was refused ({name})",
                hint="check its region, and the AWS configuration if no key is named",
            )
        self._taken = threading.local()
        self._client.meta.events.register(_EVENT, self._take)

    def _take(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        self._taken.request = request
        response = AWSResponse(request.url, 200, {}, _Nothing())
        response._content = b"{}"  # noqa: SLF001 - so that nothing is read from the body
        return response

    def sign(self, arguments: dict[str, Any], *, stream: bool) -> Signed:
        """The request for these arguments of `converse`. May read files and ask AWS for credentials.

        Raises:
            BotoCoreError: If it cannot be made.
        """
        self._taken.request = None
        operation = self._client.converse_stream if stream else self._client.converse
        operation(**arguments)
        request: AWSPreparedRequest = self._taken.request
        self._taken.request = None
        headers = [
            (name, _text(value)) for name, value in request.headers.items() if name.lower() not in _OURS
        ]
        body = request.body
        return Signed(request.url, headers, body.encode() if isinstance(body, str) else bytes(body or b""))

    def close(self) -> None:
        """Close the client."""
        self._client.close()
