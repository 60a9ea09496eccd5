"""Credentials for a provider. Their values are in no `repr`, so no log and no traceback shows one."""

from __future__ import annotations

from dataclasses import dataclass, field

from qlf.errors import KeyStoreError

__all__ = ["ApiKey", "AwsKeys", "Credential"]

_LONGEST = 16_384


def _check(value: str, what: str) -> None:
    """A value that cannot stand in an HTTP header is refused here, where no message can hold it."""
    if not value or len(value) > _LONGEST or not value.isascii() or not value.isprintable() or " " in value:
        raise KeyStoreError(
            f"the {what} is empty or holds characters that no key has",
            hint="add the key again; look for a line break or a space that was copied along",
        )


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key that is sent as it is.

    Args:
        value: The key.
        key_id: Name and version of it in the key store; this may be shown.

    Raises:
        KeyStoreError: If the value cannot be a key.
    """

    value: str = field(repr=False)
    key_id: str = ""

    def __post_init__(self) -> None:
        _check(self.value, "API key")


@dataclass(frozen=True, slots=True)
class AwsKeys:
    """Keys that requests to AWS are signed with.

    Args:
        access_key_id: The public half.
        secret_access_key: The secret half.
        session_token: Comes with temporary keys.
        key_id: Name and version of them in the key store; this may be shown.

    Raises:
        KeyStoreError: If a value cannot be a key.
    """

    access_key_id: str = field(repr=False)
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)
    key_id: str = ""

    def __post_init__(self) -> None:
        _check(self.access_key_id, "AWS access key id")
        _check(self.secret_access_key, "AWS secret access key")
        if self.session_token is not None:
            _check(self.session_token, "AWS session token")


Credential = ApiKey | AwsKeys
"""What a provider is asked with. Where none is given, the SDK's own chain is used, or no key at all."""
