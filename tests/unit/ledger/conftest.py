"""A ledger in a temporary folder, and calls to put into it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from qlf.core.metering import Attribution, Ending, Intent, Outcome, Served, Usage
from qlf.ledger.books import LedgerBooks
from qlf.ledger.budget import BudgetLimits
from qlf.ledger.heads import load_public, parse_heads
from qlf.ledger.reader import LedgerReader
from qlf.ledger.verify import Verification, verify

START = 1_785_488_400.0
"""2026-07-31 09:00 UTC, in seconds."""


@dataclass
class Clock:
    """A clock that a test sets."""

    now: float = START

    def __call__(self) -> float:
        return self.now


@dataclass
class Desk:
    """The files of one ledger."""

    folder: Path
    clock: Clock = field(default_factory=Clock)

    @property
    def path(self) -> Path:
        return self.folder / "ledger" / "ledger.db"

    @property
    def key(self) -> Path:
        return self.folder / "config" / "ledger-signing.key"

    @property
    def heads(self) -> Path:
        return self.folder / "data" / "heads.jsonl"

    def books(self, limits: BudgetLimits | None = None, **options: Any) -> LedgerBooks:
        options = {"signing_key": self.key, "heads": self.heads, "clock": self.clock, **options}
        return LedgerBooks(self.path, limits, **options)

    def read(self) -> LedgerReader:
        return LedgerReader(self.path)

    def verify(self, *, heads: bool = True, key: bool = True) -> Verification:
        kept = parse_heads(self.heads.read_bytes()) if heads and self.heads.exists() else []
        with self.read() as reader:
            return verify(reader, public_key=load_public(self.key) if key else None, heads=kept)

    @staticmethod
    def intent(number: int = 1, *, reserve: int = 1000, attempt: int = 1, **attribution: str) -> Intent:
        """An attempt to ask a model."""
        whom = Attribution(run="run-1", project="shop", tenant="acme", agent="backend", overlay="gdpr")
        return Intent(
            call=f"call-{number}",
            attempt=attempt,
            provider="bedrock-us",
            kind="bedrock",
            deployment="sonnet-us",
            model="claude-sonnet",
            reserve_micros=reserve,
            attribution=replace(whom, **attribution),
            request_digest="d" * 64,
            key="k1",
        )

    @staticmethod
    def answered(cost: int = 600, **more: Any) -> Outcome:
        """An answer that cost so much."""
        return Outcome(
            Ending.ANSWERED, cost, Usage(120, 30), answered_model="claude-sonnet-5", milliseconds=800, **more
        )

    @staticmethod
    def served(number: int = 1, saved: int = 700, **attribution: str) -> Served:
        """A call that the cache answered."""
        whom = Attribution(run="run-1", project="shop", agent="backend")
        return Served(f"call-{number}", "cache", "claude-sonnet", replace(whom, **attribution), saved)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)
