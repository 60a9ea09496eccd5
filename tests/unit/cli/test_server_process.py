"""Looking after a process group: recognising it, and ending it for sure."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest

from qlf.cli.server.process import group_members, is_alive, start_mark, stop_group

Start = Callable[[str], subprocess.Popen[bytes]]

SLEEP = "import time; time.sleep(60)"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); {SLEEP}"
PARENT = (
    f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {SLEEP!r}]); print(flush=True); {SLEEP}"
)


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a Python program as the leader of a group of its own; it prints a line when it is ready."""
    started: list[subprocess.Popen[bytes]] = []

    def run(code: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-c", code], start_new_session=True, stdout=subprocess.PIPE
        )
        started.append(process)
        return process

    yield run
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def test_a_process_is_known_by_its_mark(start: Start) -> None:
    process = start(SLEEP)
    mark = start_mark(process.pid)
    assert mark is not None
    assert is_alive(process.pid, mark)
    assert not is_alive(process.pid, mark + "0")
    assert not is_alive(os.getpid(), mark)


def test_a_process_that_ended_is_not_alive_even_before_it_is_waited_for(start: Start) -> None:
    process = start("pass")
    deadline = time.monotonic() + 10
    while start_mark(process.pid) is not None and time.monotonic() < deadline:
        time.sleep(0.02)
    assert start_mark(process.pid) is None


def test_no_process_has_no_mark() -> None:
    assert start_mark(2**22 + 1) is None


def test_a_group_ends_with_all_its_children(start: Start) -> None:
    process = start(PARENT)
    _wait_until_ready(process)
    assert len(group_members(process.pid)) == 2
    assert stop_group(process.pid, patience=5)
    assert group_members(process.pid) == []


def test_a_process_that_does_not_listen_is_killed(start: Start) -> None:
    process = start(STUBBORN)
    _wait_until_ready(process)
    begun = time.monotonic()
    assert stop_group(process.pid, patience=0.3)
    assert 0.3 <= time.monotonic() - begun < 5
    assert start_mark(process.pid) is None


def test_stopping_a_group_that_is_gone_succeeds(start: Start) -> None:
    process = start("pass")
    process.wait()
    assert stop_group(process.pid)


def _wait_until_ready(process: subprocess.Popen[bytes]) -> None:
    assert process.stdout is not None
    process.stdout.readline()
