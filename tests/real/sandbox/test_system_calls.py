"""System calls that a program in the sandbox may not make."""

from __future__ import annotations

import os

import pytest

pytestmark = pytest.mark.real


DANGEROUS = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
numbers = dict(zip(sys.argv[1::2], map(int, sys.argv[2::2])))
for name, number in numbers.items():
    flag = {"unshare": 0x10000000, "clone": 0x10000000 | 17, "setns": 3}.get(name, 0)
    result = libc.syscall(number, flag, 0, 0, 0, 0)
    if result == 0 and name == "clone":
        os._exit(0)
    print(name, "came through" if result >= 0 else ctypes.get_errno())
"""


def test_dangerous_system_calls_are_refused(run):
    from qlf.sandbox.syscalls import NUMBERS

    machine = os.uname().machine
    names = [
        "ptrace",
        "mount",
        "umount2",
        "unshare",
        "setns",
        "clone",
        "bpf",
        "io_uring_setup",
        "keyctl",
        "add_key",
        "perf_event_open",
        "userfaultfd",
        "process_vm_readv",
        "pidfd_getfd",
        "kexec_load",
        "init_module",
        "open_by_handle_at",
        "pivot_root",
        "chroot",
        "move_mount",
        "fsopen",
        "memfd_secret",
        "name_to_handle_at",
        "clone3",
        "swapon",
        "reboot",
        "settimeofday",
        "syslog",
        "shmget",
        "mq_open",
    ]
    arguments = [word for name in names for word in (name, str(NUMBERS[machine][name]))]
    done = run(DANGEROUS, *arguments)
    assert done.ok, done.stderr
    said = dict(line.split(" ", 1) for line in done.stdout.decode().splitlines())
    assert set(said) == set(names)
    assert {name: error for name, error in said.items() if error not in ("1", "38")} == {}


def test_unknown_and_foreign_system_calls_are_refused(run):
    done = run(
        """
        import ctypes
        libc = ctypes.CDLL(None, use_errno=True)
        for number in (470, 600, 0x40000000 | 39, 2**31 - 1):
            print(libc.syscall(number, 0, 0, 0, 0, 0), ctypes.get_errno())
        """
    )
    assert done.stdout == b"-1 38\n" * 4


@pytest.mark.parametrize(
    "family", [16, 17, 38, 40, 31], ids=["netlink", "packet", "alg", "vsock", "bluetooth"]
)
def test_other_socket_families_are_refused(run, family: int):
    done = run(
        """
        import errno, socket, sys
        for kind in (1, 2, 3, 5):
            try:
                socket.socket(int(sys.argv[1]), kind)
                print("made")
            except OSError as error:
                assert error.errno == errno.EAFNOSUPPORT, error
        """,
        str(family),
    )
    assert (done.stdout, done.returncode) == (b"", 0), done.stderr


def test_characters_cannot_be_pushed_into_a_terminal(run):
    done = run(
        """
        import fcntl, os
        for request in (0x5412, 0x541c):
            try:
                fcntl.ioctl(0, request, b"x")
                print("pushed")
            except OSError as error:
                print(error.errno)
        """
    )
    assert done.stdout == b"1\n1\n"
