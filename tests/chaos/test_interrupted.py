"""Ctrl-C in the middle of `qlf cache warm`: what was paid is kept, and the rest goes on the next time."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest

pytestmark = [pytest.mark.real, pytest.mark.timeout(120)]

CALLS = 120
QLF = [sys.executable, "-c", "import sys; from qlf.cli import main; sys.exit(main())"]


@pytest.fixture
def home(stage, tmp_path):
    config = tmp_path / "home" / "config"
    config.mkdir(parents=True)
    text = stage.config("a", "b").replace(
        "kind: openai_compatible", "kind: openai_compatible, credential: 'env:OPENAI_API_KEY'"
    )
    (config / "providers.yaml").write_text(text)
    lines = [
        {
            "model": "gpt-4.1",
            "request": {"messages": [{"role": "user", "text": f"warm {n}"}], "max_output_tokens": 100},
        }
        for n in range(CALLS)
    ]
    (tmp_path / "calls.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return tmp_path / "home"


@pytest.fixture
def warm(home, tmp_path):
    keep = {name: os.environ[name] for name in ("PATH", "TMPDIR", "LANG") if name in os.environ}
    environ = {**keep, "HOME": str(home), "QLF_HOME": str(home), "OPENAI_API_KEY": "sk-chaos-key-0123456789"}

    def start():
        return subprocess.Popen(
            [*QLF, "cache", "warm", "--no-batch", "--at-once", "8", tmp_path / "calls.jsonl"],
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start


def test_an_interrupted_warming_goes_on_where_it_was(stage, home, warm):
    stage.script(defaults={"first_byte_seconds": 0.15})
    first = warm()
    while len(stage.fake.log) < 24:
        time.sleep(0.05)
        assert first.poll() is None
    first.send_signal(signal.SIGINT)
    said = first.communicate(timeout=30)[1]
    assert first.returncode == 130, said
    assert "Traceback" not in said
    asked = len(stage.fake.log)
    assert asked < CALLS
    stage.places = type(stage.places)(
        home / "config", home / "state" / "ledger" / "ledger.db", home / "data" / "ledger-heads.jsonl", home
    )
    stage.verify()
    assert stage.spent()[1] == 0, "nothing stays reserved"
    stage.script(defaults={"first_byte_seconds": 0.0})
    second = warm()
    said = second.communicate(timeout=60)
    assert second.returncode == 0, said
    assert CALLS - asked <= len(stage.fake.log) <= CALLS - asked + 8, "only what was not kept is asked again"
    stage.verify()
    assert stage.spent()[1] == 0
