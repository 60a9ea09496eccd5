"""`qlf cache`: the part about answers of models."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from qlf.cli.cache_answers import usd
from qlf.core.metering import Attribution, Usage
from qlf.llm.cache import Cache, CachedReply
from qlf.llm.cache_key import CacheKey, key_of
from qlf.llm.fake.hosting import serve_in_thread
from qlf.llm.reply import Reply, StopReason
from qlf.llm.request import Call, Message, ModelRequest


def key(text: str) -> CacheKey:
    call = Call(ModelRequest((Message("user", text),), 10), "m", Attribution(agent="backend", task="t"))
    return key_of(call, "model")


@pytest.fixture
def filled(own_home: Path) -> None:
    cache = Cache(own_home / "cache" / "answers")
    reply = Reply("an answer" * 500, StopReason.END, Usage(100, 20), "m")
    for text in ("one", "two", "three"):
        cache.get(key(text))
        cache.put(key(text), CachedReply.of(reply, model="model", cost_micros=2_000_000))
    cache.get(key("one"))
    cache.close()


def test_stats_show_hits_savings_and_reasons(cli, filled):
    document = cli("cache", "stats", "--json").document
    assert document["results"] == 0
    answers = document["answers"]
    assert (answers["entries"], answers["hits"], answers["misses"]) == (3, 1, 3)
    assert answers["saved_usd_micros"] == 2_000_000
    (agent,) = answers["agents"]
    assert agent["hit_rate"] == 0.25
    assert agent["reasons"] == {"messages": 2, "first": 1}
    text = cli("cache", "stats").out
    assert "$2.00" in text
    assert "messages (2)" in text


def test_stats_of_an_unused_cache_make_nothing(cli, own_home):
    assert cli("cache", "stats", "--json").document["answers"]["entries"] == 0
    assert not (own_home / "cache" / "answers").exists()


def test_prune_takes_answers_by_size_and_by_age(cli, filled):
    assert cli("cache", "prune").code == 0
    assert cli("cache", "stats", "--json").document["answers"]["entries"] == 3
    assert cli("cache", "prune", "--max-answers", "0").code == 0
    assert cli("cache", "stats", "--json").document["answers"]["entries"] == 0


def test_prune_by_age_removes_what_is_older(cli, filled):
    assert cli("cache", "prune", "--max-age", "1").code == 0
    assert cli("cache", "stats", "--json").document["answers"]["entries"] == 3
    assert cli("cache", "prune", "--max-age", "0").code == 0
    assert cli("cache", "stats", "--json").document["answers"]["entries"] == 0


def test_clear_takes_the_answers_too(cli, filled):
    assert cli("cache", "clear", "--json").document["freed_bytes"] >= 0
    answers = cli("cache", "stats", "--json").document["answers"]
    assert (answers["entries"], answers["agents"]) == (0, [])


def test_a_wrong_configuration_does_not_keep_anybody_from_clearing(cli, filled, own_home):
    (own_home / "config").mkdir()
    (own_home / "config" / "providers.yaml").write_text("nonsense")
    answer = cli("cache", "clear")
    assert answer.code == 0
    assert "warning" in answer.err


def test_a_damaged_database_is_told_and_replaced(cli, filled, own_home):
    (own_home / "cache" / "answers" / "cache.db").write_text("no database" * 1000)
    answer = cli("cache", "stats")
    assert answer.code == 0
    assert "was damaged" in answer.err


def test_warm_asks_once_and_finds_the_answer_the_second_time(cli, own_home, tmp_path):
    lines = [
        {
            "model": "fast",
            "request": {"messages": [{"role": "user", "text": text}], "max_output_tokens": 4000},
            "attribution": {"agent": "backend"},
        }
        for text in ("one", "two", "one")
    ]
    file = tmp_path / "calls.jsonl"
    file.write_text("\n".join(json.dumps(line) for line in lines))
    (own_home / "config").mkdir(parents=True)
    with serve_in_thread() as fake:
        (own_home / "config" / "providers.yaml").write_text(
            f"providers:\n  here: {{kind: openai_compatible, endpoint: '{fake.url}/v1'}}\n"
            "deployments:\n  - {provider: here, model: small, remote: fake-fast, "
            "price: {input: 1, output: 2}}\n"
            "models:\n  small: {tier: fast, answers: ['*']}\n"
        )
        first = cli("cache", "warm", str(file), "--json")
        second = cli("cache", "warm", str(file), "--json")
        asked = len(fake.log)
    assert first.code == second.code == 0, first.err
    assert (first.document["asked"], first.document["kept_before"]) == (2, 1)
    assert first.document["cost_usd_micros"] > 0
    assert (second.document["asked"], second.document["kept_before"]) == (0, 3)
    assert second.document["cost_usd_micros"] == 0
    assert asked == 2
    answers = cli("cache", "stats", "--json").document["answers"]
    assert answers["hits"] == 2
    assert answers["saved_usd_micros"] > 0


def test_warm_names_a_wrong_line(cli, tmp_path):
    (tmp_path / "calls.jsonl").write_text("{}")
    answer = cli("cache", "warm", str(tmp_path / "calls.jsonl"))
    assert answer.code == 3
    assert "line 1" in answer.err


@pytest.mark.parametrize(
    ("micros", "shown"),
    [(0, "$0.00"), (1_250_000, "$1.25"), (1_234_567_000, "$1,234.57"), (4200, "$0.0042"), (1, "$0.000001")],
)
def test_amounts_for_people(micros: int, shown: str):
    assert usd(micros) == shown
