"""A provider with a batch API, and a machine that asks it."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from urllib.request import urlopen

import pytest

from qlf.core.metering import Attribution
from qlf.engine.gateway import ModelPlaces, open_gateway
from qlf.ledger.reader import LedgerReader
from qlf.ledger.verify import verify
from qlf.llm.batch import run_batch
from qlf.llm.config_file import parse_config
from qlf.llm.credential import ApiKey
from qlf.llm.fake.hosting import serve_in_thread
from qlf.llm.fake.script import parse_script
from qlf.llm.gateway import Answer
from qlf.llm.request import Call, Message, ModelRequest

PRICE = "price: {input: 2, output: 8}"


class Bench:
    """A provider, and a machine that asks it."""

    def __init__(self, fake, folder):
        self.fake = fake
        self.results = {}
        self.said = []
        self.places = ModelPlaces(
            folder / "config", folder / "ledger.db", folder / "heads.jsonl", folder / "answers"
        )

    @staticmethod
    def call(text="Hello", *, model="gpt-4.1", schema=None, limit=300, cached=True, run="r1"):
        return Call(
            ModelRequest((Message("user", text),), limit, schema=schema),
            model,
            Attribution(run=run, agent="backend"),
            use_cache=cached,
        )

    def calls(self, count, **options):
        return [self.call(f"question {number}", **options) for number in range(count)]

    def script(self, **document):
        document.setdefault("defaults", {"price": {"input": 2, "output": 8}, "model": "gpt-4.1"})
        self.fake.load(parse_script(document))

    @asynccontextmanager
    async def gateway(self, *, batch="batch: many, batch_price: 0.5", kind="", more="", ceiling=None):
        where = kind or f"kind: openai_compatible, endpoint: '{self.fake.url}/v1'"
        text = f"providers:\n  here: {{{where}}}\ndeployments:\n"
        text += f"  - {{name: one, provider: here, model: gpt-4.1, remote: one, {PRICE}, {batch}}}\n{more}"
        config = parse_config(text, name="providers.yaml")
        async with open_gateway(
            self.places, lambda _: ApiKey("canary-key-0001", "k@1"), config=config, ceiling=ceiling
        ) as gateway:
            yield gateway

    async def run(self, asked, *, prefer="auto", gateway=None, seconds=60.0, limits=None, **options):
        """Run the calls, and see that each of them ended once."""
        results = self.results = {}

        def done(place, result):
            assert place not in results, "a call ended twice"
            results[place] = result

        async def ask(gateway):
            return await run_batch(
                gateway,
                asked,
                on_done=done,
                prefer=prefer,
                deadline_seconds=seconds,
                limits=limits,
                say=self.said.append,
            )

        if gateway is not None:
            report = await ask(gateway)
        else:
            async with self.gateway(**options) as gateway:
                report = await ask(gateway)
        assert sorted(results) == list(range(len(asked))), "every call ended"
        return report

    @property
    def batches(self):
        return sorted((self.places.answers / "batches").glob("*.json"))

    @property
    def answered(self):
        return [one for _, one in sorted(self.results.items()) if isinstance(one, Answer)]

    def files(self):
        with urlopen(f"{self.fake.url}/v1/files") as answer:
            return json.load(answer)["data"]

    def month(self):
        with LedgerReader(self.places.ledger) as ledger:
            return next(total for scope, total in ledger.totals().items() if scope.startswith("month:"))

    def check_books(self):
        """What the ledger holds is what the provider billed, and nothing is reserved any more."""
        month = self.month()
        assert (month.spent, month.reserved) == (self.fake.bill_micros(), 0)
        with LedgerReader(self.places.ledger) as ledger:
            assert verify(ledger).intact


@pytest.fixture
def bench(tmp_path):
    with serve_in_thread() as fake:
        yield Bench(fake, tmp_path)
