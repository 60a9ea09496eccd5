"""Rotation in four steps: create, stage, test, finish. The label `current` moves last but one, in one step.

Every step is durable before the next begins, so that a program that was killed anywhere goes on where it
stopped: the token of the new credential is recorded before the provider is asked for it, the credential is
pending before it is tested, and the old one is ended only when the new one was accepted and the grace period
is over.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from qlf.core.secrets import redact
from qlf.errors import KeyStoreError, QlfError
from qlf.ledger.keys.model import KeyEvent, KeyInfo, KeyMissing, OnEvent, Stage
from qlf.ledger.keys.protocol import Checkpoint, CredentialStore, Fields, KeyIssuer, Tester, nothing

__all__ = ["DEFAULT_GRACE_SECONDS", "Progress", "Rotator", "TestFailed"]

DEFAULT_GRACE_SECONDS = 3_600
"""Longer than any call: those under way with the old credential end by themselves."""


class TestFailed(KeyStoreError):
    """The new credential was not accepted, or could not be tried; the current one stays."""

    __test__ = False


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a rotation has come."""

    state: Literal["staged", "grace", "due", "done"]
    """`staged`: waits for its test. `grace`: the new one is current, the old one still valid. `due`: the
    grace period is over and a person must end the old one at the provider. `done`: nothing is left."""
    current: KeyInfo
    pending: KeyInfo | None = None
    previous: tuple[KeyInfo, ...] = ()
    revoked: tuple[KeyInfo, ...] = ()


