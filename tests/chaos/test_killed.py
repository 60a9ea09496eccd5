"""A process that uses the gateway is killed at fifty random moments: nothing that matters is lost."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from qlf.llm.cache_disk import AnswerStore

pytestmark = [pytest.mark.real, pytest.mark.timeout(200)]

KILLS = 50
CAP = 600_000


class Children:
    def __init__(self, stage):
        command = [sys.executable, Path(__file__).with_name("killed_worker.py")]
        arguments = [stage.config("a", "b"), stage.places.ledger.parents[1], str(CAP)]
        self.process = subprocess.Popen(
            [*command, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def start(self, **order):
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def ended(self):
        return int(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        assert self.process.wait(20) == 0


@pytest.fixture
def children(stage):
    made = Children(stage)
    yield made
    made.close()


def progress_of(stage):
    path = stage.places.ledger.parents[1] / "progress"
    return path.read_text().splitlines() if path.exists() else []


def wait_for_progress(stage):
    before, last = len(progress_of(stage)), time.monotonic() + 10
    while len(progress_of(stage)) == before and time.monotonic() < last:
        time.sleep(0.01)


def check_money(stage):
    try:
        spent, reserved = stage.spent()
    except StopIteration:
        # Killed between the first entry and the first reservation.
        assert stage.fake.bill_micros() == 0
        return 0
    assert stage.fake.bill_micros() <= spent + reserved <= CAP
    return spent + reserved


def answers_kept(stage):
    notices = []
    store = AnswerStore(stage.places.answers, 1_000_000_000, notices.append)
    try:
        kept = list(map(store.get, store.keys()))
    finally:
        store.close()
    assert notices == [], "the cache was damaged"
    assert None not in kept
    return len(kept)


def test_fifty_kills_leave_ledger_budget_and_cache_whole(stage, children):
    stage.script(defaults={"first_byte_seconds": 0.01})
    chance = random.Random(20)
    held = []
    for number in range(KILLS):
        pid = children.start(round=number, calls=100_000)
        if number % 4:
            # Most are killed at work, the others wherever they are at their start.
            wait_for_progress(stage)
        time.sleep(chance.uniform(0.0, 0.3))
        os.kill(pid, signal.SIGKILL)
        assert children.ended() == signal.SIGKILL
        if stage.places.ledger.exists() and stage.places.ledger.stat().st_size:
            stage.verify()
            held.append(check_money(stage))
            answers_kept(stage)
    assert len(held) > KILLS / 2
    assert held == sorted(held), "what was spent is never forgotten"
    assert held[-1] > CAP * 0.9, "the budget came into play"
    check_the_run_after(stage, children)


def check_the_run_after(stage, children):
    """The next run works at once, and settles what the killed ones left open."""
    before = len(progress_of(stage))
    began = time.monotonic()
    children.start(round=KILLS, calls=60)
    assert children.ended() == 0
    assert time.monotonic() - began < 10
    ends = Counter(progress_of(stage)[before:])
    assert sum(ends.values()) == 60
    assert ends["cache"] > 0, "what killed processes had asked is there"
    stage.verify()
    check_money(stage)
    assert stage.spent()[1] == 0, "what they left open is settled"
    left = [one for one in stage.attempts() if one.outcome is None]
    assert left == []
    abandoned = [one for one in stage.attempts() if one.outcome.fields.get("error") == "abandoned"]
    assert abandoned, "some were killed while they waited for an answer"
    assert all(one.outcome.fields["charge"] == one.intent.fields["reserve"] for one in abandoned)
