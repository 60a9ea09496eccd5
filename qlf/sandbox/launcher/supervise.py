"""Start one confined command, enforce what the kernel does not, and leave nothing running.

Called as `main(plan, control, status)` with three descriptors. `plan` holds the JSON of `Plan`. `control`
takes `T` (ask the command to end) and `K` (end it); its end of file means that the caller is gone. `status`
receives one JSON object a line: `started`, then how it ended, or `error`.
"""

# ruff: noqa: BLE001, S108, S606 - a child after a fork must not go on in the code of its parent

from __future__ import annotations

import base64
import ctypes
import fcntl
import json
import os
import resource
import select
import signal
import time
from collections.abc import Callable
from typing import Any, TypedDict

from . import landlock, stage, watch

_TICK = 0.2
"""Seconds between two looks at memory and disk."""
_DISK_SHARE = 10
"""Measuring the disk may take one part in this many of the time."""
_SETUP_SECONDS = 20.0
_MEMORY_FOLDERS = ("/tmp", "/dev/shm")
_PR_SET_CHILD_SUBREAPER = 36


class Plan(TypedDict):
    """What the caller decided."""

    parent: int
    stage: list[list[str]]
    user: list[int] | None
    program: str
    argv: list[str]
    """Of bubblewrap without its options, or of the command itself for Landlock."""
    options: list[str] | None
    """Of bubblewrap; None for Landlock."""
    files: list[list[str]]
    """Path inside and text of small files that are made up for the sandbox."""
    confine: landlock.Rules | None
    env: dict[str, str]
    cwd: str
    seccomp: str
    rlimits: dict[str, int]
    wall: float
    memory: int
    processes: int
    folders: list[str]
    growth: int


def main(plan_fd: int, control: int, status: int) -> None:
    """Run the plan; every failure is told through `status`, never through the streams of the command."""
    # They came by inheritance; passed on, they would let the command write its own verdict.
    for descriptor in (plan_fd, control, status):
        fcntl.fcntl(descriptor, fcntl.F_SETFD, fcntl.FD_CLOEXEC)
    try:
        with os.fdopen(plan_fd, "rb") as file:
            plan: Plan = json.load(file)
        done = _Run(plan, control, status).run()
    except Exception as error:
        done = {"error": f"{type(error).__name__}: {error}"}
    left = watch.end_all(os.getpid())
    _tell(status, done | {"left": left})


def _tell(status: int, news: dict[str, Any]) -> None:
    try:
        os.write(status, json.dumps(news).encode() + b"\n")
    except BrokenPipeError:
        return


class _Run:
    def __init__(self, plan: Plan, control: int, status: int) -> None:
        self.plan = plan
        self.control = control
        self.status = status
        self.reason: str | None = None
        self.init = 0
        """The process whose end takes all others along: the first of the namespace, or the command."""

    def run(self) -> dict[str, Any]:
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        if self.plan["stage"]:
            stage.stage(self.plan["stage"])
        inside = self.plan["options"] is not None
        child, reports = self._spawn_bubblewrap() if inside else (self._spawn_landlock(), -1)
        self.begun = time.monotonic()
        _tell(self.status, {"started": self.init})
        code = _shell_code(self._wait(child))
        if inside:
            # Only bubblewrap can tell its own failure to start from a command that ended with 1.
            said = _read_rest(reports)
            if self.reason is None and b'"exit-code"' not in said:
                return {"error": "the program could not be started"}
        if code == 128 + signal.SIGXCPU:
            self.reason = self.reason or "cpu"
        return {"code": code, "reason": self.reason, "seconds": time.monotonic() - self.begun}

    def _spawn_bubblewrap(self) -> tuple[int, int]:
        plan = self.plan
        report_read, report_write = os.pipe()
        block_read, block_write = os.pipe()
        options = ["--seccomp", str(_memory_file(base64.b64decode(plan["seccomp"])))]
        options += ["--json-status-fd", str(report_write), "--block-fd", str(block_read)]
        for path, text in plan["files"]:
            options += ["--perms", "0444", "--file", str(_memory_file(text.encode())), path]
        options += plan["options"] or []
        # Options travel in memory: the environment of the command must not be in the list of processes.
        packed = _memory_file(b"".join(os.fsencode(word) + b"\0" for word in options))
        for descriptor in (report_write, block_read):
            fcntl.fcntl(descriptor, fcntl.F_SETFD, 0)
        argv = [plan["program"], "--args", str(packed), "--", *plan["argv"]]
        child = _spawn(lambda: _become(plan["user"], plan["program"], argv, {}))
        for descriptor in (report_write, block_read):
            os.close(descriptor)
        self.init = _first_process(report_read)
        # Set from outside and late: only now does the limit on processes count those of this sandbox alone,
        # because the kernel counts by user namespace.
        _as_user(plan["user"], lambda: _limit(self.init, plan["rlimits"]))
        os.write(block_write, b"1")
        os.close(block_write)
        return child, report_read

    def _spawn_landlock(self) -> int:
        plan = self.plan
        rules = plan["confine"]
        if rules is None:
            raise ValueError("the plan holds neither options nor rules")

        def body() -> None:
            os.setsid()
            landlock.confine(
                rules, plan["user"], plan["rlimits"], plan["cwd"], base64.b64decode(plan["seccomp"])
            )
            os.execvpe(plan["argv"][0], plan["argv"], plan["env"])

        self.init = _spawn(body)
        return self.init

    def _wait(self, child: int) -> int:
        """Watch until the child ends and return its wait status."""
        process = os.pidfd_open(child)
        poll = select.poll()
        poll.register(process, select.POLLIN)
        poll.register(self.control, select.POLLIN)
        next_disk = 0.0
        baseline = watch.disk(self.plan["folders"]) or 0
        while True:
            ready = dict(poll.poll(_TICK * 1000))
            if process in ready:
                os.close(process)
                return os.waitpid(child, 0)[1]
            if self.control in ready and not self._obey():
                poll.unregister(self.control)
            now = time.monotonic()
            if os.getppid() != self.plan["parent"]:
                self._end("abandoned")
            elif now - self.begun > self.plan["wall"]:
                self._end("timeout")
            else:
                next_disk = self._measure(now, next_disk, baseline)

    def _measure(self, now: float, next_disk: float, baseline: int) -> float:
        below = [self.init, *watch.descendants(self.init)]
        memory, threads = watch.usage(below)
        limit = self.plan["memory"]
        if memory > limit and (watch.fair_memory(below) or memory) > limit:
            self._end("memory")
        if self.plan["options"] is not None and watch.crowded(below, _MEMORY_FOLDERS):
            self._end("disk")
        # The first process of a namespace is ours, so it is not counted.
        if threads - 1 > self.plan["processes"]:
            self._end("processes")
        if not self.plan["folders"] or now < next_disk:
            return next_disk
        size = watch.disk(self.plan["folders"])
        if size is None or size - baseline > self.plan["growth"]:
            self._end("disk")
        after = time.monotonic()
        return after + _DISK_SHARE * (after - now)

    def _obey(self) -> bool:
        """Follow what the caller wrote; False at its end."""
        orders = os.read(self.control, 64)
        if not orders:
            self._end("abandoned")
            return False
        if b"K" in orders:
            self._end("killed")
        elif self.reason is None:
            self.reason = "terminated"
            for pid in self._asked():
                _send(pid, signal.SIGTERM)
        return True

    def _asked(self) -> list[int]:
        """Who is asked to end: the command, which has the first process of a namespace above it."""
        if self.plan["options"] is None:
            return [self.init]
        return [pid for pid in watch.descendants(self.init) if watch.parent_of(str(pid)) == self.init]

    def _end(self, reason: str) -> None:
        if self.reason in (None, "terminated"):
            self.reason = reason if self.reason is None else "killed"
        _send(self.init, signal.SIGKILL)


