"""What every place that keeps credentials can do, whether a local file or Prefect blocks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Protocol

from qlf.ledger.keys.kek import Kek
from qlf.ledger.keys.model import KeyInfo, OpenKey
from qlf.ledger.keys.secret import SecretText

__all__ = ["Checkpoint", "CredentialStore", "Fields", "KeyIssuer", "Tester", "nothing"]

Fields = Mapping[str, SecretText]
"""The secret fields of a credential by name."""

Checkpoint = Callable[[str], None]
"""Called between the durable steps of a rotation with the name of what was just done."""

Tester = Callable[[str, Fields], None]
"""Makes one real call with a credential: `(provider kind, fields)`; raises when it is not accepted."""


def nothing(step: str) -> None:
    """The checkpoint of a run that nobody watches."""


class CredentialStore(Protocol):
    """A place that keeps credentials sealed. Every method is durable when it returns."""

    kept_in: str
    """`local` or `prefect`."""

    def list(self) -> tuple[KeyInfo, ...]:
        """Every version that is kept, by name and version."""
        ...

    def add(self, name: str, kind: str, fields: Fields) -> KeyInfo:
        """Keep a credential under a new name; it is current at once.

        Raises:
            KeyExists: If the name has a current credential.
        """
        ...

    def current(self, name: str) -> OpenKey:
        """The credential that calls are to use.

        Raises:
            KeyMissing: If there is none.
        """
        ...

    def get(self, name: str, version: int) -> OpenKey:
        """One version, also a pending or a previous one.

        Raises:
            KeyMissing: If there is none, or it is revoked.
        """
        ...

    def info(self, name: str) -> tuple[KeyInfo, ...]:
        """The versions of one name, the oldest first; empty if there are none."""
        ...

    def begin(self, name: str, token: str) -> str:
        """Record the token of a rotation before anything is asked of the provider.

        Returns:
            The token that counts: that of the rotation under way, if there is one.
        """
        ...

    def token(self, name: str) -> str:
        """The token of the rotation under way, empty if there is none."""
        ...

    def stage(self, name: str, fields: Fields) -> KeyInfo:
        """Keep the next version as pending.

        Raises:
            KeyMissing: If the name has no current credential.
            KeyExists: If another version is pending.
        """
        ...

    def promote(self, name: str, *, grace_seconds: int) -> KeyInfo:
        """Make the pending version current, the current one previous, and forget the token: one step."""
        ...

    def abandon(self, name: str) -> KeyInfo | None:
        """Drop the pending version and the rotation's token."""
        ...

    def revoke(self, name: str, version: int | None = None) -> tuple[KeyInfo, ...]:
        """End one version, or all of them: the sealed value is erased."""
        ...

    def delete(self, name: str) -> int:
        """Remove a name with all its versions, and return how many there were."""
        ...

    def keks(self) -> Mapping[str, int]:
        """How many sealed values use each KEK, by its id; the one for new values first, even with none."""
        ...

    def rewrap(self, new: Kek, *, checkpoint: Checkpoint = nothing) -> int:
        """Wrap every data key with `new`, and return how many were wrapped; may be repeated."""
        ...

    def lock(self) -> AbstractContextManager[None]:
        """Held by whoever rotates; it ends with the process.

        Raises:
            KeyBusy: If somebody else holds it.
        """
        ...


class KeyIssuer(Protocol):
    """A provider that issues credentials by API, such as AWS IAM (CreateAccessKey, DeleteAccessKey).

    `create` must be idempotent by its token: when a program ended between the call and its answer, the
    same token gives the same credential again, or replaces the one that it gave. An API that knows no
    tokens is made so by writing the token into a label of the credential and deleting what carries it
    before creating anew.
    """

    def create(self, token: str) -> Fields:
        """A new credential."""
        ...

    def test(self, fields: Fields) -> None:
        """Make one real call; raises when the credential is not accepted."""
        ...

    def revoke(self, fields: Fields) -> None:
        """End a credential at the provider; ending it again is no error."""
        ...
