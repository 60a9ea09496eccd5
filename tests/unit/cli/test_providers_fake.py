"""`qlf providers fake`, as a program."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from click.testing import CliRunner

from qlf.cli.providers_fake import fake
from qlf.cli.run import Run
from qlf.errors import UsageError
from qlf.llm.config_file import parse_config

Start = Callable[..., "subprocess.Popen[str]"]
_PROGRAM = (
    "import sys\n"
    "from qlf.cli.providers_fake import fake\n"
    "from qlf.cli.run import Run\n"
    "fake.main(sys.argv[1:], standalone_mode=False, obj=Run())\n"
)


@pytest.fixture
def start() -> Iterator[Start]:
    """Start the command in a process that ends with the test."""
    running: list[subprocess.Popen[str]] = []

    def begin(*arguments: str) -> subprocess.Popen[str]:
        pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        running.append(subprocess.Popen([sys.executable, "-c", _PROGRAM, *arguments], **pipes))
        return running[-1]

    yield begin
    for one in running:
        one.kill()
        one.communicate()


def ask(url: str, text: str = "ping") -> str | None:
    with openai.OpenAI(base_url=url, api_key="canary-key-0123456789", max_retries=0, timeout=5) as client:
        answer = client.chat.completions.create(model="m", messages=[{"role": "user", "content": text}])
    return answer.choices[0].message.content


def ready(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdout is not None
    document: dict[str, Any] = json.loads(process.stdout.readline())
    assert document["event"] == "ready"
    return document


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_a_signal_and_prints_the_bill(start: Start, tmp_path: Path, number: int) -> None:
    script = tmp_path / "script.yaml"
    script.write_text("answers:\n  - text: pong\n", "utf-8")
    process = start("--script", str(script), "--json", "-v")
    document = ready(process)
    assert document["environment"]["OPENAI_BASE_URL"] == document["openai_base_url"]
    assert ask(document["openai_base_url"]) == "pong"
    process.send_signal(number)
    out, err = process.communicate(timeout=10)
    assert process.returncode == 0
    bill = json.loads(out)
    assert (bill["event"], bill["lines"][0]["requests"], bill["lines"][0]["billed"]) == ("bill", 1, 1)
    assert "1 openai m: answered 200" in err
    assert "canary" not in out + err


def test_what_it_prints_is_a_providers_yaml(start: Start, tmp_path: Path) -> None:
    script = tmp_path / "script.yaml"
    script.write_text("deployments:\n  - name: one\n  - name: eu/two\n  - name: three\n", "utf-8")
    process = start("--script", str(script))
    assert process.stdout is not None
    lines: list[str] = []
    while not (lines and lines[-1].startswith("  advanced:")):
        lines.append(process.stdout.readline())
    config = parse_config("".join(lines))
    assert [one.remote for one in config.deployments] == ["one", "three"]
    assert lines[1].startswith("#   OPENAI_BASE_URL=http://127.0.0.1:")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=10)
    assert "nothing was asked" in err


def test_it_records_and_replays(start: Start, tmp_path: Path) -> None:
    talk = str(tmp_path / "talk.jsonl")
    upstream = ready(start("--json"))["url"]
    recorder = start("--record", talk, "--upstream", upstream, "--json")
    said = ask(ready(recorder)["openai_base_url"])
    recorder.send_signal(signal.SIGTERM)
    assert json.loads(recorder.communicate(timeout=10)[0]) == {"event": "end", "recorded": 1}
    player = start("--replay", talk, "--json")
    url = ready(player)["openai_base_url"]
    assert ask(url) == said
    with pytest.raises(openai.NotFoundError):
        ask(url, "something else")
    player.send_signal(signal.SIGTERM)
    out, err = player.communicate(timeout=10)
    assert json.loads(out) == {"event": "end", "answered": 1, "not_recorded": 1}
    assert "warning: not recorded: POST /v1/chat/completions" in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--record", "x"], "--record and --upstream need one another"),
        (["--upstream", "https://example.com"], "--record and --upstream need one another"),
        (["--record", "x", "--upstream", "http://example.com"], "not encrypted"),
        (["--replay", __file__, "--script", __file__], "exclude one another"),
    ],
)
def test_options_that_do_not_go_together(arguments: list[str], said: str) -> None:
    result = CliRunner().invoke(fake, arguments, obj=Run())
    assert isinstance(result.exception, UsageError)
    assert said in result.exception.message


def test_the_schema_of_scripts() -> None:
    result = CliRunner().invoke(fake, ["--schema"], obj=Run(), standalone_mode=False)
    assert "faults" in json.loads(result.output)["properties"]


def test_a_port_that_is_taken_and_a_script_that_is_wrong(start: Start, tmp_path: Path) -> None:
    port = ready(start("--json"))["url"].rpartition(":")[2]
    _, err = start("--port", port).communicate(timeout=10)
    assert "EnvironmentUnavailable: the fake provider cannot listen" in err
    script = tmp_path / "script.yaml"
    script.write_text("faults:\n  - kind: boom\n", "utf-8")
    _, err = start("--script", str(script)).communicate(timeout=10)
    assert "is wrong at faults.0" in err


def test_an_open_address_is_warned_of(start: Start) -> None:
    process = start("--host", "0.0.0.0", "--json")
    ready(process)
    process.send_signal(signal.SIGTERM)
    assert "everybody who can reach 0.0.0.0" in process.communicate(timeout=10)[1]
