"""The gateway as a whole: real adapters over HTTP, real ledger, real cache, and a provider with faults."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from qlf.core.metering import Attribution
from qlf.engine.gateway import ModelPlaces, open_gateway
from qlf.errors import BudgetRefused, KeyStoreError, LedgerUnavailable, ProviderError
from qlf.ledger.budget import BudgetLimits
from qlf.ledger.heads import load_public, parse_heads
from qlf.ledger.reader import LedgerReader
from qlf.ledger.verify import verify
from qlf.llm.config_file import parse_config
from qlf.llm.credential import ApiKey
from qlf.llm.failure import CallFailed, FailureKind
from qlf.llm.fake.hosting import serve_in_thread
from qlf.llm.fake.script import parse_script
from qlf.llm.gateway import Answer
from qlf.llm.lease import DeadlineExceeded
from qlf.llm.reply import StopReason
from qlf.llm.request import Call, Message, ModelRequest, Schema

PRICE = "price: {input: 2, output: 8}"
NUMBER = Schema("number", {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]})


def places(folder: Path) -> ModelPlaces:
    return ModelPlaces(folder / "config", folder / "ledger.db", folder / "heads.jsonl", folder / "answers")


def config(url, *names, more=""):
    rows = "".join(
        f"  - {{name: {name}, provider: here, model: gpt-4.1, remote: {name}, {PRICE}}}\n" for name in names
    )
    return parse_config(
        f"providers:\n  here: {{kind: openai_compatible, endpoint: '{url}/v1'}}\ndeployments:\n{rows}{more}",
        name="providers.yaml",
    )


def call(text="Hello", *, schema=None, limit=200, deadline=None, cached=True, run="r1"):
    return Call(
        ModelRequest((Message("user", text),), limit, schema=schema),
        "gpt-4.1",
        Attribution(run=run, agent="backend", project="p1"),
        deadline_seconds=deadline,
        use_cache=cached,
    )


class Bench:
    def __init__(self, fake, folder):
        self.fake = fake
        self.places = places(folder)

    @asynccontextmanager
    async def gateway(self, *names, more="", ceiling=None, credentials=None):
        async with open_gateway(
            self.places,
            credentials or (lambda _: ApiKey("sk-canary-value-of-a-key", "k@1")),
            config=config(self.fake.url, *(names or ("gpt-4.1",)), more=more),
            ceiling=ceiling,
        ) as gateway:
            yield gateway

    def entries(self, kind=None):
        with LedgerReader(self.places.ledger) as ledger:
            return [entry for entry in ledger.entries() if kind in (None, str(entry.kind))]

    @property
    def sent(self):
        try:
            return self.entries("intent")
        except LedgerUnavailable:
            # Its first transaction is not there yet.
            return []

    def month(self):
        with LedgerReader(self.places.ledger) as ledger:
            return next(total for scope, total in ledger.totals().items() if scope.startswith("month:"))


async def until_sent(bench):
    """Until an intent is on record; the ledger may just be being made, in another thread."""
    async with asyncio.timeout(10):
        while True:
            with suppress(LedgerUnavailable):
                if bench.entries("intent"):
                    return
            await asyncio.sleep(0.01)


@pytest.fixture
def bench(tmp_path):
    with serve_in_thread() as fake:
        yield Bench(fake, tmp_path)


def script(bench, **document):
    document.setdefault("defaults", {"price": {"input": 2, "output": 8}, "model": "gpt-4.1"})
    bench.fake.load(parse_script(document))


async def test_an_answer_is_paid_once_and_then_kept(bench):
    script(bench)
    async with bench.gateway() as gateway:
        first = await gateway.ask(call())
        again = await gateway.ask(call())
    assert (first.source, first.attempts, first.deployment) == ("provider", 1, "gpt-4.1")
    assert first.cost_micros == bench.fake.bill_micros() == bench.month().spent
    assert (again.source, again.cost_micros, again.reply.text) == ("cache", 0, first.reply.text)
    assert again.worth_micros == first.cost_micros
    assert len(bench.fake.log) == 1
    assert [str(entry.kind) for entry in bench.entries()] == ["start", "intent", "outcome", "served"]


async def test_equal_calls_at_the_same_time_are_asked_once(bench):
    script(bench, defaults={"first_byte_seconds": 0.1, "model": "gpt-4.1"})
    async with bench.gateway() as gateway:
        answers = await asyncio.gather(*(gateway.ask(call(schema=NUMBER)) for _ in range(8)))
    assert sorted(answer.source for answer in answers) == ["flight"] * 7 + ["provider"]
    assert len(bench.fake.log) == 1
    answers[0].reply.data["n"] = "changed"
    assert "changed" not in [answer.reply.data["n"] for answer in answers[1:]], "each has its own JSON"


async def test_a_failing_deployment_is_left_for_another_of_the_same_model(bench):
    script(bench, faults=[{"kind": "error", "status": 500, "deployment": "a"}])
    async with bench.gateway("a", "b") as gateway:
        answers = [await gateway.ask(call(str(number), cached=False)) for number in range(8)]
        state = {one.name: one.state for one in gateway.scheduler.snapshot()}
    assert {answer.deployment for answer in answers} == {"b"}
    assert sum(record.deployment == "a" for record in bench.fake.log) <= 2, "two failures open the breaker"
    assert state["a"] != "closed"
    assert sum(answer.cost_micros for answer in answers) == bench.fake.bill_micros()


async def test_another_model_in_the_answer_is_no_answer_and_is_paid(bench):
    script(bench, faults=[{"kind": "wrong_model", "model": "gpt-3.5-turbo-0125", "deployment": "a"}])
    async with bench.gateway("a", "b") as gateway:
        answers = [await gateway.ask(call(str(number), cached=False)) for number in range(4)]
    assert {answer.deployment for answer in answers} == {"b"}
    assert bench.month().spent == bench.fake.bill_micros()
    assert {entry.fields.get("error") for entry in bench.entries("outcome")} >= {"wrong_model"}


async def test_when_nothing_else_may_answer_the_call_fails_with_all_causes(bench):
    script(bench, faults=[{"kind": "expired_key"}])
    async with bench.gateway() as gateway:
        with pytest.raises(CallFailed) as caught:
            await gateway.ask(call())
    assert [failure.kind for failure in caught.value.attempts] == [FailureKind.AUTH]
    assert bench.month().spent == 0
    assert "canary" not in str(caught.value)


async def test_a_call_that_could_pass_the_budget_is_refused_before_it_is_sent(bench):
    script(bench)
    async with bench.gateway(ceiling=BudgetLimits(run_micros=100)) as gateway:
        with pytest.raises(BudgetRefused):
            await gateway.ask(call())
        assert gateway.scheduler.in_flight == 0
    assert bench.fake.log == ()


async def test_a_burst_never_spends_more_than_the_budget(bench):
    script(
        bench, defaults={"first_byte_seconds": 0.02, "price": {"input": 2, "output": 8}, "model": "gpt-4.1"}
    )
    cap = 20_000
    async with bench.gateway(ceiling=BudgetLimits(run_micros=cap)) as gateway:
        ended = await asyncio.gather(
            *(gateway.ask(call(str(number), cached=False)) for number in range(64)), return_exceptions=True
        )
    answered = [one for one in ended if isinstance(one, Answer)]
    assert all(isinstance(one, Answer | BudgetRefused) for one in ended)
    assert 0 < len(answered) < 64
    assert sum(one.cost_micros for one in answered) == bench.fake.bill_micros() <= cap


async def test_a_deadline_ends_a_call_that_waits_and_says_what_held_it_back(bench):
    script(bench, faults=[{"kind": "throttled", "retry_after": "seconds", "seconds": 30}])
    async with bench.gateway() as gateway:
        with pytest.raises(DeadlineExceeded, match="deadline passed") as caught:
            await gateway.ask(call(deadline=0.3))
    assert [failure.kind for failure in caught.value.attempts] == [FailureKind.THROTTLED]


async def test_a_caller_that_goes_away_leaves_its_reservation_charged_and_settled(bench):
    script(bench, defaults={"first_byte_seconds": 30, "model": "gpt-4.1"})
    async with bench.gateway() as gateway:
        task = asyncio.create_task(gateway.ask(call()))
        await until_sent(bench)
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert gateway.scheduler.in_flight == 0
    (outcome,) = bench.entries("outcome")
    assert outcome.fields["error"] == "cancelled"
    assert bench.month().spent == bench.entries("intent")[0].fields["reserve"]


async def test_what_the_check_refuses_is_not_kept(bench):
    script(bench)

    def refuse(reply):
        raise ValueError(f"not this: {len(reply.text)}")

    async with bench.gateway() as gateway:
        with pytest.raises(ValueError, match="not this"):
            await gateway.ask(call(), refuse)
        answer = await gateway.ask(call())
    assert answer.source == "provider"


async def test_an_answer_cut_at_its_limit_is_handed_on_and_not_kept(bench):
    script(bench, faults=[{"kind": "truncated", "requests": [1]}])
    async with bench.gateway() as gateway:
        cut = await gateway.ask(call())
        whole = await gateway.ask(call())
    assert (cut.reply.stop, whole.reply.stop) == (StopReason.MAX_TOKENS, StopReason.END)
    assert whole.source == "provider"


async def test_a_stream_ends_with_the_whole_answer_and_is_kept(bench):
    script(bench)
    async with bench.gateway() as gateway:
        pieces = [piece async for piece in gateway.stream(call())]
        again = [piece async for piece in gateway.stream(call())]
    answer = pieces[-1]
    assert isinstance(answer, Answer)
    assert "".join(piece.text for piece in pieces[:-1]) == answer.reply.text
    assert len(pieces) > 2
    assert answer.reply.first_token_seconds is not None
    assert again[-1].source == "cache"
    assert bench.month().spent == bench.fake.bill_micros()


async def test_a_stream_that_breaks_before_its_first_piece_is_repeated(bench):
    script(bench, faults=[{"kind": "cut", "after_chunks": 0, "requests": [1]}])
    async with bench.gateway("a", "b") as gateway:
        pieces = [piece async for piece in gateway.stream(call())]
    assert pieces[-1].attempts == 3, "the first request to each deployment was cut"
    assert "".join(piece.text for piece in pieces[:-1]) == pieces[-1].reply.text


async def test_a_stream_that_breaks_in_the_middle_is_an_error_and_stays_charged(bench):
    script(bench, faults=[{"kind": "cut", "after_chunks": 2}])
    seen = []

    async def read(gateway):
        async for piece in gateway.stream(call()):
            seen.append(piece)  # noqa: PERF401 - what came before the error counts

    async with bench.gateway("a", "b") as gateway:
        with pytest.raises(CallFailed, match="broke off") as caught:
            await read(gateway)
        assert gateway.scheduler.in_flight == 0
    assert seen
    assert [failure.kind for failure in caught.value.attempts] == [FailureKind.CUT]
    assert bench.month().spent == bench.entries("intent")[0].fields["reserve"]


async def test_a_reader_that_stops_in_the_middle_of_a_stream_settles_it(bench):
    script(bench, defaults={"chunk_seconds": 0.05, "model": "gpt-4.1"})
    async with bench.gateway() as gateway:
        stream = gateway.stream(call())
        await anext(stream)
        await stream.aclose()
        assert gateway.scheduler.in_flight == 0
    (outcome,) = bench.entries("outcome")
    assert outcome.fields["error"] == "cancelled"


@pytest.mark.parametrize("streamed", [False, True])
async def test_a_key_that_was_replaced_meanwhile_is_used_at_once(bench, streamed):
    script(bench, keys={"accepted": ["new-value-of-the-key"]})
    keys = iter([ApiKey("old-value-of-the-key", "k@1"), ApiKey("new-value-of-the-key", "k@2")])
    async with bench.gateway(credentials=lambda _: next(keys)) as gateway:
        if streamed:
            answer = [piece async for piece in gateway.stream(call())][-1]
        else:
            answer = await gateway.ask(call())
        assert gateway.scheduler.in_flight == 0
    assert answer.source == "provider"
    assert [entry.fields["key"] for entry in bench.entries("intent")] == ["k@1", "k@2"]
    assert bench.month().spent == bench.fake.bill_micros()


async def test_a_key_that_stays_refused_is_tried_once(bench):
    script(bench, keys={"accepted": ["another-value-of-a-key"]})
    async with bench.gateway() as gateway:
        with pytest.raises(CallFailed):
            await gateway.ask(call())
        assert gateway.scheduler.in_flight == 0
    assert len(bench.fake.log) == 1


async def test_a_missing_key_stops_the_call_before_anything_is_recorded_as_spent(bench):
    def missing(provider):
        raise KeyStoreError("there is no such key")

    script(bench)
    async with bench.gateway(credentials=missing) as gateway:
        with pytest.raises(KeyStoreError):
            await gateway.ask(call())
        assert gateway.scheduler.in_flight == 0
    assert bench.fake.log == ()


async def test_an_unknown_model_is_one_clear_sentence(bench):
    async with bench.gateway() as gateway:
        with pytest.raises(ProviderError, match="there is no model") as caught:
            await gateway.ask(Call(ModelRequest((Message("user", "x"),), 5), "gtp-4.1"))
    assert caught.value.exit_code == 5


async def test_a_dead_deployment_comes_back_within_one_probe_interval(bench):
    script(bench, faults=[{"kind": "error", "status": 503, "times": 2}])
    async with bench.gateway(more="probe_seconds: 1\n") as gateway:
        answer = await gateway.ask(call(deadline=5))
    assert answer.attempts == 3
    assert "probe" in {entry.fields.get("agent") for entry in bench.entries("intent")}


async def test_the_ledger_verifies_afterwards_and_holds_no_text(bench):
    script(bench, faults=[{"kind": "error", "status": 500, "every": 3}])
    async with bench.gateway("a", "b") as gateway:
        await asyncio.gather(*(gateway.ask(call(f"canary prompt {number}")) for number in range(12)))
    with LedgerReader(bench.places.ledger) as ledger:
        heads = parse_heads(bench.places.heads.read_bytes())
        found = verify(ledger, public_key=load_public(bench.places.signing_key), heads=heads)
    assert found.intact, found.problem
    assert found.heads >= len(heads) > 0
    for path in (bench.places.ledger, bench.places.heads):
        assert b"canary" not in path.read_bytes()
    attempts = bench.entries("intent")
    assert len(attempts) == len(bench.entries("outcome")) == len(bench.fake.log)
