"""What a caller hands to the sandbox and what comes back: plain frozen values."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from qlf.errors import EnvironmentUnavailable, InputError, InternalError

__all__ = [
    "Command",
    "Completed",
    "Limits",
    "Mount",
    "Policy",
    "SandboxFailed",
    "SandboxUnavailable",
    "Tier",
]

MIB = 1024 * 1024

SCRATCH = "/tmp"  # noqa: S108 - inside the sandbox, an empty tmpfs of its own
"""Where a command may leave temporary files."""

NOBODY = 65533
"""The unprivileged id used when the caller is root. 65534 is `nobody`, which owns files of network
shares; 65520..65533 belong to nothing on a systemd machine."""

_RESERVED_TARGETS = ("/proc", "/dev", "/sys")


class SandboxUnavailable(EnvironmentUnavailable):
    """No tier that the policy accepts passes its self-test on this machine."""


class SandboxFailed(InternalError):
    """The command did not start inside the sandbox, or its supervisor was lost."""


class Tier(StrEnum):
    """How strongly a command is kept apart from the machine."""

    A = "namespaces"
    """bubblewrap: own users, processes, network, mounts; seccomp; resource limits."""
    B = "landlock"
    """Landlock, seccomp and resource limits. No network at all, file names of the host can be listed by
    guessing (not read), and Unix sockets can be served but not connected to."""

    @property
    def letter(self) -> str:
        return self.name

    def satisfies(self, minimum: Tier) -> bool:
        """Say whether this tier is at least as strong as `minimum`."""
        return self.name <= minimum.name


@dataclass(frozen=True, slots=True)
class Limits:
    """What a command may use before it is stopped."""

    cpu_seconds: int = 60
    """Processor time of one process, in seconds."""
    wall_seconds: float = 120.0
    """Time from start to the forced end of the whole process tree, in seconds."""
    memory_bytes: int = 1024 * MIB
    """Data of one process, and resident memory of the whole tree."""
    processes: int = 128
    """Processes and threads alive at once."""
    file_bytes: int = 64 * MIB
    """Largest file that may be written."""
    output_bytes: int = MIB
    """Kept from standard output and from standard error, each: first and last half."""
    scratch_bytes: int = 256 * MIB
    """Size of `/tmp`, and how much all writable mounts together may grow."""
    address_bytes: int | None = None
    """Address space of one process; None means `memory_bytes`. JavaScript engines reserve far more than
    they use and need a larger number here."""

    def __post_init__(self) -> None:
        for name in self.__slots__:
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise InputError(f"The limit {name!r} is {value!r}, but a limit must be positive.")


@dataclass(frozen=True, slots=True)
class Mount:
    """A host folder or file that the command can see."""

    source: Path
    """Absolute and free of symbolic links: a link planted by an earlier run must not choose what is shown."""
    target: str
    """Where the command sees it."""
    writable: bool = False

    def __post_init__(self) -> None:
        if not self.source.is_absolute():
            raise InputError(f"The mount source {str(self.source)!r} must be an absolute path.")
        target = self.target
        if (
            target == "/"
            or not target.startswith("/")
            or target.startswith("//")
            or posixpath.normpath(target) != target
        ):
            raise InputError(f"The mount target {target!r} must be a normal absolute path below '/'.")
        if any(target == top or target.startswith(top + "/") for top in _RESERVED_TARGETS):
            raise InputError(f"The mount target {target!r} would hide a system folder of the sandbox.")
        if "\0" in target + str(self.source):
            raise InputError("A mount path may not hold a zero byte.")


@dataclass(frozen=True, slots=True)
class Command:
    """One program to run inside the sandbox."""

    argv: tuple[str, ...]
    cwd: str = SCRATCH
    """As the command sees it."""
    env: Mapping[str, str] = field(default_factory=dict)
    """The whole environment, beside PATH, HOME, TMPDIR and LANG, which have defaults."""
    mounts: tuple[Mount, ...] = ()
    limits: Limits = field(default_factory=Limits)
    stdin: bytes | None = None

    def __post_init__(self) -> None:
        if not self.argv or not self.argv[0]:
            raise InputError("A command needs at least the name of a program.")
        words = [*self.argv, self.cwd, *self.env.keys(), *self.env.values()]
        if any("\0" in word for word in words):
            raise InputError("A command and its environment may not hold a zero byte.")
        if any(not name or "=" in name for name in self.env):
            raise InputError("The name of an environment variable may be neither empty nor hold '='.")
        if not self.cwd.startswith("/"):
            raise InputError(f"The working directory {self.cwd!r} must be absolute.")


@dataclass(frozen=True, slots=True)
class Completed:
    """How a command ended."""

    returncode: int
    """As a shell says it: 128 + n after signal n."""
    stdout: bytes
    stderr: bytes
    seconds: float
    timed_out: bool
    output_truncated: bool
    killed_reason: str | None
    """None, or 'timeout', 'memory', 'processes', 'disk', 'cpu', 'terminated' or 'killed'."""
    tier: Tier

    @property
    def ok(self) -> bool:
        """True if the program itself ended with status 0 and nothing stopped it."""
        return self.returncode == 0 and self.killed_reason is None


@dataclass(frozen=True, slots=True)
class Policy:
    """Which sandbox a caller accepts."""

    minimum: Tier = Tier.B
    """The weakest tier that is good enough; evidence for others should demand `Tier.A`."""
    uid: int = NOBODY
    """The user that commands run as when the caller is root."""
    gid: int = NOBODY
    bwrap: Path | None = None
    """A particular bubblewrap; None tries the packaged one, then `search_path`."""
    search_path: str = "/usr/local/bin:/usr/bin:/bin"

    def __post_init__(self) -> None:
        if self.uid <= 0 or self.gid <= 0:
            raise InputError("The sandbox user and group must not be root.")
