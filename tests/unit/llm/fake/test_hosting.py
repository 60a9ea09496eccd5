"""The fake provider in a thread and in a process of its own."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from pathlib import Path

import openai
import pytest

from qlf.errors import EnvironmentUnavailable
from qlf.llm.fake.hosting import FakeProcess, FakeThread, serve_in_process, serve_in_thread
from qlf.llm.fake.script import parse_script

PONG = parse_script({"answers": [{"text": "pong"}], "defaults": {"price": {"input": 1, "output": 1}}})


def ask(fake: FakeThread | FakeProcess) -> str | None:
    with openai.OpenAI(base_url=fake.openai_url, api_key="x", max_retries=0, timeout=5) as client:
        answer = client.chat.completions.create(model="m", messages=[{"role": "user", "content": "ping"}])
    return answer.choices[0].message.content


def use(fake: FakeThread | FakeProcess) -> None:
    assert ask(fake) == "pong"
    assert [one.deployment for one in fake.log] == ["m"]
    assert fake.bill_micros() == fake.bill_micros("m") == fake.bill[0].micros == 2
    fake.load(parse_script({"seed": 5, "answers": [{"text": "again"}]}))
    assert fake.log == ()
    assert ask(fake) == "again"
    fake.reset()
    assert fake.bill == ()


def test_in_a_thread() -> None:
    with serve_in_thread(PONG) as fake:
        use(fake)
        fake.refuse()
        with pytest.raises(openai.APIConnectionError):
            ask(fake)
        fake.accept()
        assert ask(fake) == "again"
        taken = serve_in_thread(port=int(fake.url.rpartition(":")[2]))
        with pytest.raises(EnvironmentUnavailable, match="cannot listen"), taken:
            pass


def test_a_thread_ends_though_an_answer_hangs() -> None:
    with serve_in_thread(parse_script({"faults": [{"kind": "hang"}]})) as fake:
        client = openai.OpenAI(base_url=fake.openai_url, api_key="x", max_retries=0, timeout=0.1)
        with pytest.raises(openai.APITimeoutError), client:
            client.chat.completions.create(model="m", messages=[{"role": "user", "content": "ping"}])


def test_in_a_process() -> None:
    with serve_in_process(PONG) as fake:
        assert fake.account_url("eu") == f"{fake.url}/accounts/eu"
        use(fake)
        assert fake.cpu_seconds > 0
        pid = fake.pid
    assert not Path(f"/proc/{pid}").exists()


def test_the_process_ends_with_its_parent() -> None:
    program = (
        "from qlf.llm.fake.hosting import serve_in_process\n"
        "import os\n"
        "with serve_in_process() as fake:\n"
        "    print(fake.pid, flush=True)\n"
        "    os._exit(0)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30)
    pid = int(done.stdout)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            if "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text("utf-8"):
                time.sleep(0.05)
                continue
        return
    pytest.fail("the process is still there")


def test_importing_it_loads_nothing_heavy() -> None:
    program = (
        "import sys; import qlf.llm.fake.server, qlf.llm.fake.hosting;"
        "print([one for one in ('openai', 'boto3', 'aiohttp', 'diskcache') if one in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30)
    assert done.stdout.strip() == "[]"
