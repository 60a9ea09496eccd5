"""`qlf cache warm`."""

from __future__ import annotations

import json
import signal
import time

import pytest

from qlf.llm.fake.hosting import serve_in_thread
from qlf.llm.fake.script import parse_script


def line(text, **more):
    request = {"messages": [{"role": "user", "text": text}], "max_output_tokens": 400}
    return {"model": "fast", "request": request, "attribution": {"agent": "backend"}, **more}


class Machine:
    def __init__(self, fake, home, folder):
        self.fake, self.home = fake, home
        self.file = folder / "calls.jsonl"
        (home / "config").mkdir(parents=True)
        (home / "config" / "providers.yaml").write_text(
            f"providers:\n  here: {{kind: openai_compatible, endpoint: '{fake.url}/v1'}}\n"
            "deployments:\n  - {provider: here, model: small, remote: one, price: {input: 1, output: 2}, "
            "batch: many, batch_price: 0.5}\nmodels:\n  small: {tier: fast, answers: ['*']}\n"
        )

    def script(self, **document):
        document.setdefault("defaults", {"price": {"input": 1, "output": 2}})
        self.fake.load(parse_script(document))

    def calls(self, *texts):
        self.file.write_text("\n".join(json.dumps(line(text)) for text in texts))
        return str(self.file)

    @property
    def batches(self):
        return sorted((self.home / "state" / "batches").glob("*.json"))


@pytest.fixture
def machine(own_home, tmp_path):
    with serve_in_thread() as fake:
        yield Machine(fake, own_home, tmp_path)


def spent(cli):
    scopes = cli("budget", "show", "--json").document["scopes"]
    month = next(one for one in scopes if one["scope"].startswith("month:"))
    return month["spent_micros"], month["reserved_micros"]


def test_a_batch_fills_the_cache_at_half_the_price(cli, machine):
    machine.script()
    file = machine.calls("a", "b", "a")
    first = cli("cache", "warm", file, "--batch", "--json")
    assert first.code == 0, first.err
    document = first.document
    assert (document["asked"], document["batched"], document["kept_before"]) == (2, 2, 1)
    assert document["cost_usd_micros"] == machine.fake.bill_micros() > 0
    assert spent(cli) == (machine.fake.bill_micros(), 0)
    again = cli("cache", "warm", file)
    assert again.code == 0
    assert "0 asked for $0.00, 3 kept before" in again.err
    assert machine.batches == []


def test_without_batch_calls_are_asked_directly(cli, machine):
    machine.script()
    answer = cli("cache", "warm", machine.calls("a", "b"), "--json")
    assert (answer.document["asked"], answer.document["batched"]) == (2, 0)
    assert answer.document["cost_usd_micros"] == machine.fake.bill_micros()


def test_a_dry_run_asks_nothing_and_shows_what_it_may_cost(cli, machine):
    machine.script()
    file = machine.calls("a", "b", "b")
    whole = cli("cache", "warm", file, "--dry-run", "--json").document
    half = cli("cache", "warm", file, "--dry-run", "--batch", "--json").document
    assert (whole["calls"], whole["kept_before"], whole["direct"], whole["batch"]) == (3, 1, 2, 0)
    assert (half["direct"], half["batch"]) == (0, 2)
    assert abs(half["max_usd_micros"] * 2 - whole["max_usd_micros"]) <= 2
    assert machine.fake.log == ()
    assert not (machine.home / "cache" / "answers").exists()
    assert "at most $" in cli("cache", "warm", file, "--dry-run").out


@pytest.mark.parametrize("how", ["--batch", "--no-batch"])
def test_a_budget_is_not_passed(cli, machine, how):
    machine.script()
    file = machine.calls(*map(str, range(12)))
    answer = cli("cache", "warm", file, how, "--budget", "0.003", "--at-once", "1", "--json")
    assert answer.code == 5
    document = answer.document
    assert document["asked"] > 0
    assert document["failed"] == 12 - document["asked"]
    assert document["cost_usd_micros"] <= 3000
    assert "the budget of the run 'warm-" in document["errors"][0]["message"]


def test_a_batch_that_is_not_waited_for_is_collected_later(cli, machine):
    machine.script(batch={"seconds": 1.0})
    file = machine.calls("a", "b")
    first = cli("cache", "warm", file, "--batch", "--wait", "0")
    assert first.code == 0
    assert "2 wait for a batch" in first.err
    assert len(machine.batches) == 1
    assert cli("cache", "clear", "--all").code == 0
    assert len(machine.batches) == 1, "what is being paid for is not part of the cache"
    second = cli("cache", "warm", file, "--batch", "--json")
    assert (second.document["batched"], second.document["waiting"]) == (2, 0)
    assert sum(record.billed for record in machine.fake.log) == 2
    assert spent(cli) == (machine.fake.bill_micros(), 0)


def test_after_a_kill_the_next_run_collects_what_was_sent(cli, machine, program):
    machine.script(batch={"seconds": 3.0})
    file = machine.calls("a", "b", "c")
    process = program("cache", "warm", file, "--batch")
    try:
        until = time.monotonic() + 30
        while not (machine.batches and '"batch":"batch_' in machine.batches[0].read_text()):
            assert process.poll() is None, process.stderr.read()
            assert time.monotonic() < until
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=20)
    finally:
        process.kill()
        process.communicate()
    answer = cli("cache", "warm", file, "--batch", "--json")
    assert answer.code == 0, answer.err
    assert answer.document["batched"] == 3
    assert sum(record.billed for record in machine.fake.log) == 3
    assert spent(cli) == (machine.fake.bill_micros(), 0)
    assert cli("audit", "verify").code == 0


def test_a_provider_that_is_down_is_an_error_of_its_family(cli, machine):
    machine.script(faults=[{"kind": "expired_key"}])
    answer = cli("cache", "warm", machine.calls("a"))
    assert answer.code == 5
    assert "warning" in answer.err
