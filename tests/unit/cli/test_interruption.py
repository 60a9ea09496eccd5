"""A signal stops what a worker thread waits for, so that the process ends at once."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest

from qlf.cli.interruption import Terminated, interruptions

WAITING = """
import subprocess, sys
from concurrent.futures import ThreadPoolExecutor
from qlf.cli.interruption import Terminated, interruptions
try:
    with interruptions(), ThreadPoolExecutor() as pool:
        future = pool.submit(subprocess.run, ["sleep", "60"], start_new_session=True)
        print("ready", flush=True)
        future.result()
except KeyboardInterrupt:
    print("interrupted", flush=True)
except Terminated:
    print("terminated", flush=True)
"""


@pytest.mark.parametrize(
    ("number", "word"), [(signal.SIGINT, b"interrupted\n"), (signal.SIGTERM, b"terminated\n")]
)
def test_a_thread_that_waits_for_a_program_holds_nothing_up(number: signal.Signals, word: bytes) -> None:
    with subprocess.Popen([sys.executable, "-c", WAITING], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(0.2)
        begun = time.monotonic()
        process.send_signal(number)
        assert process.stdout.read() == word
        process.wait(timeout=20)
    assert time.monotonic() - begun < 5


def test_the_handlers_of_before_come_back() -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with interruptions():
        assert signal.getsignal(signal.SIGTERM) is not before[1]
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_an_ignored_interrupt_stays_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with interruptions():
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_termination_is_not_swallowed_as_an_ordinary_error() -> None:
    assert not issubclass(Terminated, Exception)
