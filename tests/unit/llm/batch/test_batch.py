"""Batches against a provider that bills them at half the price: nothing lost, nothing paid twice."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

from qlf.engine.gateway import open_gateway
from qlf.errors import BudgetRefused, ProviderError
from qlf.ledger.budget import BudgetLimits
from qlf.llm.batch import BatchLimits, BatchRuns
from qlf.llm.credential import ApiKey
from qlf.llm.failure import CallFailed, FailureKind
from qlf.llm.request import Schema

NUMBER = Schema("number", {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]})
PRICE = "price: {input: 2, output: 8}"


async def test_a_batch_costs_half_and_fills_the_cache(bench):
    bench.script()
    report = await bench.run(bench.calls(20))
    assert (report.asked, report.batched, report.failed, report.waiting) == (20, 20, 0, 0)
    assert all(record.batch for record in bench.fake.log if record.billed)
    assert report.cost_micros == bench.fake.bill_micros() > 0
    bench.check_books()
    usages = [answer.reply.usage for answer in bench.answered]
    full = sum(one.input_tokens * 2 + one.output_tokens * 8 for one in usages)
    assert abs(report.cost_micros * 2 - full) <= 20, "each line is rounded once"
    assert bench.batches == []
    assert bench.files() == [], "prompts and answers do not stay at the provider"
    again = await bench.run(bench.calls(20))
    assert (again.asked, again.kept_before, again.cost_micros) == (0, 20, 0)
    async with bench.gateway() as gateway:
        kept = await gateway.ask(bench.call("question 3"))
    assert kept.source == "cache"


async def test_equal_calls_are_sent_once(bench):
    bench.script()
    report = await bench.run([bench.call("a"), bench.call("b"), bench.call("a"), bench.call("a")])
    assert (report.asked, report.kept_before) == (2, 2)
    assert sum(record.billed for record in bench.fake.log) == 2
    assert bench.results[2].cost_micros == 0
    assert bench.results[2].reply.text == bench.results[0].reply.text
    bench.check_books()


async def test_what_is_kept_is_not_sent(bench):
    bench.script()
    async with bench.gateway() as gateway:
        await gateway.ask(bench.call("question 1"))
        report = await bench.run(bench.calls(4), gateway=gateway)
    assert (report.batched, report.kept_before) == (3, 1)
    assert bench.results[1].source == "cache"
    bench.check_books()


async def test_answers_are_held_to_their_schema_and_failures_of_lines_are_their_own(bench):
    bench.script(
        answers=[
            {"when": {"message_contains": "good"}, "data": {"n": 7}},
            {"when": {"message_contains": "bad"}, "text": '{"n": "seven"}'},
        ]
    )
    report = await bench.run([bench.call("good", schema=NUMBER), bench.call("bad", schema=NUMBER)])
    assert (report.asked, report.failed) == (1, 1)
    assert bench.results[0].reply.data == {"n": 7}
    error = bench.results[1]
    assert isinstance(error, CallFailed)
    assert [failure.kind for failure in error.attempts] == [FailureKind.SCHEMA]
    assert report.cost_micros == bench.fake.bill_micros(), "an answer that does not hold is paid all the same"
    bench.check_books()


async def test_another_model_in_an_answer_is_no_answer(bench):
    bench.script(defaults={"price": {"input": 2, "output": 8}, "model": "gpt-3.5-turbo"})
    report = await bench.run(bench.calls(2))
    assert report.failed == 2
    assert bench.results[0].attempts[0].kind is FailureKind.WRONG_MODEL
    bench.check_books()
    assert (await bench.run(bench.calls(2))).kept_before == 0


async def test_a_line_that_the_provider_refuses_is_free(bench):
    bench.script(faults=[{"kind": "error", "status": 500, "times": 1}])
    report = await bench.run(bench.calls(3))
    assert (report.asked, report.failed) == (2, 1)
    bench.check_books()


async def test_lines_that_expired_are_free_and_the_others_paid(bench):
    bench.script(batch={"outcome": "expired"})
    report = await bench.run(bench.calls(10))
    assert (report.asked, report.failed) == (5, 5)
    assert report.cost_micros == bench.fake.bill_micros() > 0
    bench.check_books()
    bench.script()
    again = await bench.run(bench.calls(10))
    assert (again.asked, again.kept_before) == (5, 5)


async def test_a_batch_that_failed_costs_nothing(bench):
    bench.script(batch={"outcome": "failed"})
    report = await bench.run(bench.calls(3))
    assert (report.failed, report.cost_micros) == (3, 0)
    assert "server_error" in bench.results[0].message
    bench.check_books()
    assert bench.batches == []


async def test_a_batch_that_runs_on_is_collected_by_the_next_run(bench):
    bench.script(batch={"seconds": 1.5})
    first = await bench.run(bench.calls(6), seconds=0.0)
    assert (first.waiting, first.failed, first.cost_micros) == (6, 0, 0)
    assert all(isinstance(one, BatchRuns) for one in bench.results.values())
    assert bench.month().reserved > 0, "it may still be charged"
    assert len(bench.batches) == 1
    assert bench.batches[0].stat().st_mode & 0o077 == 0
    assert "question" not in bench.batches[0].read_text()
    second = await bench.run(bench.calls(7))
    assert (second.asked, second.batched) == (7, 7)
    assert sum(record.billed for record in bench.fake.log) == 7
    assert any("lines done" in text for text in bench.said)
    bench.check_books()
    assert bench.batches == []


async def test_a_batch_of_other_calls_is_settled_and_its_answers_kept(bench):
    bench.script(batch={"seconds": 0.2})
    await bench.run(bench.calls(3, schema=NUMBER), seconds=0.0)
    await asyncio.sleep(0.3)
    report = await bench.run([bench.call("another")])
    assert report.asked == 1
    assert bench.batches == []
    bench.check_books()
    assert (await bench.run(bench.calls(3, schema=NUMBER))).kept_before == 3


async def test_a_large_file_is_split(bench):
    bench.script()
    report = await bench.run(bench.calls(7), limits=BatchLimits(lines=3))
    assert report.batched == 7
    report = await bench.run(bench.calls(4, limit=200), limits=BatchLimits(bytes=300))
    assert report.batched == 4
    bench.check_books()


async def test_calls_without_a_batch_api_are_asked_directly_or_not_at_all(bench):
    bench.script()
    more = (
        f"  - {{name: two, provider: here, model: small, remote: two, {PRICE}}}\n"
        "models:\n  small: {answers: ['*']}\n"
    )
    mixed = [
        bench.call("a"),
        bench.call("b", model="small"),
        bench.call("c", cached=False),
        bench.call("d", model="nonsense"),
    ]
    report = await bench.run(mixed, more=more)
    assert (report.asked, report.batched, report.failed) == (3, 1, 1)
    assert bench.results[1].deployment == "two"
    assert "nonsense" in bench.results[3].message
    bench.check_books()
    report = await bench.run([bench.call("e", model="small")], prefer="batch", more=more)
    assert "no deployment of small takes this call in a batch" in bench.results[0].message
    report = await bench.run([bench.call("f")], prefer="direct", more=more)
    assert (report.asked, report.batched) == (1, 0)
    bench.check_books()


async def test_a_spent_budget_ends_in_errors_and_what_was_reserved_is_sent(bench):
    bench.script()
    report = await bench.run(bench.calls(10), ceiling=BudgetLimits(run_micros=6000))
    refused = [one for one in bench.results.values() if isinstance(one, BudgetRefused)]
    assert 0 < report.asked < 10
    assert len(refused) == 10 - report.asked
    bench.check_books()


async def test_azure_batches_go_to_the_deployment_that_is_made_for_them(bench):
    bench.script(deployments=[{"name": "many", "model": "gpt-4.1", "price": {"input": 2, "output": 8}}])
    azure = f"kind: azure_openai, endpoint: '{bench.fake.azure_url}', api_version: '2024-10-21'"
    azure += ", credential: k"
    report = await bench.run(bench.calls(3), kind=azure, batch="batch: many")
    assert (report.batched, report.failed) == (3, 0)
    assert {record.deployment for record in bench.fake.log if record.billed} == {"many"}
    bench.check_books()


async def test_a_key_that_is_not_accepted_ends_all_calls_and_costs_nothing(bench):
    bench.script(keys={"accepted": ["another"]})
    report = await bench.run(bench.calls(3))
    assert report.failed == 3
    assert bench.results[0].attempts[0].kind is FailureKind.AUTH
    assert "canary" not in str(bench.results[0])
    bench.check_books()
    assert bench.batches == []


async def test_a_batch_that_the_provider_forgot_stays_charged(bench):
    bench.script(batch={"seconds": 60})
    await bench.run(bench.calls(2), seconds=0.0)
    reserved = bench.month().reserved
    bench.script()
    report = await bench.run(bench.calls(2))
    assert (report.failed, report.cost_micros) == (2, reserved)
    assert bench.month().spent == reserved
    assert bench.batches == []
    assert (await bench.run(bench.calls(2))).asked == 2


async def test_what_lies_in_the_folder_and_is_no_batch_is_said_and_left_alone(bench):
    bench.script()
    folder = bench.places.answers / "batches"
    folder.mkdir(parents=True)
    for number, text in enumerate(["", "{}", "[1]", '{"format": 1}', json.dumps({"format": 1, "id": 3})]):
        (folder / f"{number}.json").write_text(text)
    report = await bench.run(bench.calls(1))
    assert report.asked == 1
    assert len(bench.said) == 5
    assert len(bench.batches) == 5


async def test_a_deployment_that_is_gone_keeps_its_batch(bench):
    bench.script(batch={"seconds": 0.1})
    await bench.run(bench.calls(2), seconds=0.0)
    async with bench.gateway() as gateway:
        kept = gateway.config
    renamed = replace(kept, deployments=tuple(replace(one, name="other") for one in kept.deployments))
    async with open_gateway(
        bench.places, lambda _: ApiKey("canary-key-0001", "k@1"), config=renamed
    ) as gateway:
        report = await bench.run(bench.calls(2), gateway=gateway)
    assert report.failed == 2
    assert isinstance(bench.results[0], ProviderError)
    assert len(bench.batches) == 1
