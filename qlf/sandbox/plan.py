"""From a command to the plan of the launcher: who runs it, through which program, with what in reach."""

from __future__ import annotations

import base64
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from qlf.errors import InputError
from qlf.sandbox import bubblewrap, seccomp
from qlf.sandbox.bubblewrap import Bubblewrap
from qlf.sandbox.launcher import landlock
from qlf.sandbox.launcher.stage import STAGE
from qlf.sandbox.launcher.supervise import Plan
from qlf.sandbox.model import SCRATCH, Command, Limits, Mount, Policy, Tier

__all__ = ["Wall", "caller", "make"]

_CAP_SYS_ADMIN = 21
_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
_READABLE = ("/usr", "/bin", "/lib", "/lib32", "/lib64", "/sbin", "/etc/ld.so.cache", "/etc/alternatives")
_OPEN_FILES = 1024


@dataclass(frozen=True, slots=True)
class Wall:
    """One way to confine a command on this machine."""

    tier: Tier
    program: Bubblewrap | None
    """None for Landlock."""
    user: tuple[int, int] | None
    """Whom the command runs as; None for the caller itself, which is then not root."""
    staging: bool
    """Whether the caller may bind mounts in a namespace of its own."""
    landlock: int = 0
    """Version of Landlock."""

    @property
    def owner(self) -> tuple[int, int]:
        """The user and group that writable folders must belong to."""
        return self.user or (os.getuid(), os.getgid())

    @property
    def name(self) -> str:
        return f"bubblewrap {self.program.program}" if self.program else f"Landlock version {self.landlock}"


def caller(policy: Policy) -> tuple[tuple[int, int] | None, bool]:
    """The user to change to, if the caller is root, and whether it may mount."""
    if os.geteuid() != 0:
        return None, False
    return (policy.uid, policy.gid), bool(_capabilities() >> _CAP_SYS_ADMIN & 1)


def _capabilities() -> int:
    for line in Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines():
        if line.startswith("CapEff:"):
            return int(line.split()[1], 16)
    return 0


def make(wall: Wall, command: Command, scratch: Path | None) -> Plan:
    """Write the plan.

    Args:
        wall: The way to confine.
        command: What to run.
        scratch: An empty folder of the sandbox user, for Landlock, which cannot make a `/tmp`.

    Raises:
        InputError: A mount cannot work: missing, reached through a link, or closed to the sandbox user.
    """
    for mount in command.mounts:
        _check_mount(mount, wall)
    temporary = SCRATCH if wall.tier is Tier.A else str(scratch)
    env = {"PATH": "/usr/bin:/bin", "HOME": temporary, "TMPDIR": temporary, "LANG": "C.UTF-8"}
    env |= command.env
    machine = os.uname().machine
    signals = wall.tier is Tier.B and wall.landlock < landlock.SCOPED_VERSION
    plan: Plan = {
        "parent": os.getpid(),
        "stage": [],
        "user": list(wall.user) if wall.user else None,
        "program": command.argv[0],
        "argv": list(command.argv),
        "options": None,
        "files": [],
        "confine": None,
        "env": env,
        "cwd": command.cwd if command.cwd != SCRATCH else temporary,
        "seccomp": base64.b64encode(seccomp.build(wall.tier, machine, deny_signals=signals)).decode(),
        "rlimits": _rlimits(command.limits),
        "wall": command.limits.wall_seconds,
        "memory": command.limits.memory_bytes,
        "processes": command.limits.processes,
        "folders": [str(mount.source) for mount in command.mounts if mount.writable],
        "growth": command.limits.scratch_bytes,
    }
    if wall.program is not None:
        _through_bubblewrap(plan, wall, wall.program, command)
    else:
        _through_landlock(plan, wall, command, temporary)
    return plan


def _through_bubblewrap(plan: Plan, wall: Wall, program: Bubblewrap, command: Command) -> None:
    sources = [str(mount.source) for mount in command.mounts]
    plan["program"] = str(program.program)
    if wall.staging:
        plan["program"], plan["stage"] = program.staged()
        plan["stage"] += [[source, f"mount{place}"] for place, source in enumerate(sources)]
        sources = [f"{STAGE}/mount{place}" for place in range(len(sources))]
    plan["folders"] = [
        source for source, mount in zip(sources, command.mounts, strict=True) if mount.writable
    ]
    plan["files"] = [list(file) for file in bubblewrap.FILES]
    plan["options"] = bubblewrap.options(command, plan["env"], sources)


def _through_landlock(plan: Plan, wall: Wall, command: Command, scratch: str) -> None:
    for mount in command.mounts:
        if mount.target != str(mount.source):
            raise InputError(
                f"The mount {str(mount.source)!r} cannot be shown as {mount.target!r} without namespaces.",
                hint="Make mounts with Sandbox.place, which knows where each tier shows them.",
            )
    plan["folders"].append(scratch)
    plan["confine"] = {
        "version": wall.landlock,
        "read": [path for path in _READABLE if Path(path).exists()]
        + [str(mount.source) for mount in command.mounts if not mount.writable],
        "write": [scratch, *(str(mount.source) for mount in command.mounts if mount.writable)],
        "devices": list(_DEVICES),
    }


def _rlimits(limits: Limits) -> dict[str, int]:
    return {
        "RLIMIT_AS": limits.address_bytes or limits.memory_bytes,
        "RLIMIT_CORE": 0,
        "RLIMIT_CPU": limits.cpu_seconds,
        "RLIMIT_DATA": limits.memory_bytes,
        "RLIMIT_FSIZE": limits.file_bytes,
        "RLIMIT_MEMLOCK": 65536,
        "RLIMIT_MSGQUEUE": 0,
        "RLIMIT_NOFILE": _OPEN_FILES,
        "RLIMIT_NPROC": limits.processes,
    }


def _check_mount(mount: Mount, wall: Wall) -> None:
    source = mount.source
    if not source.exists():
        raise InputError(f"The mount source {str(source)!r} does not exist.")
    if source.resolve() != source:
        raise InputError(
            f"The mount source {str(source)!r} leads through a symbolic link.",
            hint="Resolve the path before any untrusted program could write there.",
        )
    found = source.stat()
    if mount.writable and found.st_uid != wall.owner[0]:
        raise InputError(
            f"The writable mount {str(source)!r} belongs to user {found.st_uid}, "
            f"but commands run as user {wall.owner[0]}.",
            hint="Copy the files with Sandbox.workspace and mount the copy.",
        )
    needed = stat.S_IROTH | (stat.S_IXOTH if stat.S_ISDIR(found.st_mode) else 0)
    if not mount.writable and found.st_uid != wall.owner[0] and found.st_mode & needed != needed:
        raise InputError(
            f"The mount {str(source)!r} may not be read by the user {wall.owner[0]} that commands run as.",
            hint="Copy the files with Sandbox.workspace, or open the folder for reading.",
        )
