"""Confine this very process with Landlock, a system call filter and limits: the tier without namespaces.

Numbers and structures are those of `linux/landlock.h`; what each version of the interface added is described
in the kernel's `Documentation/userspace-api/landlock.rst`.
"""

# ruff: noqa: PTH116, PTH208 - runs at every start of a command

from __future__ import annotations

import ctypes
import os
import resource
import signal
import stat
import struct
from typing import TypedDict

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION_FLAG = 1
_RULE_PATH_BENEATH = 1
_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, _PR_SET_NO_NEW_PRIVS, _PR_SET_PDEATHSIG = 22, 2, 38, 1

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_REMOVE_DIR, _REMOVE_FILE, _MAKE_DIR, _MAKE_REG, _MAKE_SOCK = 1 << 4, 1 << 5, 1 << 7, 1 << 8, 1 << 9
_MAKE_FIFO, _MAKE_SYM, _REFER, _TRUNCATE = 1 << 10, 1 << 12, 1 << 13, 1 << 14
_READ = _EXECUTE | _READ_FILE | _READ_DIR
_WRITE = (
    _WRITE_FILE | _REMOVE_DIR | _REMOVE_FILE | _MAKE_DIR | _MAKE_REG | _MAKE_SOCK | _MAKE_FIFO | _MAKE_SYM
)
_FILE_RIGHTS = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE
_ALL_BY_VERSION = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1, 5: (1 << 16) - 1}
_NET_TCP = 0b11
_SCOPE_ABSTRACT_SOCKETS_AND_SIGNALS = 0b11

SCOPED_VERSION = 6
"""From this version on signals stay inside."""
LEAST_VERSION = 3
"""Before this version files outside could be cut to nothing."""


class Rules(TypedDict):
    """What the command may reach."""

    version: int
    read: list[str]
    write: list[str]
    devices: list[str]


def version() -> int:
    """The version of Landlock that this kernel offers; 0 if none."""
    found = ctypes.CDLL(None, use_errno=True).syscall(_CREATE_RULESET, None, 0, _VERSION_FLAG)
    return max(int(found), 0)


def drop(user: list[int] | None) -> None:
    """Become another user for good; None keeps the one that runs."""
    if user is None:
        return
    uid, gid = user
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    if os.getresuid() != (uid, uid, uid) or os.getresgid() != (gid, gid, gid):
        raise PermissionError("the user did not change")


def confine(rules: Rules, user: list[int] | None, rlimits: dict[str, int], cwd: str, filter_: bytes) -> None:
    """Close everything but the given paths, for this process and all that come from it.

    Raises:
        OSError: The kernel refused a step; the process must not go on.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    ruleset = _ruleset(libc, rules)
    drop(user)
    # With namespaces the kernel counts processes by sandbox; here it counts all of the user.
    offset = {"RLIMIT_NPROC": _own_threads()}
    for name, value in rlimits.items():
        number = getattr(resource, name)
        wanted = value + offset.get(name, 0)
        ceiling = resource.getrlimit(number)[1]
        soft = wanted if ceiling == resource.RLIM_INFINITY else min(wanted, ceiling)
        hard = soft + 1 if name == "RLIMIT_CPU" and ceiling == resource.RLIM_INFINITY else soft
        resource.setrlimit(number, (soft, hard))
    os.chdir(cwd)
    # After the change of user, which would clear it.
    _check(libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "prctl")
    _check(libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no new privileges")
    _check(libc.syscall(_RESTRICT_SELF, ruleset, 0), "landlock_restrict_self")
    os.close(ruleset)
    code = ctypes.create_string_buffer(filter_, len(filter_))
    program = struct.pack("@HP", len(filter_) // 8, ctypes.addressof(code))
    _check(libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, program, 0, 0), "seccomp")


def _ruleset(libc: ctypes.CDLL, rules: Rules) -> int:
    known = rules["version"]
    handled = _ALL_BY_VERSION[min(known, max(_ALL_BY_VERSION))]
    fields = [handled]
    if known >= 4:
        fields.append(_NET_TCP)
    if known >= SCOPED_VERSION:
        fields.append(_SCOPE_ABSTRACT_SOCKETS_AND_SIGNALS)
    attributes = struct.pack(f"={len(fields)}Q", *fields)
    ruleset = libc.syscall(_CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), 0)
    if ruleset < 0:
        _check(-1, "landlock_create_ruleset")
    writing = (_READ | _WRITE | _REFER | _TRUNCATE) & handled
    for paths, rights in (
        (rules["read"], _READ),
        (rules["write"], writing),
        (rules["devices"], _READ_FILE | _WRITE_FILE),
    ):
        for path in paths:
            _allow(libc, ruleset, path, rights & handled)
    return int(ruleset)


def _allow(libc: ctypes.CDLL, ruleset: int, path: str, rights: int) -> None:
    descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
        rights &= _FILE_RIGHTS
    rule = struct.pack("=Qi", rights, descriptor)
    _check(libc.syscall(_ADD_RULE, ruleset, _RULE_PATH_BENEATH, rule, 0), f"landlock_add_rule {path}")
    os.close(descriptor)


def _own_threads() -> int:
    """Threads of the current user on the whole machine."""
    count = 0
    for name in os.listdir("/proc"):
        try:
            if name.isdigit() and os.stat(f"/proc/{name}").st_uid == os.getuid():
                count += len(os.listdir(f"/proc/{name}/task"))
        except OSError:
            continue
    return count


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