class Rotator:
    """Rotates the credentials of one store.

    Args:
        store: Where they are kept.
        tester: Makes one real call with a credential.
        issuer: Issues and ends credentials by API; without one a person brings the new value.
        grace_seconds: How long the previous credential stays valid after the new one became current.
        on_event: Told of tests; the store tells of its own changes.
        checkpoint: Called after every durable step with its name.
        now: Seconds since 1970, UTC.
    """

    def __init__(
        self,
        store: CredentialStore,
        *,
        tester: Tester | None = None,
        issuer: KeyIssuer | None = None,
        grace_seconds: int = DEFAULT_GRACE_SECONDS,
        on_event: OnEvent | None = None,
        checkpoint: Checkpoint = nothing,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._tester = tester
        self._issuer = issuer
        self._grace = grace_seconds
        self._on_event = on_event
        self._checkpoint = checkpoint
        self._now = now

    def advance(self, name: str) -> Progress:
        """Go on with the rotation of `name` as far as it can go now, and begin one if none is under way.

        With an issuer every call gets further: create, test, promote, and after the grace period end the
        old one. Without one it tests and promotes what is staged.

        Raises:
            KeyBusy: If another process rotates here.
            KeyMissing: If the name has no current credential, or there is nothing to go on with.
            TestFailed: If the new credential is not accepted; it stays staged.
        """
        with self._store.lock():
            pending, previous = self._of(name, Stage.PENDING), self._of(name, Stage.PREVIOUS)
            if not pending and not previous:
                if self._issuer is None:
                    raise KeyMissing(
                        f"no new value of {name!r} is waiting",
                        hint=f"give one: qlf keys rotate {name} --new -",
                    )
                self._create(name, self._issuer)
                pending = self._of(name, Stage.PENDING)
            if pending:
                self._promote(name, untested=False)
            return self._finish(name)

    def stage(self, name: str, fields: Fields) -> Progress:
        """Keep a new value that a person brought. Nothing uses it before `advance` or `promote`."""
        with self._store.lock():
            self._store.stage(name, fields)
            self._checkpoint("staged")
            return self._progress(name)

    def promote_untested(self, name: str) -> Progress:
        """Make the staged value current without having tried it, because the user says so."""
        with self._store.lock():
            self._promote(name, untested=True)
            return self._progress(name)

    def finish(self, name: str) -> Progress:
        """End the previous credentials whose grace period is over, if the current one is still accepted.

        Raises:
            TestFailed: If it is not; nothing is ended then.
        """
        with self._store.lock():
            return self._finish(name)

    def abandon(self, name: str) -> KeyInfo | None:
        """Give up a rotation before its promotion; an issued credential is ended at the provider first."""
        with self._store.lock():
            if self._issuer is not None and self._store.token(name):
                # It may have been issued and never learnt of; asking again by its token tells.
                self._create(name, self._issuer)
            pending = self._of(name, Stage.PENDING)
            if pending and self._issuer is not None:
                self._issuer.revoke(self._store.get(name, pending[0].version).fields)
                self._checkpoint("revoked-at-provider")
            return self._store.abandon(name)

    def progress(self, name: str) -> Progress:
        """How far the rotation of `name` has come."""
        return self._progress(name)

    # The steps

    def _create(self, name: str, issuer: KeyIssuer) -> None:
        if self._of(name, Stage.PENDING):
            return
        self._checkpoint("begun")
        token = self._store.begin(name, secrets.token_hex(16))
        self._checkpoint("token-recorded")
        fields = issuer.create(token)
        self._checkpoint("created")
        self._store.stage(name, fields)
        self._checkpoint("staged")

    def _promote(self, name: str, *, untested: bool) -> None:
        pending = self._of(name, Stage.PENDING)
        if pending and not untested:
            self._test(name, pending[0])
            self._checkpoint("tested")
        self._store.promote(name, grace_seconds=self._grace)
        self._checkpoint("promoted")

    def _test(self, name: str, one: KeyInfo) -> None:
        key = self._store.get(name, one.version)
        if self._issuer is None and self._tester is None:
            raise TestFailed(
                f"{one.key_id} was not tested: no provider is configured that uses {name!r}",
                hint=f"configure one, or use it untested: qlf keys rotate {name} --untested",
            )
        try:
            if self._issuer is not None:
                self._issuer.test(key.fields)
            elif self._tester is not None:
                self._tester(key.kind, key.fields)
        except Exception as error:  # noqa: BLE001 - whatever an SDK raises, the key was not accepted
            self._tell(
                KeyEvent("test-failed", one.key_id, self._store.kept_in, {"error": type(error).__name__})
            )
            # The text of a foreign error may repeat what was sent; ours are made not to, and checked.
            known = [value.reveal() for value in key.fields.values()]
            reason = (
                f": {redact(error.message, known)}"
                if isinstance(error, QlfError)
                else f" ({type(error).__name__})"
            )
            raise TestFailed(
                f"the test of {one.key_id} failed{reason}; nothing was changed",
                hint=f"try again: qlf keys rotate {name}; or drop it: qlf keys rotate {name} --abandon",
            ) from None
        self._tell(KeyEvent("tested", one.key_id, self._store.kept_in))

    def _finish(self, name: str) -> Progress:
        due = [one for one in self._of(name, Stage.PREVIOUS) if (one.expires or 0) <= self._now()]
        revoked: list[KeyInfo] = []
        if due and self._issuer is not None:
            self._test(name, self._of(name, Stage.CURRENT)[0])
            for one in due:
                self._issuer.revoke(self._store.get(name, one.version).fields)
                self._checkpoint("revoked-at-provider")
                revoked.extend(self._store.revoke(name, one.version))
                self._checkpoint("revoked")
        return self._progress(name, tuple(revoked))

    def _progress(self, name: str, revoked: tuple[KeyInfo, ...] = ()) -> Progress:
        current = self._of(name, Stage.CURRENT)
        if not current:
            raise KeyMissing(f"there is no current key {name!r}", hint=f"add it: qlf keys add {name}")
        pending, previous = self._of(name, Stage.PENDING), self._of(name, Stage.PREVIOUS)
        state: Literal["staged", "grace", "due", "done"] = "done"
        if pending:
            state = "staged"
        elif previous:
            state = "due" if all((one.expires or 0) <= self._now() for one in previous) else "grace"
        return Progress(state, current[0], pending[0] if pending else None, previous, revoked)

    def _of(self, name: str, stage: Stage) -> tuple[KeyInfo, ...]:
        return tuple(one for one in self._store.info(name) if one.stage is stage)

    def _tell(self, event: KeyEvent) -> None:
        if self._on_event is not None:
            self._on_event(event)
