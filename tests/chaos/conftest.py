"""A gateway on a folder of its own, in front of a provider in another process that fails on a script."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from qlf.core.metering import Attribution
from qlf.engine.gateway import ModelPlaces, open_gateway
from qlf.ledger.budget import BudgetLimits
from qlf.ledger.entry import Entry
from qlf.ledger.heads import load_public, parse_heads
from qlf.ledger.reader import LedgerReader
from qlf.ledger.verify import verify
from qlf.llm.config_file import parse_config
from qlf.llm.credential import ApiKey
from qlf.llm.fake.hosting import FakeProcess, serve_in_process
from qlf.llm.fake.script import parse_script
from qlf.llm.gateway import Gateway
from qlf.llm.request import Call, Message, ModelRequest

PRICE = {"input": 2, "output": 8}
RPM = 60_000
"""Declared, because without a known limit a refusal is taken to show one."""


@dataclass(frozen=True)
class Attempt:
    """One attempt as the ledger tells it: its intent, and the outcome that settled it."""

    intent: Entry
    outcome: Entry | None


class Stage:
    """Everything that a chaos test looks at."""

    def __init__(self, fake: FakeProcess, folder: Path) -> None:
        self.fake = fake
        self.places = ModelPlaces(
            folder / "config", folder / "ledger" / "ledger.db", folder / "heads.jsonl", folder / "answers"
        )

    def script(self, **document) -> None:
        defaults = {"price": PRICE, "model": "gpt-4.1", **document.pop("defaults", {})}
        self.fake.load(parse_script({"defaults": defaults, **document}))

    def config(self, *names: str, more: str = "") -> str:
        rows = "".join(
            f"  - {{name: {name}, provider: here, model: gpt-4.1, remote: {name}, "
            f"rpm: {RPM}, price: {{input: {PRICE['input']}, output: {PRICE['output']}}}}}\n"
            for name in names
        )
        text = f"providers:\n  here: {{kind: openai_compatible, endpoint: '{self.fake.openai_url}'}}\n"
        return f"{text}deployments:\n{rows}{more}"

    @asynccontextmanager
    async def gateway(
        self, *names: str, ceiling: BudgetLimits | None = None, more: str = ""
    ) -> AsyncIterator[Gateway]:
        async with open_gateway(
            self.places,
            lambda _: ApiKey("sk-chaos-key-0123456789", "k@1"),
            config=parse_config(self.config(*names, more=more)),
            ceiling=ceiling,
        ) as gateway:
            yield gateway

    def call(self, text: str, *, deadline: float = 140.0, cached: bool = False, limit: int = 300) -> Call:
        return Call(
            ModelRequest((Message("user", text),), limit),
            "gpt-4.1",
            Attribution(run="chaos", project="p", agent="backend"),
            deadline_seconds=deadline,
            use_cache=cached,
        )

    def attempts(self) -> list[Attempt]:
        with LedgerReader(self.places.ledger) as ledger:
            entries = list(ledger.entries())
        outcomes: dict[int, Entry] = {}
        for entry in entries:
            if entry.kind == "outcome":
                assert entry.fields["intent"] not in outcomes, "settled twice"
                outcomes[entry.fields["intent"]] = entry
        return [Attempt(one, outcomes.get(one.seq)) for one in entries if one.kind == "intent"]

    def spent(self) -> tuple[int, int]:
        """What the month paid and what it still holds back, in micros."""
        with LedgerReader(self.places.ledger) as ledger:
            total = next(total for scope, total in ledger.totals().items() if scope.startswith("month:"))
        return total.spent, total.reserved

    def verify(self) -> None:
        with LedgerReader(self.places.ledger) as ledger:
            heads = parse_heads(self.places.heads.read_bytes()) if self.places.heads.exists() else []
            found = verify(ledger, public_key=load_public(self.places.signing_key), heads=heads)
        assert found.intact, found.problem


@pytest.fixture(scope="session")
def provider() -> Iterator[FakeProcess]:
    with serve_in_process() as fake:
        yield fake


@pytest.fixture
def stage(provider: FakeProcess, tmp_path: Path) -> Stage:
    return Stage(provider, tmp_path)
