"""The gateway where the ground moves: loops that close, forks, crowds, clocks that jump, full disks."""

from __future__ import annotations

import asyncio
import errno
import os
import sqlite3
import subprocess
import sys
import time
import tracemalloc
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from qlf.core.metering import Attribution
from qlf.engine.gateway import ModelPlaces, open_gateway
from qlf.errors import BudgetRefused, LedgerUnavailable, QlfError
from qlf.ledger.budget import BudgetLimits
from qlf.ledger.reader import LedgerReader
from qlf.llm.config_file import parse_config
from qlf.llm.credential import ApiKey
from qlf.llm.fake.hosting import serve_in_thread
from qlf.llm.fake.script import parse_script
from qlf.llm.lease import DeadlineExceeded
from qlf.llm.request import Call, Message, ModelRequest

KEY = ApiKey("sk-trouble-0123456789", "k@1")
DEFAULTS = {"model": "gpt-4.1", "price": {"input": 2, "output": 8}}


class Place:
    def __init__(self, fake, folder):
        self.fake = fake
        self.places = ModelPlaces(
            folder / "config", folder / "ledger" / "l.db", folder / "heads", folder / "answers"
        )

    def script(self, **document):
        self.fake.load(parse_script({**document, "defaults": {**DEFAULTS, **document.get("defaults", {})}}))

    @asynccontextmanager
    async def gateway(self, more="", prices=("{input: 2, output: 8}",), rest="", **options):
        rows = "".join(
            f"  - {{name: d{number}, provider: here, model: gpt-4.1, remote: d{number}, "
            f"price: {price}{more}}}\n"
            for number, price in enumerate(prices)
        )
        text = f"providers:\n  here: {{kind: openai_compatible, endpoint: '{self.fake.openai_url}'}}\n"
        config = parse_config(f"{text}deployments:\n{rows}{rest}")
        async with open_gateway(self.places, lambda _: KEY, config=config, **options) as gateway:
            yield gateway

    def month(self):
        with LedgerReader(self.places.ledger) as ledger:
            return next(total for scope, total in ledger.totals().items() if scope.startswith("month:"))


def call(text="Hello", *, deadline=None, cached=False):
    request = ModelRequest((Message("user", text),), 100)
    return Call(request, "gpt-4.1", Attribution(run="r"), deadline_seconds=deadline, use_cache=cached)


@pytest.fixture
def place(tmp_path):
    with serve_in_thread() as fake:
        made = Place(fake, tmp_path)
        made.script()
        yield made


async def test_the_cheapest_deployment_is_asked_when_that_is_the_strategy(place):
    prices = ("{input: 2, output: 8}", "{input: 1, output: 4}", "{input: 3, output: 9}")
    async with place.gateway(prices=prices, rest="strategy: lowest_cost\n") as gateway:
        answers = [await gateway.ask(call(str(number))) for number in range(5)]
    assert {answer.deployment for answer in answers} == {"d1"}


def test_a_loop_that_ends_in_the_middle_of_a_call_leaves_books_that_the_next_one_opens(place):
    place.script(defaults={"first_byte_seconds": 30})

    async def abandon():
        async with place.gateway() as gateway:
            task = asyncio.create_task(gateway.ask(call()))
            await asyncio.sleep(0.3)
            assert gateway.scheduler.in_flight == 1
            assert not task.done()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        asyncio.run(abandon())
    place.script()

    async def again():
        async with place.gateway() as gateway:
            return await gateway.ask(call())

    assert asyncio.run(again()).source == "provider"
    assert place.month().reserved == 0


async def test_one_gateway_in_two_loops_is_refused_with_a_sentence(place):
    async with place.gateway() as gateway:
        await gateway.ask(call())

        def elsewhere():
            return asyncio.run(gateway.ask(call("other")))

        with pytest.raises(QlfError, match="event loop"):
            await asyncio.to_thread(elsewhere)
        assert (await gateway.ask(call("after"))).source == "provider"


async def test_a_crowd_of_waiting_calls_takes_little_memory_and_ends_on_time(place):
    place.script(defaults={"limits": {"requests_per_minute": 60}})
    async with place.gateway(more=", rpm: 60") as gateway:
        await gateway.ask(call("first"))
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        began = time.monotonic()
        crowd = [asyncio.create_task(gateway.ask(call(str(n), deadline=1.0))) for n in range(3000)]
        await asyncio.sleep(0.5)
        each = (tracemalloc.get_traced_memory()[0] - before) / len(crowd)
        tracemalloc.stop()
        ended = await asyncio.gather(*crowd, return_exceptions=True)
        took = time.monotonic() - began
        assert (gateway.scheduler.waiting, gateway.scheduler.in_flight) == (0, 0)
    assert sum(isinstance(one, DeadlineExceeded) for one in ended) >= 2990
    assert not [one for one in ended if isinstance(one, BaseException) and not isinstance(one, QlfError)]
    assert each < 12_000, f"{each:.0f} bytes for each call that waits"
    assert took < 15


async def test_a_clock_on_the_wall_that_jumps_changes_no_deadline_and_no_chain(place, monkeypatch):
    now = time.time
    async with place.gateway() as gateway:
        await gateway.ask(call("before"))
        monkeypatch.setattr(time, "time", lambda: now() - 86_400 * 40)
        await gateway.ask(call("a month earlier", deadline=5))
        monkeypatch.setattr(time, "time", lambda: now() + 86_400 * 400)
        await gateway.ask(call("a year later", deadline=5))
    monkeypatch.undo()
    with LedgerReader(place.places.ledger) as ledger:
        months = {scope: total for scope, total in ledger.totals().items() if scope.startswith("month:")}
        assert sum(total.spent for total in months.values()) == place.fake.bill_micros()
        assert all(total.reserved == 0 for total in months.values())


