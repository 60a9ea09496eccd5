"""What a run would cost, shown before it starts."""

from __future__ import annotations

import pytest

BRIEF = "a list of books with title and author"


@pytest.fixture
def configured(own_home):
    folder = own_home / "config"
    folder.mkdir(parents=True)
    (folder / "providers.yaml").write_text(
        "providers:\n  here: {kind: openai_compatible, endpoint: 'http://127.0.0.1:9/v1'}\n"
        "deployments:\n"
        "  - {provider: here, model: gpt-4.1, remote: a, price: {input: 2, output: 8}}\n"
        "  - {provider: here, model: gpt-4.1-mini, remote: b, price: {input: 1, output: 4}}\n"
    )


def dry(cli, *more):
    answer = cli("generate", BRIEF, "--dry-run", "--json", *more)
    assert answer.code == 0, answer.err
    return answer.document["estimate"]


def test_the_template_engine_costs_nothing(cli):
    assert dry(cli)["max_micros"] == 0
    assert "The cost: nothing" in cli("generate", BRIEF, "--dry-run").out


def test_the_sum_is_that_of_the_agents_and_follows_the_prices(cli, configured):
    dear = dry(cli, "--engine", "llm", "--model", "gpt-4.1")
    cheap = dry(cli, "--engine", "llm", "--model", "gpt-4.1-mini")
    roles = {one["agent"] for one in dear["agents"]}
    assert roles == {"backend", "database", "api", "test", "devops", "docs"}
    for name in ("min_micros", "expected_micros", "max_micros"):
        assert dear[name] == sum(one[name] for one in dear["agents"])
    assert 0 < dear["min_micros"] <= dear["expected_micros"] < dear["max_micros"]
    assert cheap["max_micros"] * 2 == pytest.approx(dear["max_micros"], abs=20)


def test_a_model_that_is_not_configured_is_one_sentence(cli, configured):
    answer = cli("generate", BRIEF, "--dry-run", "--engine", "llm", "--model", "claude-sonnet")
    assert answer.code == 5
    assert "no deployment of" in answer.err
    assert "configured are: gpt-4.1" in answer.err
    assert "compile the brief" not in answer.err, "it is said before any work is done"


def test_a_model_for_the_template_engine_is_refused(cli):
    assert cli("generate", BRIEF, "--model", "fast").code == 2
