"""Reserve, record, settle: what the gateway relies on."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace

import pytest

from qlf.core.metering import Ending, Outcome, Ticket, Usage
from qlf.errors import BudgetRefused, InternalError, LedgerUnavailable
from qlf.ledger.budget import BudgetLimits
from qlf.ledger.committer import Committer, Place
from qlf.ledger.entry import Kind
from qlf.ledger.operation import Change, Open
from qlf.ledger.report import report
from qlf.ledger.store import connect_writer

MONTH, DAY = "month:2026-07", "day:2026-07-31"


def money(books, scope=MONTH):
    total = books.totals()[scope]
    return total.spent, total.reserved


def kinds(desk):
    with desk.read() as reader:
        return [entry.kind for entry in reader.entries()]


async def test_an_answer_costs_what_it_cost_and_the_rest_comes_back(desk):
    async with desk.books() as books:
        ticket = await books.open(desk.intent(reserve=1000))
        assert ticket.reserve_micros == 1000
        assert money(books) == (0, 1000)
        await books.close(ticket, desk.answered(600))
        for scope in (MONTH, DAY, "run:run-1", "project:shop", "tenant:acme"):
            assert money(books, scope) == (600, 0)
    assert kinds(desk) == ["start", "intent", "outcome"]
    assert desk.verify().intact


@pytest.mark.parametrize(("ending", "spent"), [(Ending.REFUSED, 0), (Ending.UNKNOWN, 1000)])
async def test_a_refusal_is_free_and_a_silence_costs_the_whole_reservation(desk, ending, spent):
    async with desk.books() as books:
        await books.close(await books.open(desk.intent()), Outcome(ending, cost_micros=77))
        assert money(books) == (spent, 0)


async def test_what_cost_more_than_reserved_is_charged_and_said(desk):
    async with desk.books(BudgetLimits(run_micros=2500)) as books:
        await books.close(await books.open(desk.intent(reserve=1000)), desk.answered(2000))
        assert money(books, "run:run-1") == (2000, 0)
        with pytest.raises(BudgetRefused):
            await books.open(desk.intent(2, reserve=501))
        await books.open(desk.intent(3, reserve=500))
    with desk.read() as reader:
        outcome = next(entry for entry in reader.entries() if entry.kind == Kind.OUTCOME)
    assert (outcome.fields["charge"], outcome.fields["excess"]) == (2000, 1000)
    assert desk.verify().intact


@pytest.mark.parametrize(
    ("limits", "scope"),
    [
        (BudgetLimits(month_micros=1500), MONTH),
        (BudgetLimits(day_micros=1500), DAY),
        (BudgetLimits(run_micros=1500), "run 'run-1'"),
        (BudgetLimits(project_micros=1500), "project 'shop'"),
        (BudgetLimits(tenant_micros=1500), "tenant 'acme'"),
        (BudgetLimits(projects={"shop": 1500}), "project 'shop'"),
    ],
)
async def test_every_limit_refuses_before_it_is_passed(desk, limits, scope):
    async with desk.books(limits) as books:
        first = await books.open(desk.intent(reserve=1500))
        with pytest.raises(BudgetRefused, match=scope.replace(":", " ")):
            await books.open(desk.intent(2, reserve=1))
        assert money(books) == (0, 1500)
        await books.close(first, Outcome(Ending.REFUSED))
        await books.open(desk.intent(3, reserve=1500))
    assert kinds(desk) == ["start", "intent", "refused", "outcome", "intent"]
    assert desk.verify().intact


async def test_other_runs_and_projects_have_budgets_of_their_own(desk):
    async with desk.books(BudgetLimits(run_micros=1000, project_micros=1500)) as books:
        await books.open(desk.intent(reserve=1000))
        with pytest.raises(BudgetRefused, match="project"):
            await books.open(desk.intent(2, reserve=1000, run="run-2"))
        await books.open(desk.intent(3, reserve=1000, run="run-2", project="rental"))


async def test_a_call_that_ends_in_the_next_month_counts_where_it_began(desk):
    async with desk.books() as books:
        ticket = await books.open(desk.intent())
        desk.clock.now += 86_400
        await books.close(ticket, desk.answered(600))
        await books.open(desk.intent(2))
        assert money(books) == (600, 0)
        assert money(books, "month:2026-08") == (0, 1000)
    assert desk.verify().intact


async def test_a_day_limit_starts_anew_at_midnight(desk):
    async with desk.books(BudgetLimits(day_micros=1000)) as books:
        await books.close(await books.open(desk.intent()), desk.answered(1000))
        with pytest.raises(BudgetRefused, match="2026-07-31"):
            await books.open(desk.intent(2))
        desk.clock.now += 86_400
        await books.open(desk.intent(3))


async def test_a_ticket_is_settled_once(desk):
    async with desk.books() as books:
        ticket = await books.open(desk.intent())
        results = await asyncio.gather(
            *(books.close(ticket, desk.answered()) for _ in range(3)), return_exceptions=True
        )
        assert [type(result) for result in results if result] == [InternalError, InternalError]
        with pytest.raises(InternalError, match="not open"):
            await books.close(ticket, desk.answered())
        with pytest.raises(InternalError, match="not open"):
            await books.close(Ticket(999, 5), desk.answered())
        assert money(books) == (600, 0)
    assert desk.verify().intact


async def test_another_process_may_settle(desk):
    async with desk.books() as one, desk.books() as other:
        ticket = await one.open(desk.intent())
        await other.close(ticket, desk.answered(10))
        with pytest.raises(InternalError):
            await one.close(ticket, desk.answered(10))
        assert money(one) == (10, 0)
    assert desk.verify().intact


async def test_a_served_call_is_recorded_and_free(desk):
    async with desk.books() as books:
        await books.served(desk.served())
        assert MONTH not in books.totals()
    assert kinds(desk) == ["start", "served"]
    assert desk.verify().intact


async def test_a_caller_who_was_cancelled_while_waiting_gets_the_money_back(desk):
    async with desk.books() as books:
        await books.open(desk.intent())
        tasks = [asyncio.create_task(books.open(desk.intent(n))) for n in range(2, 40)]
        await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        kept = [result for result in results if isinstance(result, Ticket)]
        assert len(kept) < len(tasks)
        # The giving back is queued by the loop; two rounds let it happen.
        await books.flush()
        await asyncio.sleep(0)
        await books.flush()
        assert money(books) == (0, 1000 * (1 + len(kept)))
    assert desk.verify().intact


async def test_a_caller_cancelled_while_it_is_written_gets_the_money_back(desk):
    async with desk.books() as books:
        await books.open(desk.intent())
        other = connect_writer(desk.path)
        other.execute("BEGIN IMMEDIATE")
        task = asyncio.create_task(books.open(desk.intent(2)))
        # Long enough for the writer to have taken it and to wait for the lock.
        await asyncio.sleep(0.1)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        other.execute("ROLLBACK")
        other.close()
        await books.flush()
        await books.flush()
        assert money(books) == (0, 1000)
    with desk.read() as reader:
        last = list(reader.entries())[-1]
    assert (last.fields["ending"], last.fields["error"]) == ("refused", "cancelled-before-sending")
    assert desk.verify().intact


def test_a_new_limit_holds_for_what_comes_after_it_in_the_same_transaction(desk):
    committer = Committer(Place(desk.path, desk.key), BudgetLimits())
    results = committer.commit((Open(desk.intent(1)), Change("ada", {"run": 1500}), Open(desk.intent(2))))
    committer.close()
    assert [type(result) for result in results] == [Ticket, type(None), BudgetRefused]


async def test_a_cancelled_settlement_is_carried_out(desk):
    async with desk.books() as books:
        task = asyncio.create_task(books.close(await books.open(desk.intent()), desk.answered(5)))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await books.flush()
        assert money(books) == (5, 0)


async def test_a_mistake_of_one_caller_is_nobody_elses(desk):
    async with desk.books() as books:
        good = [books.open(desk.intent(n)) for n in range(5)]
        tickets = await asyncio.gather(
            *good, books.open(desk.intent(8, reserve=-1)), books.open(desk.intent(9, reserve=2**70)),
            books.open(desk.intent(10, agent=5)), return_exceptions=True,
        )  # fmt: skip
        assert [type(one) for one in tickets] == [Ticket] * 5 + [ValueError, ValueError, InternalError]
        await books.close(tickets[0], Outcome(Ending.ANSWERED, -5, Usage(2**80)))
    assert desk.verify().intact


async def test_an_answer_with_an_impossible_cost_is_charged_its_reservation(desk):
    async with desk.books() as books:
        await books.close(await books.open(desk.intent()), Outcome(Ending.ANSWERED, -5, Usage(-3, 2**80)))
        assert money(books) == (1000, 0)
    assert desk.verify().intact


async def test_changes_of_limits_hold_at_once_and_are_recorded(desk):
    async with desk.books() as books:
        await books.change_limits("ada", {"run": 1500, "project:shop": None})
        await books.open(desk.intent())
        with pytest.raises(BudgetRefused):
            await books.open(desk.intent(2))
        await books.change_limits("ada", {"run": 2000})
        await books.open(desk.intent(3))
        await books.change_limits("ada", {}, reset=True)
        await books.open(desk.intent(4))
    with desk.read() as reader:
        changes = [entry.fields for entry in reader.entries() if entry.kind == Kind.BUDGET]
        assert reader.limits() == {}
    assert [(one["limit"], one["old"], one["new"]) for one in changes] == [
        ("run", "default", 1500),
        ("project:shop", "default", "none"),
        ("run", 1500, 2000),
        ("project:shop", "none", "default"),
        ("run", 2000, "default"),
    ]
    assert {one["who"] for one in changes} == {"ada"}
    assert desk.verify().intact


async def test_after_closing_nothing_is_taken(desk):
    books = desk.books()
    await books.aclose()
    await books.aclose()
    for call in (books.open(desk.intent()), books.flush(), books.served(desk.served())):
        with pytest.raises(LedgerUnavailable, match="closed"):
            await call


async def test_a_ticket_left_open_stays_charged_and_is_unknown_later(desk):
    async with desk.books() as books:
        await books.open(desk.intent())
    async with desk.books() as books:
        await books.flush()
        assert money(books) == (1000, 0)
    with desk.read() as reader:
        last = list(reader.entries())[-1]
    assert (last.fields["ending"], last.fields["error"], last.fields["charge"]) == (
        "unknown",
        "abandoned",
        1000,
    )
    assert desk.verify().intact


async def test_an_attempt_that_lasts_is_settled_by_whoever_collects_it(desk):
    async with desk.books() as books:
        ticket = await books.open(replace(desk.intent(), lasting=True))
    async with desk.books() as books:
        await books.settle_abandoned()
        assert money(books) == (0, 1000)
        with desk.read() as reader:
            assert (report(reader)[0].open, report(reader)[0].unknown) == (1, 0)
        desk.clock.now += 86_400
        await books.close(ticket, desk.answered(300))
        assert money(books) == (300, 0)
    assert desk.verify().intact


async def test_a_writer_whose_lock_was_removed_is_gone(desk):
    async with desk.books() as books:
        await books.open(desk.intent())
    for path in (desk.path.parent / "writers").iterdir():
        path.unlink()
    async with desk.books() as books:
        await books.flush()
        assert money(books) == (1000, 0)


async def test_what_a_living_writer_has_open_is_left_alone(desk):
    async with desk.books() as one:
        ticket = await one.open(desk.intent())
        async with desk.books() as other:
            await other.settle_abandoned()
            assert money(other) == (0, 1000)
        await one.close(ticket, desk.answered(1))
        assert money(one) == (1, 0)


def test_several_event_loops_may_use_it_at_once(desk):
    books = desk.books(BudgetLimits(run_micros=64_000))
    refused = []

    async def work(thread):
        async def one(number):
            try:
                ticket = await books.open(desk.intent(thread * 1000 + number))
            except BudgetRefused:
                refused.append(1)
            else:
                await books.close(ticket, desk.answered(1000))

        await asyncio.gather(*(one(number) for number in range(30)))

    threads = [threading.Thread(target=lambda n=n: asyncio.run(work(n))) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    asyncio.run(books.aclose())
    assert len(refused) == 120 - 64
    assert money(books, "run:run-1") == (64_000, 0)
    assert desk.verify().intact


async def test_notes_are_recorded_without_credentials(desk):
    async with desk.books() as books:
        await books.note(Kind.KEY, {"name": "bedrock", "event": "rotated", "text": "sk-proj-" + "a1" * 20})
    with desk.read() as reader:
        assert list(reader.entries())[-1].fields["text"] == "[hidden]"
    assert desk.verify().intact
