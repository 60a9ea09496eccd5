"""The system call filters, assembled here because no wheel carries libseccomp.

A filter is a classic BPF program over `struct seccomp_data` (`linux/seccomp.h`): another processor mode kills
the process, listed calls fail with an error number, everything else passes. It comes on top of the tier's own
walls, so it names what has led out of them before instead of guessing what a program may need.
"""

from __future__ import annotations

import errno
import struct
from collections.abc import Iterable
from dataclasses import dataclass

from qlf.sandbox.model import SandboxUnavailable, Tier
from qlf.sandbox.syscalls import AUDIT_ARCH, NEWEST, NUMBERS

__all__ = ["build", "supported"]

_LOAD, _AND, _JUMP_EQUAL, _JUMP_ABOVE, _JUMP_SET, _RETURN = 0x20, 0x54, 0x15, 0x35, 0x45, 0x06
_ALLOW, _ERRNO, _KILL_PROCESS = 0x7FFF0000, 0x00050000, 0x80000000
_OFFSET_NUMBER, _OFFSET_ARCH, _OFFSET_ARGUMENTS = 0, 4, 16

_NEW_NAMESPACE = 0x7E020000
"""All CLONE_NEW* flags that `clone` takes."""
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C
_F_SETOWN, _F_SETSIG, _F_SETOWN_EX = 8, 10, 15
_FIOSETOWN, _SIOCSPGRP = 0x8901, 0x8902
_AF_UNIX, _AF_INET, _AF_INET6 = 1, 2, 10
_SOCK_STREAM, _SOCK_SEQPACKET, _SOCK_TYPE_MASK = 1, 5, 0xF

_DENIED = """
    acct add_key adjtimex bpf chroot clock_adjtime clock_settime create_module delete_module
    fanotify_init finit_module fsconfig fsmount fsopen fspick get_kernel_syms init_module ioperm iopl
    kcmp kexec_file_load kexec_load keyctl listmount lookup_dcookie mbind migrate_pages modify_ldt mount
    mount_setattr move_mount move_pages mq_open mq_unlink msgget name_to_handle_at nfsservctl
    open_by_handle_at open_tree open_tree_attr perf_event_open personality pidfd_getfd pivot_root
    process_madvise process_mrelease process_vm_readv process_vm_writev ptrace query_module quotactl
    quotactl_fd reboot request_key semget set_mempolicy set_mempolicy_home_node setdomainname sethostname
    setns settimeofday shmat shmctl shmget statmount swapoff swapon sysfs syslog umount2 unshare uselib
    userfaultfd ustat vhangup _sysctl
"""
_ABSENT = "clone3 io_uring_enter io_uring_register io_uring_setup memfd_create memfd_secret"
"""Fail as on an older kernel, which makes programs take their other way. The flags of `clone3` are behind a
pointer where no filter can see them; what `memfd_create` makes is counted by no limit of a process."""

_METADATA = """
    chmod chown fchmod fchmodat fchmodat2 fchown fchownat fremovexattr fsetxattr futimesat lchown lremovexattr
    lsetxattr removexattr removexattrat setxattr setxattrat utime utimensat utimes file_setattr
"""
"""Landlock does not govern these, so a program could change modes of host files of the same user. They
succeed without doing anything, because servers set the mode of their socket and stop on an error."""

_SIGNALS = "kill tkill tgkill rt_sigqueueinfo rt_tgsigqueueinfo pidfd_send_signal"


@dataclass(frozen=True, slots=True)
class _Test:
    """One condition on an argument; all conditions of a rule must hold."""

    argument: int
    kind: str
    """'any-bit', 'in', 'not-in' or 'non-zero'."""
    values: tuple[int, ...] = ()
    mask: int = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class _Rule:
    call: str
    error: int
    tests: tuple[_Test, ...] = ()


def supported(machine: str) -> bool:
    """Say whether the numbers of this processor (as in `os.uname().machine`) are known."""
    return machine in NUMBERS


def build(tier: Tier, machine: str, *, deny_signals: bool = False) -> bytes:
    """Assemble the filter of a tier.

    Args:
        tier: Which walls the filter completes.
        machine: The processor, as in `os.uname().machine`.
        deny_signals: For kernels whose Landlock cannot keep signals inside.

    Raises:
        SandboxUnavailable: The processor is unknown.
    """
    if not supported(machine):
        raise SandboxUnavailable(
            f"The sandbox knows no system call numbers for the processor {machine!r}.",
            hint=f"Run on one of: {', '.join(sorted(NUMBERS))}.",
        )
    rules = [*_common()]
    if tier is Tier.A:
        rules += _families(_AF_UNIX, _AF_INET, _AF_INET6)
    else:
        rules += [*_families(_AF_UNIX), *_without_namespaces()]
        if deny_signals:
            rules += _no_signals()
    return _assemble(rules, machine)


