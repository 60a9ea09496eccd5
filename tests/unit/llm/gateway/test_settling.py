"""Every attempt is settled exactly once, and its place reported on exactly once, whichever way it ends."""

from __future__ import annotations

import asyncio

import pytest

from qlf.core.metering import Ending, Usage
from qlf.errors import BudgetRefused, KeyStoreError, LedgerUnavailable
from qlf.llm.failure import Failure, FailureKind
from qlf.llm.reply import StopReason, TextDelta

RESERVED = 100 + 10 * 20


async def test_an_answer_costs_what_was_used(rig):
    one = rig()
    job = one.job()
    reply = await one.sender.complete(job, one.place)
    assert reply.text == "Hello"
    assert one.books.outcome.ending is Ending.ANSWERED
    assert one.books.outcome.cost_micros == job.cost_micros == job.last_cost_micros == 40 + 50
    assert one.place.reports == ["succeeded"]
    assert one.books.opened[1].reserve_micros == RESERVED


@pytest.mark.parametrize(
    ("failure", "ending", "cost"),
    [
        (Failure(FailureKind.THROTTLED, "full"), Ending.REFUSED, 0),
        (Failure(FailureKind.BAD_REQUEST, "bad"), Ending.REFUSED, 0),
        (Failure(FailureKind.TIMEOUT, "late"), Ending.UNKNOWN, RESERVED),
        (Failure(FailureKind.CUT, "cut"), Ending.UNKNOWN, RESERVED),
        (Failure(FailureKind.UNAVAILABLE, "reset", sent=True), Ending.UNKNOWN, RESERVED),
        (Failure(FailureKind.SCHEMA, "no", usage=Usage(10, 2)), Ending.ANSWERED, 30),
        (Failure(FailureKind.SCHEMA, "no", usage=Usage(1, 2, 5)), Ending.ANSWERED, RESERVED),
    ],
    ids=lambda value: value.kind.value if isinstance(value, Failure) else None,
)
async def test_a_failure_costs_what_it_may_have_cost(rig, scripted, failure, ending, cost):
    one = rig(scripted(lambda: failure))
    job = one.job()
    with pytest.raises(Failure):
        await one.sender.complete(job, one.place)
    assert (one.books.outcome.ending, one.books.outcome.cost_micros, job.cost_micros) == (ending, cost, cost)
    assert one.books.outcome.error == failure.kind.value
    assert one.place.reports == ["failed"]


async def test_counts_that_contradict_themselves_cost_the_reservation(rig, scripted, said):
    one = rig(scripted(lambda: said(usage=Usage(10, 1, cache_read_tokens=11))))
    await one.sender.complete(one.job(), one.place)
    assert one.books.outcome.cost_micros == RESERVED


async def test_an_answer_without_counts_costs_the_reservation(rig, scripted, said):
    one = rig(scripted(lambda: said(usage=Usage(), usage_reported=False)))
    await one.sender.complete(one.job(), one.place)
    assert (one.books.outcome.ending, one.books.outcome.cost_micros) == (Ending.ANSWERED, RESERVED)


async def test_another_model_is_paid_and_no_answer(rig, scripted, said):
    one = rig(scripted(lambda: said(model="gpt-3.5")))
    with pytest.raises(Failure) as caught:
        await one.sender.complete(one.job(), one.place)
    assert caught.value.kind is FailureKind.WRONG_MODEL
    assert (one.books.outcome.cost_micros, one.books.outcome.answered_model) == (90, "gpt-3.5")


async def test_a_mistake_in_an_adapter_keeps_the_reservation_charged(rig, scripted):
    one = rig(scripted(lambda: ZeroDivisionError("a mistake")))
    with pytest.raises(ZeroDivisionError):
        await one.sender.complete(one.job(), one.place)
    assert (one.books.outcome.ending, one.place.reports) == (Ending.UNKNOWN, ["abandoned"])


async def test_a_caller_that_leaves_while_the_answer_is_awaited_stays_charged(rig, scripted):
    one = rig(scripted(lambda: asyncio.sleep(60)))
    task = asyncio.create_task(one.sender.complete(one.job(), one.place))
    await one.adapter.begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (one.books.outcome.ending, one.books.outcome.error) == (Ending.UNKNOWN, "cancelled")
    assert one.place.reports == ["abandoned"]


async def test_a_caller_that_leaves_while_money_is_reserved_owes_nothing(rig):
    one = rig()
    one.books.gate = asyncio.Event()
    task = asyncio.create_task(one.sender.complete(one.job(), one.place))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (one.books.opened, one.place.reports) == ({}, [])
    assert not one.adapter.begun.is_set(), "nothing was sent"


