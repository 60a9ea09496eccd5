"""`qlf providers`: what is configured, and whether it answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from qlf.llm.config_file import parse_config
from qlf.llm.fake.hosting import serve_in_thread

KEY = "sk-abcdefghijklmnopqrstuvwxyz0123456789ABCD"


@pytest.fixture(autouse=True)
def no_providers(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in list(os.environ):
        if name.startswith(("AWS_", "AZURE_OPENAI_", "OPENAI_")):
            monkeypatch.delenv(name)


@pytest.fixture
def configure(own_home: Path) -> Callable[[str], None]:
    def write(text: str) -> None:
        folder = own_home / "config"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "providers.yaml").write_text(text)

    return write


@pytest.fixture
def fake() -> Iterator[Any]:
    with serve_in_thread() as provider:
        yield provider


def local(url: str, extra: str = "") -> str:
    return (
        f"providers:\n  here: {{kind: openai_compatible, endpoint: '{url}/v1'}}\n"
        "deployments:\n  - {provider: here, model: small, remote: fake-fast, price: free}\n"
        f"{extra}models:\n  small: {{tier: fast, answers: ['*']}}\n"
    )


def test_the_example_is_a_configuration(cli):
    answer = cli("providers", "example")
    assert answer.code == 0
    config = parse_config(answer.out)
    assert len(config.deployments) == 4
    assert set(config.tiers) == {"fast", "balanced", "advanced"}


def test_without_providers_the_list_is_empty_and_says_what_to_do(cli):
    answer = cli("providers", "list")
    assert (answer.code, answer.out) == (0, "")
    assert "providers example" in answer.err
    assert cli("providers", "list", "--json").document["deployments"] == []
    assert cli("providers", "check").code == 5


def test_the_list_shows_price_end_of_life_limits_and_the_key_by_name_only(cli, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    answer = cli("providers", "list", "--json")
    rows = {row["name"]: row for row in answer.document["deployments"]}
    row = rows["openai/gpt-5"]
    assert row["credential"] == "env:OPENAI_API_KEY"
    assert row["credential_state"] == "set"
    assert row["price"]["input"] == "1.25"
    assert row["tier"] == "advanced"
    assert row["end_of_life"]["date"] == "2026-12-11"
    assert isinstance(row["end_of_life"]["days_left"], int)
    assert "come from the environment" in answer.document["notices"][-1]
    assert KEY not in answer.out + answer.err
    text = cli("providers", "list")
    assert "1.25/10" in text.out
    assert "2026-12-11" in text.out
    assert KEY not in text.out + text.err


def test_a_key_that_is_not_kept_is_shown_as_missing(cli, configure):
    configure(
        "providers:\n  aws: {kind: bedrock, region: us-east-1, credential: aws-main}\n"
        "deployments:\n  - {provider: aws, model: claude-sonnet-5-5, rpm: 7}\n"
    )
    (row,) = cli("providers", "list", "--json").document["deployments"]
    assert row["credential_state"] == "missing"
    assert row["limits"]["rpm"] == 7
    assert row["where"] == "us-east-1"
    assert "key aws-main: missing" in " ".join(cli("providers", "list").out.split())


def test_a_wrong_file_ends_with_code_five_and_its_line(cli, configure):
    configure("providers:\n  a: {kind: bedrok}\ndeployments: []\n")
    answer = cli("providers", "list")
    assert answer.code == 5
    assert "line 2" in answer.err
    assert "did you mean 'bedrock'" in " ".join(answer.err.split())


def test_check_asks_each_deployment_once(cli, configure, fake):
    configure(local(fake.url))
    answer = cli("providers", "check", "--json")
    assert answer.code == 0, answer.err
    (result,) = answer.document["checks"]
    assert (result["name"], result["state"]) == ("here/small", "answers")
    assert len(fake.log) == 1


def test_check_names_what_does_not_answer(cli, configure, fake):
    row = "  - {provider: gone, model: small, remote: x, name: dead, price: free}\n"
    text = local(fake.url, row).replace(
        "deployments:",
        "  gone: {kind: openai_compatible, endpoint: 'http://127.0.0.1:1/v1'}\ndeployments:",
        1,
    )
    configure(text)
    answer = cli("providers", "check", "--json")
    assert answer.code == 5
    states = {one["name"]: one["state"] for one in answer.document["checks"]}
    assert states == {"here/small": "answers", "dead": "fails"}
    assert cli("providers", "check", "here").code == 0
    assert cli("providers", "check", "dead").code == 5
    unknown = cli("providers", "check", "deed")
    assert unknown.code == 5
    assert "did you mean 'dead'" in " ".join(unknown.err.split())


def test_check_without_its_key_says_so(cli, configure):
    configure(
        "providers:\n  o: {kind: openai_compatible, endpoint: 'https://api.openai.com/v1', "
        "credential: 'env:OPENAI_API_KEY'}\ndeployments:\n  - {provider: o, model: gpt-6-luna}\n"
    )
    answer = cli("providers", "check", "--json")
    assert answer.code == 5
    assert "OPENAI_API_KEY, which is not set" in answer.document["checks"][0]["said"]


def test_fake_is_loaded_when_it_is_asked_for(cli):
    assert "fake" in cli("providers", "--help").out
    assert cli("providers", "fake", "--help").code == 0
