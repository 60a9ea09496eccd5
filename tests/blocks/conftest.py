"""A Prefect API in memory, as far as blocks need one."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from blocks.documents import SLUGS, BlockDocuments
from blocks.store import BlockCredentialStore
from qlf.ledger.keys.kek import KekRing
from qlf.ledger.keys.kek_file import KekFile
from qlf.ledger.keys.model import KeyEvent
from qlf.settings import PrefectApi


class FakeApi:
    """Answers the routes for block types, schemas and documents like the server does."""

    def __init__(self) -> None:
        self.documents: dict[str, dict[str, Any]] = {}
        self.types = {slug: {"id": str(uuid.uuid4()), "slug": slug} for slug in SLUGS.values()}
        self.fail: Callable[[httpx.Request], httpx.Response | None] = lambda request: None
        self.requests: list[tuple[str, str]] = []
        self.page = 200

    def by_hand(self, name: str, kind: str, **data: Any) -> None:
        self._keep(name, self.types[SLUGS[kind]]["id"], {"key_version": 1, "key_state": None, **data})

    def data(self, name: str) -> dict[str, Any]:
        return next(one["data"] for one in self.documents.values() if one["name"] == name)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/api")
        self.requests.append((request.method, path))
        failure = self.fail(request)
        if failure is not None:
            return failure
        body = json.loads(request.content) if request.content else {}
        if path == "/block_documents/filter":
            return self._filter(body)
        if path == "/block_documents/":
            if any(one["name"] == body["name"] for one in self.documents.values()):
                return httpx.Response(409)
            self._keep(body["name"], body["block_type_id"], body["data"])
            return httpx.Response(201, json={})
        if path.startswith("/block_documents/"):
            one = self.documents[path.rpartition("/")[2]]
            if request.method == "DELETE":
                del self.documents[one["id"]]
            else:
                one["data"] = {**one["data"], **body["data"]}
            return httpx.Response(204)
        if path.startswith("/block_types/slug/"):
            found = self.types.get(path.rpartition("/")[2])
            return httpx.Response(404) if found is None else httpx.Response(200, json=found)
        if path == "/block_schemas/filter":
            return httpx.Response(200, json=[{"id": str(uuid.uuid4())}])
        return httpx.Response(500)

    def _keep(self, name: str, type_id: str, data: dict[str, Any]) -> None:
        block_type = next(one for one in self.types.values() if one["id"] == type_id)
        document = {"id": str(uuid.uuid4()), "name": name, "data": data, "block_type": block_type}
        self.documents[document["id"]] = document

    def _filter(self, body: dict[str, Any]) -> httpx.Response:
        assert body["include_secrets"] is True
        slugs = body["block_types"]["slug"]["any_"]
        names = body["block_documents"].get("name", {}).get("any_")
        found = [
            one
            for one in sorted(self.documents.values(), key=lambda one: one["name"])
            if one["block_type"]["slug"] in slugs and (names is None or one["name"] in names)
        ]
        return httpx.Response(200, json=found[body["offset"] : body["offset"] + body["limit"]])


@pytest.fixture
def fake() -> FakeApi:
    return FakeApi()


@pytest.fixture
def ring(tmp_path: Path) -> KekRing:
    return KekRing([KekFile(tmp_path / "config/kek", required=False)], may_create=True)


@pytest.fixture
def events() -> list[KeyEvent]:
    return []


@pytest.fixture
def open_blocks(
    fake: FakeApi, ring: KekRing, tmp_path: Path, events: list[KeyEvent]
) -> Iterator[Callable[..., BlockCredentialStore]]:
    opened: list[BlockCredentialStore] = []

    def make(**changes: Any) -> BlockCredentialStore:
        api = PrefectApi(url="http://127.0.0.1:4200/api", origin="a test")
        documents = BlockDocuments(api, transport=httpx.MockTransport(fake))
        options = {"lock_file": tmp_path / "lock", "on_event": events.append, "now": lambda: 1_800_000_000}
        opened.append(BlockCredentialStore(documents, ring, **{**options, **changes}))
        return opened[-1]

    yield make
    for store in opened:
        store.close()


@pytest.fixture
def blocks_store(open_blocks: Callable[..., BlockCredentialStore]) -> BlockCredentialStore:
    return open_blocks()
