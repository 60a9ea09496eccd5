"""A running command: its streams are drained and capped, and it never outlives its handle."""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from qlf.sandbox.launcher import watch
from qlf.sandbox.launcher.supervise import Plan
from qlf.sandbox.model import Command, Completed, SandboxFailed, Tier

__all__ = ["Process", "launch"]

_CHUNK = 65536
_START_SECONDS = 30.0
_BOOTSTRAP = (
    "import sys; sys.path.append(sys.argv[1]); from launcher import supervise; "
    "supervise.main(*map(int, sys.argv[2:]))"
)


class _Capped:
    """The first and the last half of a stream."""

    def __init__(self, limit: int) -> None:
        self.head = bytearray()
        self.tail: deque[bytes] = deque()
        self.tail_size = 0
        self.left_out = 0
        self.head_limit = limit // 2
        self.tail_limit = limit - self.head_limit

    def add(self, data: bytes) -> None:
        room = self.head_limit - len(self.head)
        if room > 0:
            self.head += data[:room]
            data = data[room:]
        if not data:
            return
        self.tail.append(data)
        self.tail_size += len(data)
        while self.tail_size > self.tail_limit:
            excess = self.tail_size - self.tail_limit
            first = self.tail.popleft()
            if len(first) > excess:
                self.tail.appendleft(first[excess:])
            self.tail_size -= min(excess, len(first))
            self.left_out += min(excess, len(first))

    def content(self) -> bytes:
        note = f"\n[{self.left_out} bytes left out]\n".encode() if self.left_out else b""
        return bytes(self.head) + note + b"".join(self.tail)


class Process:
    """A command that runs in the sandbox. Leaving its `with` block ends the whole process tree."""

    def __init__(
        self,
        supervisor: subprocess.Popen[bytes],
        control: int,
        status: int,
        command: Command,
        tier: Tier,
        finish: Callable[[], None],
    ) -> None:
        self._supervisor = supervisor
        self._control = control
        self._status = status
        self._command = command
        self._tier = tier
        self._finish = finish
        self._streams = {
            "stdout": _Capped(command.limits.output_bytes),
            "stderr": _Capped(command.limits.output_bytes),
        }
        self._news = b""
        self._first = self._first_pid = -1
        self._lock = threading.Lock()
        self._begun = threading.Event()
        self._ended = threading.Event()
        self._started_at = time.monotonic()
        self._reader = threading.Thread(target=self._drain, name="qlf-sandbox", daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    @property
    def running(self) -> bool:
        """Whether anything of the command is still alive."""
        return not self._ended.is_set()

    def output(self, tail: int = 8192) -> bytes:
        """The last bytes of standard output followed by those of standard error, so far."""
        with self._lock:
            return b"".join(stream.content()[-tail:] for stream in self._streams.values())

    def wait(self, timeout: float | None = None) -> Completed:
        """Wait for the end and say how it was.

        Raises:
            TimeoutError: The command still runs after `timeout` seconds.
            SandboxFailed: It never ran, or its supervisor was lost.
        """
        if not self._ended.wait(timeout):
            raise TimeoutError(f"{self._command.argv[0]!r} still runs after {timeout} seconds.")
        return self._completed()

    def terminate(self, grace: float = 5.0) -> Completed:
        """Ask the command to end, and end it after `grace` seconds."""
        self._order(b"T")
        if not self._ended.wait(grace):
            self._order(b"K")
        return self.wait()

    def kill(self) -> None:
        """End the whole tree now and wait until it is gone."""
        self._order(b"K")
        self._ended.wait()

    def wait_started(self) -> None:
        """Wait until the walls stand and the command was let go.

        Raises:
            SandboxFailed: They could not be built.
        """
        if not self._begun.wait(_START_SECONDS):
            self.kill()
            raise SandboxFailed("The sandbox was not ready in time.")
        if not self.running and "started" not in self._facts():
            self._completed()

    def _order(self, letter: bytes) -> None:
        with self._lock:
            if self._control >= 0:
                try:
                    os.write(self._control, letter)
                except BrokenPipeError:
                    return

    def _facts(self) -> dict[str, Any]:
        facts: dict[str, Any] = {}
        for line in self._news.splitlines():
            facts |= json.loads(line)
        return facts

    def _completed(self) -> Completed:
        facts = self._facts()
        if "code" not in facts or facts.get("left"):
            said = self._streams["stderr"].content()[-500:].decode(errors="replace").strip()
            cause = "its supervisor was lost"
            if facts.get("left"):
                cause = f"{facts['left']} of its processes could not be ended"
            reasons = ": ".join(filter(None, (facts.get("error", cause), said)))
            raise SandboxFailed(
                f"{self._command.argv[0]!r} did not run in the sandbox: {reasons}.",
                hint="`qlf doctor` tests the sandbox and says what is missing.",
            )
        reason = facts["reason"]
        return Completed(
            returncode=facts["code"],
            stdout=self._streams["stdout"].content(),
            stderr=self._streams["stderr"].content(),
            seconds=facts["seconds"],
            timed_out=reason == "timeout",
            output_truncated=any(stream.left_out for stream in self._streams.values()),
            killed_reason=reason,
            tier=self._tier,
        )

    def _drain(self) -> None:
        """Read everything until nobody holds the other ends any more, that is, until all have ended."""
        process = self._supervisor
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            with selectors.DefaultSelector() as selector:
                selector.register(process.stdout, selectors.EVENT_READ, "stdout")
                selector.register(process.stderr, selectors.EVENT_READ, "stderr")
                selector.register(self._status, selectors.EVENT_READ, "status")
                waiting = memoryview(self._command.stdin or b"")
                if process.stdin is not None:
                    os.set_blocking(process.stdin.fileno(), False)
                    selector.register(process.stdin, selectors.EVENT_WRITE, "stdin")
                open_ends = 3
                while open_ends:
                    for key, _ in selector.select():
                        if key.data == "stdin":
                            waiting = _feed(process, waiting, selector)
                        elif data := os.read(key.fd, _CHUNK):
                            self._take(key.data, data)
                        else:
                            selector.unregister(key.fileobj)
                            open_ends -= 1
                            if key.data == "status" and "left" not in self._facts():
                                self._end_without_supervisor()
        finally:
            self._close()

    def _take(self, source: str, data: bytes) -> None:
        with self._lock:
            if source == "status":
                self._news += data
                if not self._begun.is_set():
                    self._hold_first_process()
                self._begun.set()
            else:
                self._streams[source].add(data)

    def _hold_first_process(self) -> None:
        """Keep a handle on the process whose end takes all others along."""
        try:
            self._first_pid = int(self._facts()["started"])
            self._first = os.pidfd_open(self._first_pid)
        except (KeyError, ValueError, ProcessLookupError):
            return

    def _end_without_supervisor(self) -> None:
        """The kernel's own "die with parent" has a gap while the walls go up, so it is not relied on."""
        if self._first < 0:
            return
        for pid in watch.descendants(self._first_pid):
            with suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._first, signal.SIGKILL)

    def _close(self) -> None:
        self._supervisor.wait()
        for stream in (self._supervisor.stdin, self._supervisor.stdout, self._supervisor.stderr):
            if stream is not None:
                try:
                    stream.close()
                except BrokenPipeError:
                    continue
        with self._lock:
            os.close(self._control)
            os.close(self._status)
            if self._first >= 0:
                os.close(self._first)
            self._control = -1
        try:
            self._finish()
        finally:
            self._begun.set()
            self._ended.set()


