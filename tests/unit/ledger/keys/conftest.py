"""A key store on its own folder, a clock that a test turns, and a provider that issues keys by API."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from qlf.ledger.keys.kek import KekRing
from qlf.ledger.keys.kek_file import KekFile
from qlf.ledger.keys.model import KeyEvent
from qlf.ledger.keys.secret import SecretText
from qlf.ledger.keys.store import KeyStore

START = 1_800_000_000


class Clock:
    def __init__(self) -> None:
        self.seconds = START

    def __call__(self) -> float:
        return self.seconds


class FileProvider:
    """A provider whose keys outlive the process: what it has issued stands in a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> dict[str, dict[str, str]]:
        return json.loads(self.path.read_text()) if self.path.exists() else {}

    def write(self, issued: dict[str, dict[str, str]]) -> None:
        beside = self.path.with_suffix(".new")
        beside.write_text(json.dumps(issued))
        beside.replace(self.path)

    @property
    def active(self) -> set[str]:
        return {one["key"] for one in self.read().values() if one["state"] == "active"}

    def create(self, token: str) -> dict[str, SecretText]:
        issued = self.read()
        if token not in issued:
            issued[token] = {"key": f"issued-{secrets.token_hex(16)}", "state": "active"}
            self.write(issued)
        return {"api_key": SecretText(issued[token]["key"])}

    def test(self, fields: Mapping[str, SecretText]) -> None:
        if fields["api_key"].reveal() not in self.active:
            raise ConnectionError("401")

    def revoke(self, fields: Mapping[str, SecretText]) -> None:
        issued = self.read()
        for one in issued.values():
            if one["key"] == fields["api_key"].reveal():
                one["state"] = "revoked"
        self.write(issued)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ring(tmp_path: Path) -> KekRing:
    return KekRing([KekFile(tmp_path / "config/kek", required=False)], may_create=True)


@pytest.fixture
def events() -> list[KeyEvent]:
    return []


@pytest.fixture
def open_store(
    tmp_path: Path, ring: KekRing, clock: Clock, events: list[KeyEvent]
) -> Iterator[Callable[[], KeyStore]]:
    """Opens the store as another process would; all are closed at the end."""
    opened: list[KeyStore] = []

    def make() -> KeyStore:
        opened.append(KeyStore(tmp_path / "data/keys.db", ring, on_event=events.append, now=clock))
        return opened[-1]

    yield make
    for store in opened:
        store.close()


@pytest.fixture
def store(open_store: Callable[[], KeyStore]) -> KeyStore:
    return open_store()


@pytest.fixture
def provider(tmp_path: Path) -> FileProvider:
    return FileProvider(tmp_path / "provider.json")


@pytest.fixture
def secret() -> Callable[..., dict[str, SecretText]]:
    return lambda text="first-value-of-the-key-0001": {"api_key": SecretText(text)}
