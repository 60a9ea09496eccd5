"""Two thousand calls over two deployments: a fifth of the answers goes wrong, and one deployment dies."""

from __future__ import annotations

import asyncio
import time
from collections import Counter

import pytest

from qlf.llm.gateway import Answer

pytestmark = [pytest.mark.real, pytest.mark.timeout(200)]

CALLS = 2000
WIDE = 64
FAULTS = [
    {"kind": "throttled", "rate": 0.04, "retry_after": "milliseconds", "seconds": 0.05},
    {"kind": "error", "status": 500, "rate": 0.04},
    {"kind": "error", "status": 503, "rate": 0.02},
    {"kind": "drop", "rate": 0.02},
    {"kind": "cut", "rate": 0.02, "how": "close"},
    {"kind": "cut", "rate": 0.01, "how": "reset"},
    {"kind": "malformed_json", "rate": 0.01},
    {"kind": "html", "rate": 0.01},
    {"kind": "wrong_model", "rate": 0.01},
    {"kind": "no_usage", "rate": 0.01},
    {"kind": "slow", "seconds": 0.3, "rate": 0.01},
]
"""Together a fifth."""
DEAD = {"kind": "error", "status": 503, "deployment": "b", "from_seconds": 3, "to_seconds": 6}


async def ask_all(stage, gateway, count):
    numbers = iter(range(count))
    ended = []

    async def worker():
        for number in numbers:
            try:
                ended.append(await gateway.ask(stage.call(f"question {number}")))
            except Exception as error:  # noqa: BLE001 - whatever it is, it is counted
                ended.append(error)

    async with asyncio.timeout(150):
        await asyncio.gather(*(worker() for _ in range(WIDE)))
    return ended


async def test_two_thousand_calls_are_all_answered_once_and_the_bill_is_right(stage):
    stage.script(seed=7, faults=[DEAD, *FAULTS], defaults={"first_byte_seconds": 0.02})
    async with stage.gateway("a", "b", more="probe_seconds: 1\n") as gateway:
        ended = await ask_all(stage, gateway, CALLS)
        assert (gateway.scheduler.waiting, gateway.scheduler.in_flight) == (0, 0)
    failed = [one for one in ended if not isinstance(one, Answer)]
    assert (len(ended), failed) == (CALLS, [])
    assert {one.model for one in ended} == {"gpt-4.1"}
    check_the_bill(stage, ended)
    outcomes = Counter(record.outcome for record in stage.fake.log)
    faults = {one["kind"] if one["kind"] != "error" else "server_error" for one in FAULTS} & set(outcomes)
    assert len(faults) >= 8, f"the faults did not happen: {outcomes}"
    stage.verify()


def check_the_bill(stage, ended):
    """What the ledger says against what the provider counted, request by request.

    Equal to the micro-dollar wherever the provider said what was used. Where it did not say (the answer
    broke off, or came without counts) the reservation is charged, which is never less than the bill.
    """
    attempts = stage.attempts()
    log = {record.request_id: record for record in stage.fake.log}
    assert len(log) == len(stage.fake.log)
    answers = [
        one for one in attempts if one.outcome.fields.get("stop") and one.intent.fields["agent"] != "probe"
    ]
    assert len(answers) == len({one.intent.fields["call"] for one in answers}) == CALLS
    known = set()
    for one in attempts:
        fields = one.outcome.fields
        charge, record = fields.get("charge", 0), log.get(fields.get("request_id"))
        if record is not None:
            assert fields["request_id"] not in known, "one answer was booked twice"
            known.add(fields["request_id"])
        if fields["ending"] == "answered" and fields.get("input"):
            assert charge == record.micros > 0
        elif fields["ending"] == "refused":
            assert charge == 0 == (record.micros if record is not None else 0)
        else:
            assert charge == one.intent.fields["reserve"] >= (record.micros if record is not None else 0)
    spent, reserved = stage.spent()
    assert reserved == 0
    assert spent == sum(one.outcome.fields.get("charge", 0) for one in attempts)
    assert spent == sum(answer.cost_micros for answer in ended) + probes(attempts)
    counted = sum(one.outcome.fields.get("charge", 0) for one in attempts if exact(one))
    billed_exactly = {one.outcome.fields["request_id"] for one in attempts if exact(one)}
    assert counted == sum(log[name].micros for name in billed_exactly)
    rest = sum(record.micros for name, record in log.items() if name not in billed_exactly)
    assert stage.fake.bill_micros() == counted + rest
    assert rest <= spent - counted, "what is not known must be charged at its most"


def exact(attempt):
    return attempt.outcome.fields["ending"] == "answered" and bool(attempt.outcome.fields.get("input"))


def probes(attempts):
    return sum(
        one.outcome.fields.get("charge", 0) for one in attempts if one.intent.fields["agent"] == "probe"
    )


async def test_a_dead_deployment_is_left_after_two_failures_and_used_again_within_one_probe_interval(stage):
    stage.script(faults=[{**DEAD, "from_seconds": 0.5, "to_seconds": 3}])
    interval, began = 1.0, time.monotonic()
    answers = []
    async with stage.gateway("a", "b", more="probe_seconds: 1\n") as gateway:
        while time.monotonic() - began < 3 + interval + 1.5:
            answers.append(await gateway.ask(stage.call(f"question {len(answers)}")))
            await asyncio.sleep(0.005)
    assert all(isinstance(one, Answer) for one in answers)
    agents = {one.outcome.fields.get("request_id"): one.intent.fields["agent"] for one in stage.attempts()}
    on_b = [record for record in stage.fake.log if record.deployment == "b"]
    lost = [record for record in on_b if record.status == 503 and agents[record.request_id] != "probe"]
    assert 1 <= len(lost) <= 2, "the third request already goes elsewhere"
    back = next(record.seconds for record in on_b if record.seconds > 3 and record.outcome == "answered")
    assert back <= 3 + interval + 0.3
    used = [r.seconds for r in on_b if r.outcome == "answered" and agents[r.request_id] != "probe"]
    assert any(second > 3 for second in used), "it carries traffic again"
    assert min(second for second in used if second > 3) <= 3 + interval + 0.5