def _feed(
    process: subprocess.Popen[bytes], waiting: memoryview, selector: selectors.BaseSelector
) -> memoryview:
    assert process.stdin is not None
    try:
        waiting = waiting[os.write(process.stdin.fileno(), waiting[:_CHUNK]) :] if waiting else waiting
    except BrokenPipeError:
        waiting = waiting[:0]
    if not waiting:
        selector.unregister(process.stdin)
        process.stdin.close()
    return waiting


def launch(
    plan: Plan, command: Command, tier: Tier, env: Mapping[str, str], finish: Callable[[], None]
) -> Process:
    """Start the supervisor, which starts the command.

    Args:
        plan: What the supervisor does.
        command: For its standard input and limits.
        tier: What the result says.
        env: The environment of the supervisor; nothing in it may reach the command.
        finish: Called once after everything has ended.
    """
    control_read, control_write = os.pipe()
    status_read, status_write = os.pipe()
    plan_fd = os.memfd_create("qlf-plan")
    try:
        with os.fdopen(os.dup(plan_fd), "wb") as file:
            file.write(json.dumps(plan).encode())
        os.lseek(plan_fd, 0, os.SEEK_SET)
        own = [str(descriptor) for descriptor in (plan_fd, control_read, status_write)]
        # A session of its own: a Ctrl-C in the terminal is for the caller, who ends the command in order.
        supervisor = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _BOOTSTRAP, str(Path(__file__).parent), *own],
            stdin=subprocess.DEVNULL if command.stdin is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=dict(env),
            cwd="/",
            pass_fds=(plan_fd, control_read, status_write),
            start_new_session=True,
        )
    except BaseException:
        os.close(control_write)
        os.close(status_read)
        raise
    finally:
        for descriptor in (plan_fd, control_read, status_write):
            os.close(descriptor)
    return Process(supervisor, control_write, status_read, command, tier, finish)
