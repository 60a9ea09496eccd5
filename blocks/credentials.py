"""Credentials of model providers as Prefect blocks.

A block that was filled in by hand in the user interface of Prefect works at once; at its first use its secret
fields are sealed and written back, so that neither the database nor the API of Prefect gives them in clear.

    key = OpenAICompatibleCredentials.load("local-llm").credential()
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any, ClassVar, cast

from prefect.blocks.core import Block
from pydantic import Field, SecretStr

from qlf.errors import KeyStoreError
from qlf.ledger.keys.model import OpenKey

if TYPE_CHECKING:
    from qlf.llm.credential import Credential
    from qlf.llm.deployment import Kind, Provider

__all__ = ["TYPES", "AzureOpenAICredentials", "BedrockCredentials", "OpenAICompatibleCredentials"]

_log = logging.getLogger(__name__)


class _Credentials(Block):
    """What the credential blocks share."""

    _kind: ClassVar[Kind]

    key_version: int = Field(
        default=1, title="Key version", description="Counts the values this key has had. Leave it alone."
    )
    key_state: SecretStr | None = Field(
        default=None,
        title="Key state",
        description="Sealed: earlier and staged values. Leave it alone.",
    )

    def open(self) -> OpenKey:
        """The current credential; a value in clear is sealed and written back first.

        Raises:
            KeyStoreError: If it cannot be opened, or in production no KEK is configured.
        """
        from blocks.ring import configured_ring
        from qlf.ledger.keys.document import read_document, write_document
        from qlf.ledger.keys.model import Stage

        ring = configured_ring()
        name = self._block_document_name or "unsaved"
        versions = read_document(name, self._kind, self._plain(), ring, now=int(time.time()))
        current = versions.of(Stage.CURRENT)
        if current is None:
            raise KeyStoreError(f"the block {name!r} holds no credential", hint="fill in its secret fields")
        if versions.in_clear and self._block_document_name is not None:
            kek, _ = ring.ensure()
            self._write_back(write_document(versions, kek))
        return versions.opened(current)

    def credential(self) -> Credential:
        """The credential as the adapters of `qlf` take it."""
        from qlf.llm.credential import ApiKey, AwsKeys

        key = self.open()
        values = {name: secret.reveal() for name, secret in key.fields.items()}
        if "api_key" in values:
            return ApiKey(values["api_key"], key.key_id)
        return AwsKeys(
            values["access_key_id"], values["secret_access_key"], values.get("session_token"), key.key_id
        )

    def provider(self) -> Provider:
        """The account that the credential is for."""
        from qlf.llm.deployment import Provider

        name = self._block_document_name
        return Provider(
            name=name or self._kind,
            kind=self._kind,
            endpoint=getattr(self, "endpoint", None),
            region=getattr(self, "region", None),
            api_version=getattr(self, "api_version", None),
            credential=name,
        )

    def _plain(self) -> dict[str, str | int | None]:
        data = {}
        for name in type(self).model_fields:
            value = getattr(self, name)
            data[name] = value.get_secret_value() if isinstance(value, SecretStr) else value
        return data

    def _write_back(self, sealed: dict[str, str | int | None]) -> None:
        changed = {
            name: SecretStr(value) if isinstance(value, str) else value for name, value in sealed.items()
        }
        written = self.model_copy(update=changed)
        written._block_document_id = self._block_document_id  # noqa: SLF001 - a copy of itself
        try:
            cast("Any", written).save(self._block_document_name, overwrite=True, _sync=True)
        except Exception as error:  # noqa: BLE001 - the key works all the same, whatever Prefect raises
            _log.warning(
                "the block %r could not be sealed (%s); its key stays in clear in Prefect",
                self._block_document_name,
                type(error).__name__,
            )
            return
        for name, value in changed.items():
            setattr(self, name, value)


class BedrockCredentials(_Credentials):
    """Keys of AWS for Amazon Bedrock. Secret fields are sealed at the first use."""

    _kind: ClassVar[Kind] = "bedrock"
    _block_type_name = "QLF Bedrock credentials"
    _block_type_slug = "qlf-bedrock-credentials"
    _description = "Keys of AWS for Amazon Bedrock. Secret fields are sealed at the first use."

    region: str = Field(description="Region of AWS, such as eu-central-1.")
    endpoint: str | None = Field(default=None, description="Only to call another address than AWS's own.")
    access_key_id: SecretStr | None = Field(default=None, title="Access key id")
    secret_access_key: SecretStr | None = Field(default=None, title="Secret access key")
    session_token: SecretStr | None = Field(
        default=None, title="Session token", description="Comes with temporary keys."
    )


class AzureOpenAICredentials(_Credentials):
    """A key of an Azure OpenAI resource. Secret fields are sealed at the first use."""

    _kind: ClassVar[Kind] = "azure_openai"
    _block_type_name = "QLF Azure OpenAI credentials"
    _block_type_slug = "qlf-azure-openai-credentials"
    _description = "A key of an Azure OpenAI resource. Secret fields are sealed at the first use."

    endpoint: str = Field(description="Address of the resource: https://NAME.openai.azure.com")
    api_version: str | None = Field(default=None, title="API version")
    api_key: SecretStr | None = Field(default=None, title="API key")


class OpenAICompatibleCredentials(_Credentials):
    """A key of a server that speaks the OpenAI API. Secret fields are sealed at the first use."""

    _kind: ClassVar[Kind] = "openai_compatible"
    _block_type_name = "QLF OpenAI-compatible credentials"
    _block_type_slug = "qlf-openai-compatible-credentials"
    _description = "A key of a server that speaks the OpenAI API. Secret fields are sealed at the first use."

    endpoint: str = Field(
        default="https://api.openai.com/v1", description="Base address of the API, up to /v1."
    )
    api_key: SecretStr | None = Field(default=None, title="API key")


TYPES: dict[str, type[_Credentials]] = {
    "bedrock": BedrockCredentials,
    "azure_openai": AzureOpenAICredentials,
    "openai_compatible": OpenAICompatibleCredentials,
}
"""The block of each kind of provider."""
