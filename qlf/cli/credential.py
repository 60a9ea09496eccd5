"""From the fields of a stored key to the credential that adapters take."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qlf.ledger.keys.protocol import Fields
    from qlf.llm.credential import Credential

__all__ = ["credential_from"]


def credential_from(kind: str, fields: Fields, key_id: str) -> Credential:
    """The credential that these secret fields are, as the adapters take it.

    Args:
        kind: The kind of the provider.
        fields: As the key store opened them.
        key_id: What records name it by.
    """
    from qlf.llm.credential import ApiKey, AwsKeys

    values = {field: text.reveal() for field, text in fields.items()}
    if kind == "bedrock" and "api_key" not in values:
        return AwsKeys(
            values["access_key_id"], values["secret_access_key"], values.get("session_token"), key_id
        )
    return ApiKey(values["api_key"], key_id)
