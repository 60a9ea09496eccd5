"""Many tasks and many processes share one budget, and it is never passed."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time

import pytest

from qlf.errors import BudgetRefused
from qlf.ledger.budget import BudgetLimits

WORK = """
import asyncio, json, sys
from pathlib import Path
from qlf.core.metering import Attribution, Ending, Intent, Outcome
from qlf.errors import BudgetRefused
from qlf.ledger.books import LedgerBooks
from qlf.ledger.budget import BudgetLimits

folder, name, wide, calls, cap = Path(sys.argv[1]), sys.argv[2], *map(int, sys.argv[3:6])

async def main():
    books = LedgerBooks(
        folder / "ledger" / "ledger.db", BudgetLimits(run_micros=cap),
        signing_key=folder / "config" / "ledger-signing.key", heads=folder / "data" / "heads.jsonl",
        head_entries=40,
    )
    done = [0, 0]

    async def work(worker):
        for number in range(calls):
            call = f"{name}-{worker}-{number}"
            intent = Intent(call, 1, "p", "bedrock", "d", "m", 100, Attribution(run="shared"))
            try:
                ticket = await books.open(intent)
            except BudgetRefused:
                done[1] += 1
                continue
            print("open", flush=True) if "-v" in sys.argv else None
            await books.close(ticket, Outcome(Ending.ANSWERED, 40 + number % 50))
            done[0] += 40 + number % 50

    await asyncio.gather(*(work(worker) for worker in range(wide)))
    await books.aclose()
    print(json.dumps(done))

asyncio.run(main())
"""


def start(desk, name, *, wide=16, calls=4, cap=10**9, verbose=False):
    arguments = [str(desk.folder), name, str(wide), str(calls), str(cap), *(["-v"] if verbose else [])]
    return subprocess.Popen(
        [sys.executable, "-c", WORK, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


async def test_64_tasks_never_pass_the_limit(desk):
    cap = 5_000
    async with desk.books(BudgetLimits(run_micros=cap)) as books:
        spent = refused = 0

        async def work(worker):
            nonlocal spent, refused
            for number in range(4):
                try:
                    ticket = await books.open(desk.intent(worker * 10 + number, reserve=100))
                except BudgetRefused:
                    refused += 1
                    continue
                total = books.totals()["run:run-1"]
                assert total.spent + total.reserved <= cap
                await books.close(ticket, desk.answered(60))
                spent += 60

        await asyncio.gather(*(work(worker) for worker in range(64)))
        assert refused > 0
        total = books.totals()["run:run-1"]
        assert (total.spent, total.reserved) == (spent, 0)
        assert spent > cap // 2
    assert desk.verify().intact


def test_three_processes_share_one_limit_to_the_cent(desk):
    cap = 9_000
    processes = [start(desk, f"p{number}", wide=16, calls=6, cap=cap) for number in range(3)]
    results = []
    for process in processes:
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err.decode()
        results.append(json.loads(out))
    with desk.read() as reader:
        total = reader.totals()["run:shared"]
    assert total.reserved == 0
    assert total.spent == sum(spent for spent, _ in results) <= cap
    assert total.spent > cap // 2
    assert sum(refused for _, refused in results) > 0
    assert desk.verify().intact


@pytest.mark.parametrize("moment", range(10))
def test_a_process_killed_at_any_moment_hides_nothing(desk, moment):
    cap = 6_000
    process = start(desk, "killed", wide=8, calls=1000, cap=cap, verbose=True)
    try:
        assert process.stdout is not None
        if moment:
            # The first moment is before anything was written; the others are spread over the first calls.
            for _ in range(moment * 4):
                process.stdout.readline()
        time.sleep(0.0007 * moment)
        process.kill()
    finally:
        process.communicate(timeout=30)
    if not desk.path.exists():
        return

    async def after():
        async with desk.books(BudgetLimits(run_micros=cap)) as books:
            await books.flush()
            return books.totals().get("run:shared")

    total = asyncio.run(after())
    found = desk.verify()
    assert found.problem == ""
    if total is None:
        return
    assert total.reserved == 0
    assert total.spent <= cap
    with desk.read() as reader:
        intents = {one.seq: one for one in reader.entries() if one.kind == "intent"}
        outcomes = [one for one in reader.entries() if one.kind == "outcome"]
    assert {one.fields["intent"] for one in outcomes} == set(intents)
    lost = [one for one in outcomes if one.fields.get("error") == "abandoned"]
    assert all(one.fields["charge"] == 100 for one in lost)
    assert total.spent == sum(one.fields.get("charge", 0) for one in outcomes)


def test_many_may_make_the_ledger_at_once(desk):
    processes = [start(desk, f"p{number}", wide=1, calls=1) for number in range(3)]
    for process in processes:
        _, err = process.communicate(timeout=60)
        assert process.returncode == 0, err.decode()
    with desk.read() as reader:
        kinds = [entry.kind for entry in reader.entries()]
    assert kinds.count("start") == 1
    assert kinds.count("intent") == kinds.count("outcome") == 3
    assert desk.verify().intact