async def test_a_full_disk_under_the_ledger_stops_calls_before_they_are_sent(place, monkeypatch):
    async with place.gateway() as gateway:
        await gateway.ask(call())
        sent = len(place.fake.log)
        limit = f"PRAGMA max_page_count = {place.places.ledger.stat().st_size // 4096}"
        committer = committer_of_this_process()
        committer._db.execute(limit)
        with pytest.raises(LedgerUnavailable, match="full"):
            await ask_on(gateway, 400)
        stopped = len(place.fake.log)
        with pytest.raises(LedgerUnavailable):
            await gateway.ask(call("one more"))
        assert len(place.fake.log) == stopped > sent
        assert gateway.scheduler.in_flight == 0
        committer._db.execute("PRAGMA max_page_count = 1073741823")
        assert (await gateway.ask(call("with room again"))).source == "provider"


async def ask_on(gateway, most):
    for number in range(most):
        await gateway.ask(call(str(number)))


def committer_of_this_process():
    """The one that writes in the thread of these books."""
    import gc

    from qlf.ledger.committer import Committer

    (found,) = [one for one in gc.get_objects() if type(one) is Committer and one._broken is None]
    return found


async def test_a_full_disk_under_the_cache_costs_no_answer(place, monkeypatch):
    from qlf.llm.cache_disk import AnswerStore

    def full(self, key, record):
        error = sqlite3.OperationalError("database or disk is full")
        return self._guarded(lambda: (_ for _ in ()).throw(error)) is not None

    monkeypatch.setattr(AnswerStore, "put", full)
    async with place.gateway() as gateway:
        assert (await gateway.ask(call(cached=True))).source == "provider"
        assert (await gateway.ask(call(cached=True))).source == "cache", "memory has it"


async def test_an_answer_folder_that_cannot_be_written_costs_no_answer(place):
    place.places.answers.parent.mkdir(parents=True, exist_ok=True)
    place.places.answers.write_text("a file stands where the folder belongs")
    async with place.gateway() as gateway:
        assert (await gateway.ask(call(cached=True))).source == "provider"


async def test_a_budget_that_is_used_up_leaves_no_noise_of_probes(place):
    noise = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: noise.append(context))
    # Both answers are charged as reserved, about 900 each; what is left is too little for a probe.
    place.script(faults=[{"kind": "malformed_json"}])
    ceiling = BudgetLimits(day_micros=2_000)
    async with place.gateway(rest="probe_seconds: 1\n", ceiling=ceiling) as gateway:
        with pytest.raises(BudgetRefused):
            await gateway.ask(call(deadline=10))
        assert gateway.scheduler.snapshot()[0].state == "open"
        await asyncio.sleep(1.3)
    import gc

    gc.collect()
    await asyncio.sleep(0)
    assert noise == []


FORK = """
import asyncio, os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[3])
from qlf.engine.gateway import ModelPlaces, open_gateway
from qlf.llm.config_file import parse_config
from qlf.llm.credential import ApiKey
from qlf.llm.request import Call, Message, ModelRequest

folder, url = Path(sys.argv[1]), sys.argv[2]
KEY = ApiKey("sk-trouble-0123456789", "k@1")
places = ModelPlaces(folder / "config", folder / "ledger" / "l.db", folder / "heads", folder / "answers")
config = parse_config(
    f"providers: {{here: {{kind: openai_compatible, endpoint: '{url}'}}}}\\n"
    "deployments: [{provider: here, model: gpt-4.1, remote: d0, price: {input: 2, output: 8}}]\\n"
)

async def ask(text):
    async with open_gateway(places, lambda _: KEY, config=config) as gateway:
        request = ModelRequest((Message("user", text),), 100)
        return [(await gateway.ask(Call(request, "gpt-4.1"))).source for _ in range(2)]

async def main():
    async with open_gateway(places, lambda _: KEY, config=config) as gateway:
        await gateway.ask(Call(ModelRequest((Message("user", "parent"),), 100), "gpt-4.1"))
        child = os.fork()
        if child == 0:
            os.execv(sys.executable, [sys.executable, "-c", "print('child of a fork')"])
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        return (await gateway.ask(Call(ModelRequest((Message("user", "after"),), 100), "gpt-4.1"))).source

print(asyncio.run(main()), flush=True)
child = os.fork()
sources = asyncio.run(ask("child" if child == 0 else "parent"))
if child == 0:
    os._exit(0 if sources == ["provider", "cache"] else 9)
assert sources == ["cache", "cache"], sources
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_a_fork_beside_and_between_gateways_harms_neither(place, tmp_path):
    arguments = [str(tmp_path), place.fake.openai_url, str(Path.cwd())]
    done = subprocess.run(
        [sys.executable, "-c", FORK, *arguments], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["child of a fork", "provider", "0"]


async def test_a_disk_error_while_a_lock_is_taken_only_loses_the_lock(place, monkeypatch):
    opened = os.open

    def no_locks(path, *rest, **more):
        if str(path).endswith(".lock"):
            raise OSError(errno.ENOSPC, "No space left on device")
        return opened(path, *rest, **more)

    monkeypatch.setattr(os, "open", no_locks)
    async with place.gateway() as gateway:
        assert (await gateway.ask(call(cached=True))).source == "provider"