def _spawn(body: Callable[[], None]) -> int:
    """Fork, run `body` in the child, and return its id once it has become another program.

    Raises:
        RuntimeError: With what went wrong in the child.
    """
    trouble_read, trouble_write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            body()
        except BaseException as error:
            os.write(trouble_write, f"{type(error).__name__}: {error}".encode(errors="replace"))
        os._exit(126)
    os.close(trouble_write)
    trouble = _read_rest(trouble_read)
    if trouble:
        os.waitpid(child, 0)
        raise RuntimeError(trouble.decode(errors="replace"))
    return child


def _become(user: list[int] | None, program: str, argv: list[str], env: dict[str, str]) -> None:
    landlock.drop(user)
    os.execve(program, argv, env)


def _as_user(user: list[int] | None, body: Callable[[], None]) -> None:
    """Do something as the user of the command: the kernel lets only the same user, or root with one more
    capability than many containers leave it, set the limits of another process."""
    if user is None:
        body()
        return
    trouble_read, trouble_write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            landlock.drop(user)
            body()
        except BaseException as error:
            os.write(trouble_write, f"{type(error).__name__}: {error}".encode(errors="replace"))
        os._exit(0)
    os.close(trouble_write)
    trouble = _read_rest(trouble_read)
    os.waitpid(child, 0)
    if trouble:
        raise RuntimeError(trouble.decode(errors="replace"))


def _limit(pid: int, rlimits: dict[str, int]) -> None:
    for name, value in rlimits.items():
        number = getattr(resource, name)
        ceiling = resource.prlimit(pid, number)[1]
        soft = value if ceiling == resource.RLIM_INFINITY else min(value, ceiling)
        # At the soft limit the kernel sends SIGXCPU, which tells what happened; at the hard one, SIGKILL.
        hard = soft + 1 if name == "RLIMIT_CPU" and soft != ceiling else soft
        resource.prlimit(pid, number, (soft, hard))


def _memory_file(content: bytes) -> int:
    descriptor = os.memfd_create("qlf", 0)
    os.write(descriptor, content)
    os.lseek(descriptor, 0, os.SEEK_SET)
    fcntl.fcntl(descriptor, fcntl.F_SETFD, 0)
    return descriptor


def _first_process(reports: int) -> int:
    """Read the id of the first process of the namespace from the reports of bubblewrap."""
    said = b""
    deadline = time.monotonic() + _SETUP_SECONDS
    while b"\n" not in said and time.monotonic() < deadline:
        if select.select([reports], [], [], 0.5)[0]:
            chunk = os.read(reports, 4096)
            if not chunk:
                break
            said += chunk
    line = said.partition(b"\n")[0]
    if not line:
        raise RuntimeError("bubblewrap could not build the namespaces")
    return int(json.loads(line)["child-pid"])


def _read_rest(descriptor: int) -> bytes:
    said = b""
    while chunk := os.read(descriptor, 4096):
        said += chunk
    os.close(descriptor)
    return said


def _shell_code(wait_status: int) -> int:
    code = os.waitstatus_to_exitcode(wait_status)
    return code if code >= 0 else 128 - code


def _send(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
