"""What the guide to models shows is accepted."""

from __future__ import annotations

import json
import re
from pathlib import Path

from qlf.llm.cache_warm import read_calls
from qlf.llm.config_file import parse_config

GUIDE = (Path(__file__).parents[2] / "docs" / "how-to" / "connect-a-model.md").read_text()


def snippet(kind):
    return re.findall(rf"```{kind}\n(.*?)```", GUIDE, re.DOTALL)[0]


def test_the_providers_are_a_valid_file():
    config = parse_config(snippet("yaml"))
    assert [one.model for one in config.deployments] == ["gpt-4.1", "claude-sonnet-4-5"]


def test_the_call_can_be_warmed(tmp_path):
    file = tmp_path / "calls.jsonl"
    file.write_text(json.dumps(json.loads(snippet("json"))))
    (call,) = read_calls(file)
    assert call.request.max_output_tokens == 500
    assert call.attribution.agent == "backend"
    assert json.loads(snippet("json"))["model"] == call.model
