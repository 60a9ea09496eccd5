"""The documents of credential blocks, over the REST API of Prefect and without importing Prefect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qlf.errors import EnvironmentUnavailable, KeyStoreError
from qlf.ledger.keys.model import KeyExists
from qlf.settings import PrefectApi

if TYPE_CHECKING:
    import httpx

__all__ = ["SLUGS", "BlockDocument", "BlockDocuments"]

SLUGS = {
    "bedrock": "qlf-bedrock-credentials",
    "azure_openai": "qlf-azure-openai-credentials",
    "openai_compatible": "qlf-openai-compatible-credentials",
}
"""The block type of each kind of provider."""
_KINDS = {slug: kind for kind, slug in SLUGS.items()}
_PAGE = 200
_SECONDS = 10.0
_TRIES = 4


@dataclass(frozen=True, slots=True)
class BlockDocument:
    """One saved block."""

    id: str
    name: str
    kind: str
    data: Mapping[str, Any]

    def __repr__(self) -> str:
        # Its data may hold a key in clear.
        return f"BlockDocument({self.kind}/{self.name})"


class BlockDocuments:
    """Reads and writes the credential blocks of one Prefect API.

    Args:
        api: The API.
        transport: Carries the requests; for tests.
    """

    def __init__(self, api: PrefectApi, *, transport: httpx.BaseTransport | None = None) -> None:
        import httpx

        self._api = api
        self._client = httpx.Client(
            base_url=api.url, headers=api.headers, timeout=_SECONDS, transport=transport
        )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def all(self) -> list[BlockDocument]:
        """Every credential block, by name."""
        return self._filter({})

    def find(self, name: str) -> BlockDocument | None:
        """The credential block of this name; the kinds share their names.

        Raises:
            KeyStoreError: If two kinds have one, so that nobody can tell which is meant.
        """
        found = self._filter({"name": {"any_": [name]}})
        if len(found) > 1:
            raise KeyStoreError(
                f"{len(found)} credential blocks are called {name!r}", hint="delete one of them in Prefect"
            )
        return found[0] if found else None

    def create(self, name: str, kind: str, data: Mapping[str, Any]) -> None:
        """Save a new block.

        Raises:
            KeyExists: If there is one of this name.
        """
        type_id, schema_id = self._type_of(kind)
        answer = self._send(
            "POST",
            "/block_documents/",
            {"name": name, "data": dict(data), "block_type_id": type_id, "block_schema_id": schema_id},
            allowed=(409,),
        )
        if answer.status_code == 409:
            raise KeyExists(f"there is a block {name!r} already", hint=f"qlf keys rotate {name} --new -")

    def update(self, document: BlockDocument, data: Mapping[str, Any]) -> None:
        """Change these fields of a block in one step."""
        self._send(
            "PATCH", f"/block_documents/{document.id}", {"data": dict(data), "merge_existing_data": True}
        )

    def delete(self, document: BlockDocument) -> None:
        """Delete a block."""
        self._send("DELETE", f"/block_documents/{document.id}", None)

    def _filter(self, where: Mapping[str, Any]) -> list[BlockDocument]:
        found: list[BlockDocument] = []
        while True:
            page = self._send(
                "POST",
                "/block_documents/filter",
                {
                    "block_types": {"slug": {"any_": list(_KINDS)}},
                    "block_documents": {"is_anonymous": {"eq_": False}, **where},
                    "include_secrets": True,
                    "limit": _PAGE,
                    "offset": len(found),
                },
            ).json()
            found += [
                BlockDocument(one["id"], one["name"], _KINDS[one["block_type"]["slug"]], one["data"])
                for one in page
            ]
            if len(page) < _PAGE:
                return found

    def _type_of(self, kind: str) -> tuple[str, str]:
        """The ids of the block type and of its latest schema; both are registered if they are not yet."""
        known = self._registered(kind)
        if known is None:
            self._register()
            known = self._registered(kind)
        if known is None:
            raise KeyStoreError(
                "the block types of qlf could not be registered", hint="run: prefect block register -m blocks"
            )
        return known

    def _registered(self, kind: str) -> tuple[str, str] | None:
        found = self._send("GET", f"/block_types/slug/{SLUGS[kind]}", None, allowed=(404,))
        if found.status_code == 404:
            return None
        type_id = found.json()["id"]
        schemas = self._send(
            "POST",
            "/block_schemas/filter",
            {"block_schemas": {"block_type_id": {"any_": [type_id]}}, "limit": 1},
        ).json()
        return (type_id, schemas[0]["id"]) if schemas else None

    def _register(self) -> None:
        from qlf.settings import export_prefect

        # Prefect reads where its API is from the environment, when it is imported.
        export_prefect(self._api)
        from prefect.settings import (
            PREFECT_API_AUTH_STRING,
            PREFECT_API_KEY,
            PREFECT_API_URL,
            temporary_settings,
        )

        from blocks.credentials import TYPES

        api = self._api
        settings = {PREFECT_API_URL: api.url, PREFECT_API_AUTH_STRING: api.auth, PREFECT_API_KEY: api.key}
        with temporary_settings({name: value for name, value in settings.items() if value is not None}):
            for block in TYPES.values():
                block.register_type_and_schema()

    def _send(
        self, method: str, path: str, body: Mapping[str, Any] | None, *, allowed: tuple[int, ...] = ()
    ) -> httpx.Response:
        """One request. 503 is sent again: a database of SQLite is often busy for a moment.

        Raises:
            EnvironmentUnavailable: If the API does not answer.
            KeyStoreError: If it refuses; without its text, which may repeat what was sent.
        """
        import time

        answer = self._ask(method, path, body)
        for attempt in range(_TRIES - 1):
            if answer.status_code != 503:
                break
            time.sleep(0.1 * 2**attempt)
            answer = self._ask(method, path, body)
        if answer.is_success or answer.status_code in allowed:
            return answer
        if answer.status_code in (401, 403):
            hint = f"check the credentials of the API (from {self._api.origin})"
        else:
            hint = "look at the log of the Prefect server"
        raise KeyStoreError(f"the Prefect API refused {method} of a block ({answer.status_code})", hint=hint)

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None) -> httpx.Response:
        import httpx

        try:
            return self._client.request(method, path, json=body)
        except httpx.HTTPError as error:
            raise EnvironmentUnavailable(
                f"the Prefect API (from {self._api.origin}) does not answer ({type(error).__name__})",
                hint="start it (qlf up), or use --store local",
            ) from None
