"""The key stores of this configuration: the local file, and the blocks of the Prefect API if there is one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from qlf.errors import EnvironmentUnavailable, KeyStoreError
from qlf.ledger.keys.kek import KekRing
from qlf.ledger.keys.model import KeyEvent, KeyMissing, OnEvent, OpenKey, Stage
from qlf.ledger.keys.protocol import CredentialStore, Tester
from qlf.ledger.keys.ring import make_ring

if TYPE_CHECKING:
    from blocks.store import BlockCredentialStore
    from qlf.cli.run import Run
    from qlf.ledger.keys.store import KeyStore
    from qlf.settings import PrefectApi

__all__ = ["Hooks", "Stores", "open_stores"]


@dataclass(slots=True)
class Hooks:
    """What the rest of the program does with keys."""

    on_event: OnEvent | None = None
    """Records what happens to keys."""
    tester: Callable[[str], Tester] | None = None
    """Makes the function that tests a new version of the key of a name by one real call."""


@dataclass(slots=True)
class Stores:
    """The stores at hand, and what to say of those that are not."""

    run: Run
    ring: KekRing
    hooks: Hooks
    unreachable: str = ""
    """Half a sentence about a Prefect API that is configured and does not answer."""
    _local: KeyStore | None = field(default=None, repr=False)
    _blocks: BlockCredentialStore | None = field(default=None, repr=False)

    def all(self, only: str | None = None) -> list[CredentialStore]:
        """The stores that can be asked now, or the one that the user names.

        Raises:
            EnvironmentUnavailable: If the named one cannot be asked.
        """
        if only == "prefect" and self._blocks is None:
            raise EnvironmentUnavailable(
                f"the Prefect API {self.unreachable}" if self.unreachable else "no Prefect API is configured",
                hint="start one with qlf up, or use --store local",
            )
        wanted: Mapping[str, CredentialStore | None] = {"local": self.local(), "prefect": self._blocks}
        return [store for name, store in wanted.items() if store is not None and only in (None, name)]

    def local(self) -> KeyStore:
        """The store in the local file."""
        if self._local is None:
            from qlf.ledger.keys.store import KeyStore

            path = self.run.settings.data_dir / "keys" / "keys.db"
            self._local = KeyStore(path, self.ring, on_event=self.on_event)
        return self._local

    def for_new(self, name: str, only: str | None) -> CredentialStore:
        """Where a new key goes: the blocks where a Prefect API answers, else the local file.

        Raises:
            KeyStoreError: If the name is taken in the other store.
            EnvironmentUnavailable: If the API that the user configured does not answer.
        """
        if only is None and self.unreachable:
            raise EnvironmentUnavailable(
                f"the Prefect API {self.unreachable}", hint="start it, or keep the key here: --store local"
            )
        chosen = self.all(only)[-1]
        for store in self.all():
            if store is not chosen and any(one.stage is not Stage.REVOKED for one in store.info(name)):
                raise KeyStoreError(
                    f"there is a key {name!r} already in the {store.kept_in} store", hint="use another name"
                )
        return chosen

    def holding(self, name: str, only: str | None) -> CredentialStore:
        """The store that holds a name.

        Raises:
            KeyMissing: If none does.
            KeyStoreError: If both do.
        """
        found = [store for store in self.all(only) if store.info(name)]
        if len(found) > 1:
            raise KeyStoreError(f"two stores hold a key {name!r}", hint="say which: --store local or prefect")
        if not found:
            more = f"; the Prefect API {self.unreachable}" if self.unreachable else ""
            raise KeyMissing(f"there is no key {name!r}{more}", hint="see: qlf keys list")
        return found[0]

    def current(self, name: str) -> OpenKey:
        """The credential that calls are to use, from the store that has it; the local file is asked first.

        Raises:
            KeyMissing: If none has it.
        """
        for store in self.all():
            try:
                return store.current(name)
            except KeyMissing:
                continue
        more = f"; the Prefect API {self.unreachable}" if self.unreachable else ""
        raise KeyMissing(f"there is no current key {name!r}{more}", hint=f"add it: qlf keys add {name}")

    def tester(self, name: str) -> Tester | None:
        """Tests a new version of the key of this name."""
        return self.hooks.tester(name) if self.hooks.tester is not None else None

    def on_event(self, event: KeyEvent) -> None:
        """Tell of a new KEK, and pass the event on."""
        if event.action == "kek-created":
            source = str(event.details["source"])
            verb = "derived a key-encryption key from"
            if source != "QLF_KEK_PASSPHRASE":
                verb = "made a key-encryption key in"
            self.run.screen.say(
                f"{verb} {source}; back it up apart from the keys, which nobody can open without it"
            )
        if self.hooks.on_event is not None:
            self.hooks.on_event(event)

    def close(self) -> None:
        """Close what was opened."""
        for store in (self._local, self._blocks):
            if store is not None:
                store.close()


@contextmanager
def open_stores(run: Run, *, extra: Mapping[str, str] | None = None) -> Iterator[Stores]:
    """The key stores, while no core dump can be written.

    Args:
        run: The run.
        extra: Non-secret fields of a new block.
    """
    from qlf.ledger.keys.process import guarded_memory

    settings = run.settings
    ring = make_ring(
        settings.kek,
        config_dir=settings.config_dir,
        data_dir=settings.data_dir,
        production=settings.production,
    )
    with guarded_memory():
        stores = Stores(run, ring, _hooks(run))
        try:
            _connect(stores, extra or {})
            yield stores
        finally:
            stores.close()


def _connect(stores: Stores, extra: Mapping[str, str]) -> None:
    from qlf.cli.api import shown
    from qlf.cli.server.control import answers

    settings = stores.run.settings
    api = _api(stores.run)
    if api is None:
        return
    problem = answers(api)
    if problem is not None:
        stores.unreachable = f"{shown(api)} (from {api.origin}) {problem}"
        return
    from blocks.documents import BlockDocuments
    from blocks.store import BlockCredentialStore

    stores._blocks = BlockCredentialStore(  # noqa: SLF001 - built here, in one place with its class
        BlockDocuments(api),
        stores.ring,
        lock_file=settings.data_dir / "keys" / ".blocks.rotate",
        on_event=stores.on_event,
        extra=extra,
    )


def _api(run: Run) -> PrefectApi | None:
    if run.settings.prefect is not None:
        return run.settings.prefect
    from qlf.cli.server.state import running

    return running(run.settings)


def _hooks(run: Run) -> Hooks:
    from qlf.cli.keys_hooks import recorder, tester

    return Hooks(on_event=recorder(run), tester=lambda name: tester(run, name))
