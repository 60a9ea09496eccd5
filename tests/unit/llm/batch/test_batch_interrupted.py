"""Batches whose run ends in the middle: at every point the next run goes on, and nothing is paid twice."""

from __future__ import annotations

import asyncio

import pytest

from qlf.core.metering import Attribution, Ending, Intent, Outcome
from qlf.ledger.books import LedgerBooks
from qlf.ledger.reader import LedgerReader
from qlf.llm import batch_send
from qlf.llm.adapters.openai_batch import OpenAIBatches
from qlf.llm.batch import BatchRuns
from qlf.llm.cache import Cache
from qlf.llm.failure import Failure, FailureKind


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(batch_send, "_WAITS", (0.0, 0.0))


class Crash(BaseException):
    """The process ends here."""


def fails(monkeypatch, name, error, *, after=True, times=1_000_000):
    """Make a method of the batch API fail, before or after it did its work at the provider."""
    real, left = getattr(OpenAIBatches, name), [times]

    async def method(self, *arguments):
        left[0] -= 1
        if left[0] < 0:
            return await real(self, *arguments)
        if after:
            await real(self, *arguments)
        raise error

    monkeypatch.setattr(OpenAIBatches, name, method)


LOST = Failure(FailureKind.UNAVAILABLE, "the connection broke", sent=True)


async def test_an_answer_to_the_creation_that_is_lost_makes_no_second_batch(bench, monkeypatch, impatient):
    bench.script()
    fails(monkeypatch, "create", LOST, times=1)
    report = await bench.run(bench.calls(4))
    assert (report.batched, report.failed) == (4, 0)
    assert sum(record.billed for record in bench.fake.log) == 4
    bench.check_books()


async def test_a_creation_that_never_arrived_is_repeated(bench, monkeypatch, impatient):
    bench.script()
    fails(monkeypatch, "create", LOST, after=False, times=2)
    assert (await bench.run(bench.calls(4))).batched == 4
    bench.check_books()


async def test_a_batch_of_which_nothing_is_known_is_found_by_the_next_run(bench, monkeypatch, impatient):
    bench.script()
    with monkeypatch.context() as patch:
        fails(patch, "create", LOST)
        fails(patch, "find", LOST)
        report = await bench.run(bench.calls(4))
    assert (report.failed, report.cost_micros) == (4, 0)
    assert len(bench.batches) == 1
    assert bench.month().reserved > 0
    report = await bench.run(bench.calls(4))
    assert (report.batched, report.failed) == (4, 0)
    assert sum(record.billed for record in bench.fake.log) == 4
    bench.check_books()


async def test_a_batch_that_was_never_begun_is_given_back(bench, monkeypatch, impatient):
    bench.script()
    with monkeypatch.context() as patch:
        fails(patch, "create", LOST, after=False)
        fails(patch, "find", LOST)
        await bench.run(bench.calls(2))
    report = await bench.run(bench.calls(2))
    assert (report.failed, report.cost_micros) == (2, 0)
    bench.check_books()
    assert bench.batches == bench.files() == []
    assert (await bench.run(bench.calls(2))).batched == 2
    bench.check_books()


@pytest.mark.parametrize("step", ["upload", "ready"])
async def test_a_run_that_ends_before_the_batch_begins_gives_everything_back(bench, monkeypatch, step):
    bench.script()
    with monkeypatch.context() as patch:
        fails(patch, step, Crash())
        with pytest.raises(Crash):
            async with bench.gateway() as gateway:
                await bench.run(bench.calls(3), gateway=gateway)
    bench.check_books()
    assert bench.batches == []
    assert (await bench.run(bench.calls(3))).batched == 3


async def test_a_run_that_ends_while_it_collects_is_made_up_for(bench, monkeypatch):
    bench.script()
    kept, real = [], Cache.keep

    async def keep(self, key, reply):
        if len(kept) >= 3:
            raise Crash
        kept.append(key)
        return await real(self, key, reply)

    with monkeypatch.context() as patch:
        patch.setattr(Cache, "keep", keep)
        with pytest.raises(Crash):
            await bench.run(bench.calls(8))
    assert len(bench.batches) == 1
    report = await bench.run(bench.calls(8))
    assert report.failed == report.waiting == 0
    assert len(bench.answered) == 8
    assert sum(record.billed for record in bench.fake.log) == 8
    bench.check_books()


async def test_a_download_that_breaks_is_taken_up_again(bench, monkeypatch):
    bench.script()
    real, broken = OpenAIBatches.results, []

    async def results(self, deployment, file):
        count = 0
        async for result in real(self, deployment, file):
            yield result
            count += 1
            if count == 3 and not broken:
                broken.append(file)
                raise Failure(FailureKind.CUT, "the connection broke")

    monkeypatch.setattr(OpenAIBatches, "results", results)
    report = await bench.run(bench.calls(6))
    assert (report.batched, report.failed) == (6, 0)
    assert broken
    bench.check_books()


async def test_a_cancelled_run_leaves_its_batch_running(bench):
    bench.script(batch={"seconds": 0.6})
    task = asyncio.ensure_future(bench.run(bench.calls(3)))
    while not (bench.batches and '"batch":"batch_' in bench.batches[0].read_text()):  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(bench.batches) == 1
    assert (await bench.run(bench.calls(3))).batched == 3
    bench.check_books()


async def test_two_runs_at_once_send_one_batch(bench):
    bench.script(batch={"seconds": 0.3})
    async with bench.gateway() as gateway:
        first, second = await asyncio.gather(
            bench.run(bench.calls(3), gateway=gateway), bench.run(bench.calls(3), gateway=gateway)
        )
    assert first.failed == second.failed == 0
    assert first.asked + second.asked == 3
    assert sum(record.billed for record in bench.fake.log) == 3
    bench.check_books()


async def test_outages_of_the_provider_do_not_end_the_wait(bench, monkeypatch):
    bench.script()
    fails(monkeypatch, "look", LOST, times=1)
    report = await bench.run(bench.calls(2))
    assert report.batched == 2
    bench.check_books()


async def test_the_time_that_is_left_bounds_the_wait(bench):
    bench.script(batch={"seconds": 3600})
    report = await asyncio.wait_for(bench.run(bench.calls(2), seconds=0.2), 10)
    assert report.waiting == 2
    assert isinstance(bench.results[0], BatchRuns)
    assert "collect" in str(bench.results[0].hint)


async def test_a_lasting_reservation_outlives_its_process_and_others_do_not(tmp_path):
    def intent(call, *, lasting):
        return Intent(call, 1, "p", "k", "d", "m", 1000, Attribution(run="r"), lasting=lasting)

    path, key = tmp_path / "ledger.db", tmp_path / "key"
    books = LedgerBooks(path, signing_key=key)
    ticket = await books.open(intent("batch", lasting=True))
    await books.open(intent("direct", lasting=False))
    await books.aclose()
    books = LedgerBooks(path, signing_key=key)
    await books.settle_abandoned()
    await books.close(ticket, Outcome(Ending.ANSWERED, cost_micros=10))
    await books.aclose()
    with LedgerReader(path) as reader:
        total = reader.totals()["run:r"]
    assert (total.spent, total.reserved) == (1010, 0)
