"""A canary key, planted everywhere, is found nowhere: what a whole machine shows of it is searched.

Blocks in a real Prefect database are searched in `tests/blocks/test_server.py`.
"""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from qlf.llm.cache_disk import AnswerStore
from qlf.llm.fake.script import parse_script

pytestmark = [pytest.mark.real, pytest.mark.timeout(120)]

CANARY = "sk-proj-Canary7f3a91d04be62c58Canary7f3a91d04be62c58"
FORMS = (
    CANARY.encode(),
    base64.b64encode(CANARY.encode())[4:-4],
    CANARY[8:].encode(),
    CANARY.encode("utf-16-le"),
)
QLF = [sys.executable, "-c", "import sys; from qlf.cli import main; sys.exit(main())"]
DRIVER = [sys.executable, Path(__file__).with_name("canary_driver.py")]
ECHO = f"Incorrect API key provided: {CANARY}. You can find your API key at https://example.com."


class Machine:
    """A home of its own, and everything that was printed."""

    def __init__(self, home: Path, url: str) -> None:
        self.home = home
        self.printed: list[str] = []
        keep = {name: os.environ[name] for name in ("PATH", "TMPDIR", "LANG") if name in os.environ}
        self.environ = {**keep, "HOME": str(home / "user"), "QLF_HOME": str(home / "qlf"), "NO_COLOR": "1"}
        self.configure(url, "main")

    def configure(self, url: str, credential: str) -> None:
        text = (
            f"providers:\n  here: {{kind: openai_compatible, endpoint: '{url}', "
            f"credential: '{credential}'}}\n"
            "deployments:\n"
            "  - {provider: here, model: gpt-4.1, remote: gpt-4.1, name: a, price: {input: 2, output: 8}}\n"
        )
        for folder in (self.home / "qlf" / "config", self.home / "driver" / "config"):
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "providers.yaml").write_text(text)

    def qlf(self, *arguments: str, stdin: str = "", **environ: str) -> int:
        done = subprocess.run(
            [*QLF, *arguments],
            env={**self.environ, **environ},
            cwd=self.home,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
        )
        self.printed += [done.stdout, done.stderr]
        return done.returncode

    def leaks(self) -> list[str]:
        """Where the canary is: files in any form, compressed answers, and what was printed."""
        found = [
            str(path.relative_to(self.home))
            for path in self.home.rglob("*")
            if path.is_file() and holds(path.read_bytes())
        ]
        for folder in (self.home / "driver" / "answers", self.home / "qlf" / "cache" / "answers"):
            if folder.exists():
                store = AnswerStore(folder, 10**9, print)
                kept = {key: str(store.get(key)).encode() for key in store.keys()}  # noqa: SIM118 - no mapping
                found += [f"answer {key}" for key, answer in kept.items() if holds(answer)]
                store.close()
        return found + [text for text in self.printed if holds(text.encode())]


def holds(data: bytes) -> bool:
    return any(form in data for form in FORMS)


@pytest.fixture
def machine(provider, tmp_path):
    answers = [{"when": {"message_contains": "echo"}, "text": f"Your key is {CANARY}."}]
    faults = [
        {"kind": "error", "status": 401, "message": ECHO, "requests": [2, 7]},
        {"kind": "error", "status": 400, "message": ECHO, "requests": [3, 8]},
        {"kind": "slow", "seconds": 60, "requests": [6]},
    ]
    defaults = {"model": "gpt-4.1", "price": {"input": 2, "output": 8}}
    provider.load(parse_script({"defaults": defaults, "answers": answers, "faults": faults}))
    return Machine(tmp_path, provider.openai_url)


def processes_with_the_canary(allowed: set[int]) -> list[str]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        for name in ("cmdline", "environ"):
            with suppress(OSError):
                if int(folder.name) not in allowed and holds((folder / name).read_bytes()):
                    found.append(f"{folder.name}/{name}")
        with suppress(OSError):
            if holds((folder / "cmdline").read_bytes()):
                found.append(f"{folder.name}/cmdline")
    return found


def run_driver_until_it_waits(machine):
    """The driver hangs in a call at its end; meanwhile processes are looked at, then it is aborted."""
    folder = machine.home / "driver"
    with (
        (folder / "stderr.txt").open("wb") as errors,
        subprocess.Popen(
            [*DRIVER, folder],
            env={**machine.environ, "OPENAI_API_KEY": CANARY},
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as driver,
    ):
        for line in driver.stdout:
            machine.printed.append(line)
            if line.startswith("waits"):
                break
        time.sleep(0.3)
        seen = processes_with_the_canary({driver.pid})
        driver.send_signal(signal.SIGABRT)
        assert driver.wait(20) == -signal.SIGABRT
    return seen


def test_a_canary_key_is_found_nowhere(machine, provider):
    assert run_driver_until_it_waits(machine) == []
    said = (machine.home / "driver" / "stderr.txt").read_text()
    assert "401" in said or "auth" in said.lower() or "credential" in said, "the refusals were seen"
    assert len(provider.log) >= 5
    assert (machine.home / "driver" / "spans.txt").stat().st_size > 1000
    assert machine.leaks() == []


def test_the_command_line_keeps_a_canary_key_to_itself(machine, provider):
    assert (
        machine.qlf(
            "keys", "add", "main", "--kind", "openai_compatible", "--stdin", "--store", "local", stdin=CANARY
        )
        == 0
    )
    codes = [machine.qlf("--debug", "-v", "providers", "check", "a") for _ in range(3)]
    assert codes == [0, 5, 5], machine.printed
    machine.configure(provider.openai_url, "env:OPENAI_API_KEY")
    assert machine.qlf("--debug", "providers", "check", "--json", OPENAI_API_KEY=CANARY) == 0
    assert machine.qlf("--debug", "providers", "list", "--json", OPENAI_API_KEY=CANARY) == 0
    machine.configure(f"http://user:{CANARY}@127.0.0.1:1/v1", "main")
    assert machine.qlf("--debug", "providers", "list") == 5, "an address with a password in it is refused"
    machine.configure(provider.openai_url, CANARY)
    assert machine.qlf("--debug", "providers", "check") == 5, "a key in the place of a name"
    for path in machine.home.rglob("providers.yaml"):
        path.unlink()
    assert machine.qlf("keys", "list", "--all", "--json") == 0
    assert machine.qlf("audit", "tail", "--json") == 0
    assert machine.leaks() == []


def test_a_recording_holds_no_canary(machine, provider):
    recording = machine.home / "cassette.jsonl"
    command = [*QLF, "providers", "fake", "--json", "--record", recording, "--upstream", provider.url]
    with subprocess.Popen(
        command,
        env=machine.environ,
        cwd=machine.home,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as recorder:
        url = json.loads(recorder.stdout.readline())["url"]
        machine.configure(f"{url}/v1", "env:OPENAI_API_KEY")
        for _ in range(4):
            machine.qlf("providers", "check", OPENAI_API_KEY=CANARY)
        recorder.send_signal(signal.SIGINT)
        machine.printed += list(recorder.communicate(timeout=20))
    assert recording.stat().st_size > 100
    assert machine.leaks() == []
