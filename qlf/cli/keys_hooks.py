"""What the rest of the program does with keys: the ledger records their events, a provider tests them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from qlf.errors import KeyStoreError

if TYPE_CHECKING:
    from qlf.cli.run import Run
    from qlf.ledger.keys.model import KeyEvent, OnEvent
    from qlf.ledger.keys.protocol import Fields, Tester
    from qlf.llm.deployment import Deployment

__all__ = ["recorder", "tester"]


def recorder(run: Run) -> OnEvent:
    """Writes each event to the ledger before it takes effect. What cannot be recorded does not happen."""

    def record(event: KeyEvent) -> None:
        from qlf.cli.places import places_of
        from qlf.ledger.entry import Kind
        from qlf.ledger.operation import Note
        from qlf.ledger.record import record as write

        places = places_of(run)
        known = {"action": event.action, "key": event.key, "store": event.store}
        fields = {**{name: value for name, value in known.items() if value}, **event.details}
        write(places.ledger, Note(Kind.KEY, fields), signing_key=places.signing_key, heads=places.heads)

    return record


def tester(run: Run, name: str) -> Tester:
    """Asks for one short answer with a key, by a deployment that uses the key of this name."""

    def test(kind: str, fields: Fields) -> None:
        asyncio.run(_test(run, name, kind, fields))

    return test


async def _test(run: Run, name: str, kind: str, fields: Fields) -> None:
    from qlf.cli.credential import credential_from
    from qlf.cli.places import places_of
    from qlf.engine.gateway import open_gateway, read_config

    places = places_of(run)
    config = read_config(places)
    deployment = _user_of(name, kind, config.deployments)
    credential = credential_from(kind, fields, f"{name}@pending")
    async with open_gateway(places, lambda _: credential, config=config) as gateway:
        await gateway.probe(deployment)


def _user_of(name: str, kind: str, deployments: tuple[Deployment, ...]) -> Deployment:
    for deployment in deployments:
        if deployment.provider.credential == name and deployment.provider.kind == kind:
            return deployment
    raise KeyStoreError(
        f"no deployment in providers.yaml uses the key {name!r}, so there is nothing to test it with",
        hint=f"add one with `credential: {name}`, or promote it unseen: --untested",
    )
