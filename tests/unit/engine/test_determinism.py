"""The whole pipeline, from a brief through all agents, gives the same bytes in every surrounding."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

GENERATE = """
import json, sys
from pathlib import Path
from typing import Any
from qlf.engine.context import EngineContext
from qlf.engine.generate import generate
from qlf.engine.request import GenerateRequest

home = Path(sys.argv[1])
brief = "A car rental: customers book cars by the day. Cars have a plate and a daily price."
request = GenerateRequest(source=brief, verify="none")
result = generate(request, home / "out", EngineContext(home=home / "cache"))
print(result.tree.digest, result.to_json()["spec_digest"], result.misses)
"""

SURROUNDINGS = [
    {"PYTHONHASHSEED": "0", "TZ": "UTC", "LC_ALL": "C.UTF-8", "LANG": "C.UTF-8"},
    {"PYTHONHASHSEED": "1", "TZ": "Asia/Kathmandu", "LC_ALL": "C", "PYTHONUTF8": "0"},
    {"PYTHONHASHSEED": "4242", "TZ": "Pacific/Apia", "LC_ALL": "tr_TR.UTF-8", "COLUMNS": "40"},
]


@pytest.mark.timeout(180)
def test_bytes_do_not_depend_on_hash_order_time_zone_or_locale(tmp_path: Path) -> None:
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    processes = []
    for number, surrounding in enumerate(SURROUNDINGS):
        folder = tmp_path / str(number)
        folder.mkdir()
        environment = {"PATH": os.environ["PATH"], "HOME": str(folder), **surrounding}
        command = [sys.executable, "-c", GENERATE, str(folder)]
        processes.append(subprocess.Popen(command, cwd=folder, env=environment, **pipes))
    answers = set()
    for process in processes:
        answer, error = process.communicate(timeout=170)
        assert process.returncode == 0, error
        answers.add(answer)
    assert len(answers) == 1
    assert answers.pop().strip().endswith(" 8"), "every step was done, none was found in a store"