@pytest.mark.parametrize("way", ["whole", "stream"])
async def test_a_caller_that_leaves_while_the_answer_is_booked_is_settled_once(rig, scripted, said, way):
    async def late():
        one.books.gate = asyncio.Event()
        return said()

    one = rig(scripted(late, items=(TextDelta("Hel"), late, said())))
    task = asyncio.create_task(whole_answer(one, way))
    async with asyncio.timeout(5):
        await one.books.closing.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (one.books.outcome.ending, one.place.reports) == (Ending.ANSWERED, ["succeeded"])


async def whole_answer(one, way):
    if way == "whole":
        return await one.sender.complete(one.job(), one.place)
    opened = await one.sender.open_stream(one.job(), one.place)
    return [item async for item in one.sender.follow(opened)][-1]


@pytest.mark.parametrize("way", ["whole", "stream"])
async def test_books_that_cannot_be_written_are_what_the_caller_hears_of(rig, scripted, said, way):
    one = rig(scripted(items=(TextDelta("Hel"), said())))
    one.books.fail_closing = LedgerUnavailable("the disk is full")
    with pytest.raises(LedgerUnavailable, match="the disk is full"):
        await whole_answer(one, way)
    assert one.place.reports == ["succeeded"]


async def test_a_refused_budget_sends_nothing_and_settles_nothing(rig):
    one = rig()

    async def refuse(_):
        raise BudgetRefused("no money")

    one.books.open = refuse
    with pytest.raises(BudgetRefused):
        await one.sender.complete(one.job(), one.place)
    assert (one.books.closed, one.place.reports, one.adapter.begun.is_set()) == ({}, [], False)


@pytest.mark.parametrize(
    ("items", "kind"),
    [
        ((Failure(FailureKind.UNAVAILABLE, "down"),), FailureKind.UNAVAILABLE),
        ((TextDelta("Hel"), Failure(FailureKind.CUT, "cut")), FailureKind.CUT),
        ((TextDelta("Hel"),), FailureKind.CUT),
    ],
    ids=["before the first piece", "in the middle", "without an end"],
)
async def test_a_stream_that_breaks_is_settled_once(rig, scripted, items, kind):
    one = rig(scripted(items=items))
    with pytest.raises(Failure) as caught:
        await whole_answer(one, "stream")
    assert caught.value.kind is kind
    assert (one.books.outcome.error, one.place.reports) == (kind.value, ["failed"])


async def test_a_stream_that_ends_with_another_model_is_paid_and_fails(rig, scripted, said):
    one = rig(scripted(items=(TextDelta("Hel"), said(model="gpt-3.5"))))
    opened = await one.sender.open_stream(one.job(), one.place)
    with pytest.raises(Failure) as caught:
        assert [item async for item in one.sender.follow(opened)]
    assert caught.value.kind is FailureKind.WRONG_MODEL
    assert one.books.outcome.cost_micros == 90


async def test_a_stream_of_one_whole_reply_is_an_answer(rig, scripted, said):
    one = rig(scripted(items=(said(text="", stop=StopReason.REFUSAL),)))
    opened = await one.sender.open_stream(one.job(), one.place)
    items = [item async for item in one.sender.follow(opened)]
    assert [item.stop for item in items] == [StopReason.REFUSAL]
    assert one.place.reports == ["succeeded"]


async def test_the_time_for_an_attempt_is_what_the_deadline_leaves(rig):
    one = rig()
    asked = []

    async def remember(deployment, request, timeout_seconds):
        asked.append(timeout_seconds)
        raise Failure(FailureKind.TIMEOUT, "late")

    one.adapter.complete = remember
    for deadline in (103.0, 5000.0, 50.0):
        one.place = type(one.place)()
        with pytest.raises(Failure):
            await one.sender.complete(one.job(deadline=deadline), one.place)
    assert asked == [3.0, 600.0, 0.001]


@pytest.mark.parametrize("how", ["the store fails", "the caller leaves"])
async def test_a_refused_key_is_settled_also_if_no_other_can_be_had(rig, scripted, how):
    one = rig(scripted(lambda: Failure(FailureKind.AUTH, "expired")))
    asked = asyncio.Event()

    async def renewed(*_):
        asked.set()
        if how == "the store fails":
            raise KeyStoreError("it cannot be opened")
        await asyncio.sleep(60)

    one.pool.renewed = renewed
    task = asyncio.create_task(one.sender.complete(one.job(), one.place))
    await asked.wait()
    if how == "the caller leaves":
        task.cancel()
    with pytest.raises((KeyStoreError, asyncio.CancelledError)):
        await task
    assert (one.books.outcome.ending, one.place.reports) == (Ending.REFUSED, ["failed"])