def _plain(names: str, error: int) -> list[_Rule]:
    return [_Rule(name, error) for name in names.split()]


def _common() -> Iterable[_Rule]:
    yield from _plain(_DENIED, errno.EPERM)
    yield from _plain(_ABSENT, errno.ENOSYS)
    yield _Rule("clone", errno.EPERM, (_Test(0, "any-bit", (_NEW_NAMESPACE,)),))
    # Both push characters into the input of a terminal, which its shell would run.
    yield _Rule("ioctl", errno.EPERM, (_Test(1, "in", (_TIOCSTI, _TIOCLINUX)),))


def _families(*allowed: int) -> list[_Rule]:
    # Netlink, packet and above all vsock are not bound to a network namespace on every kernel.
    test = (_Test(0, "not-in", allowed),)
    return [_Rule(call, errno.EAFNOSUPPORT, test) for call in ("socket", "socketpair")]


def _without_namespaces() -> Iterable[_Rule]:
    """What tier B must close because processes and sockets of the host are within reach by name."""
    yield _Rule("connect", errno.EACCES)
    yield _Rule("sendto", errno.EACCES, (_Test(4, "non-zero"),))
    # A datagram can carry its own address behind a pointer; SOCK_RAW turns into one for Unix sockets.
    streams = (_Test(1, "not-in", (_SOCK_STREAM, _SOCK_SEQPACKET), _SOCK_TYPE_MASK),)
    yield _Rule("socket", errno.EPROTONOSUPPORT, streams)
    yield _Rule("socketpair", errno.EPROTONOSUPPORT, streams)
    yield from _plain(_METADATA, 0)
    for call in ("prlimit64", "sched_setaffinity", "sched_setattr", "sched_setparam", "sched_setscheduler"):
        yield _Rule(call, errno.EPERM, (_Test(0, "non-zero"),))
    yield _Rule("setpriority", errno.EPERM, (_Test(1, "non-zero"),))
    yield _Rule("ioprio_set", errno.EPERM)


def _no_signals() -> Iterable[_Rule]:
    yield from _plain(_SIGNALS, errno.EPERM)
    # A descriptor can be told to send any signal to any process of the same user.
    yield _Rule("fcntl", errno.EPERM, (_Test(1, "in", (_F_SETOWN, _F_SETSIG, _F_SETOWN_EX)),))
    yield _Rule("ioctl", errno.EPERM, (_Test(1, "in", (_FIOSETOWN, _SIOCSPGRP)),))


def _assemble(rules: Iterable[_Rule], machine: str) -> bytes:
    program = [
        (_LOAD, 0, 0, _OFFSET_ARCH),
        (_JUMP_EQUAL, 1, 0, AUDIT_ARCH[machine]),
        (_RETURN, 0, 0, _KILL_PROCESS),
        (_LOAD, 0, 0, _OFFSET_NUMBER),
        # Also covers the x32 calls, which carry bit 30.
        (_JUMP_ABOVE, 0, 1, NEWEST),
        (_RETURN, 0, 0, _ERRNO | errno.ENOSYS),
    ]
    for rule in rules:
        number = NUMBERS[machine].get(rule.call)
        if number is None:
            continue
        body = _body(rule)
        program += [(_JUMP_EQUAL, 0, len(body), number), *body]
    program.append((_RETURN, 0, 0, _ALLOW))
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in program)


def _body(rule: _Rule) -> list[tuple[int, int, int, int]]:
    """The instructions after the number matched; they fall through with the number loaded again."""
    body: list[tuple[int, int, int, int]] = [(_RETURN, 0, 0, _ERRNO | rule.error)]
    if not rule.tests:
        return body
    body.append((_LOAD, 0, 0, _OFFSET_NUMBER))
    for test in reversed(rule.tests):
        body = _guard(test, len(body) - 1) + body
    return body


def _guard(test: _Test, miss: int) -> list[tuple[int, int, int, int]]:
    """Go on if the condition holds, else jump over `miss` instructions, to the reload."""
    low = _OFFSET_ARGUMENTS + 8 * test.argument
    if test.kind == "non-zero":
        return [
            (_LOAD, 0, 0, low),
            (_JUMP_EQUAL, 0, 2, 0),
            (_LOAD, 0, 0, low + 4),
            (_JUMP_EQUAL, miss, 0, 0),
        ]
    head = [(_LOAD, 0, 0, low), (_AND, 0, 0, test.mask)]
    if test.kind == "any-bit":
        return [*head, (_JUMP_SET, 0, miss, test.values[0])]
    count = len(test.values)
    if test.kind == "not-in":
        return head + [
            (_JUMP_EQUAL, miss + count - 1 - place, 0, value) for place, value in enumerate(test.values)
        ]
    checks = [(_JUMP_EQUAL, count - 1 - place, 0, value) for place, value in enumerate(test.values[:-1])]
    return [*head, *checks, (_JUMP_EQUAL, 0, miss, test.values[-1])]
