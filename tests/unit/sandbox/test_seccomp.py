"""The filters, run by a small interpreter of classic BPF instead of the kernel."""

from __future__ import annotations

import errno
import struct

import pytest

from qlf.sandbox import SandboxUnavailable, Tier, seccomp
from qlf.sandbox.syscalls import AUDIT_ARCH, NUMBERS

ALLOW, KILL = 0x7FFF0000, 0x80000000
MACHINES = sorted(NUMBERS)


def verdict(program: bytes, arch: int, number: int, *arguments: int) -> int:
    """Run a filter over one system call."""
    padded = (*arguments, 0, 0, 0, 0, 0, 0)[:6]
    data = struct.pack("=IIQ6Q", number, arch, 0, *padded)
    code = list(struct.iter_unpack("=HBBI", program))
    place = accumulator = 0
    while True:
        operation, yes, no, value = code[place]
        place += 1
        if operation == 0x06:
            return value
        if operation == 0x20:
            (accumulator,) = struct.unpack_from("=I", data, value)
        elif operation == 0x54:
            accumulator &= value
        elif operation == 0x15:
            place += yes if accumulator == value else no
        elif operation == 0x35:
            place += yes if accumulator >= value else no
        elif operation == 0x45:
            place += yes if accumulator & value else no
        else:
            raise AssertionError(f"unknown instruction {operation:#x}")


@pytest.fixture(params=MACHINES)
def machine(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def judge(machine: str):
    def ask(tier: Tier, name: str, *arguments: int, deny_signals: bool = False) -> int | str:
        program = seccomp.build(tier, machine, deny_signals=deny_signals)
        found = verdict(program, AUDIT_ARCH[machine], NUMBERS[machine][name], *arguments)
        return "allow" if found == ALLOW else found & 0xFFFF

    return ask


@pytest.mark.parametrize("tier", list(Tier))
@pytest.mark.parametrize(
    "name", ["mount", "ptrace", "unshare", "setns", "bpf", "keyctl", "reboot", "open_by_handle_at"]
)
def test_ways_out_are_refused(judge, tier: Tier, name: str):
    assert judge(tier, name) == errno.EPERM


@pytest.mark.parametrize("name", ["clone3", "io_uring_setup", "memfd_create"])
def test_calls_that_hide_their_arguments_seem_absent(judge, name: str):
    assert judge(Tier.A, name) == errno.ENOSYS


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (17, "allow"),
        (0x3D0F00, "allow"),
        (0x10000000 | 17, errno.EPERM),
        (0x00020000, errno.EPERM),
        (0x40000000, errno.EPERM),
    ],
    ids=["fork", "thread", "user namespace", "mount namespace", "network namespace"],
)
def test_new_processes_are_allowed_and_new_namespaces_are_not(judge, flags: int, expected: int | str):
    assert judge(Tier.A, "clone", flags) == expected


@pytest.mark.parametrize(
    ("tier", "family", "expected"),
    [
        (Tier.A, 1, "allow"),
        (Tier.A, 2, "allow"),
        (Tier.A, 10, "allow"),
        (Tier.A, 16, errno.EAFNOSUPPORT),
        (Tier.A, 40, errno.EAFNOSUPPORT),
        (Tier.B, 1, "allow"),
        (Tier.B, 2, errno.EAFNOSUPPORT),
        (Tier.B, 10, errno.EAFNOSUPPORT),
        (Tier.B, 16, errno.EAFNOSUPPORT),
    ],
)
def test_socket_families(judge, tier: Tier, family: int, expected: int | str):
    assert judge(tier, "socket", family, 1) == expected


@pytest.mark.parametrize("flags", [0, 0o2000000, 0o4000])
@pytest.mark.parametrize(("kind", "expected"), [(1, "allow"), (5, "allow"), (2, 93), (3, 93)])
def test_without_namespaces_unix_sockets_carry_no_addresses(
    judge, kind: int, expected: int | str, flags: int
):
    for name in ("socket", "socketpair"):
        assert judge(Tier.B, name, 1, kind | flags) == expected
    assert judge(Tier.A, "socket", 1, kind | flags) == "allow"


def test_without_namespaces_nothing_can_be_connected_to(judge):
    assert judge(Tier.B, "connect", 3) == errno.EACCES
    assert judge(Tier.A, "connect", 3) == "allow"


@pytest.mark.parametrize("address", [1, 0x7F0000000000, 0x100000000])
def test_the_whole_pointer_counts(judge, address: int):
    assert judge(Tier.B, "sendto", 3, 0, 0, 0, address) == errno.EACCES
    assert judge(Tier.B, "sendto", 3, 0, 0, 0, 0) == "allow"


@pytest.mark.parametrize("request_number", [0x5412, 0x541C])
def test_terminal_input_cannot_be_forged(judge, request_number: int):
    assert judge(Tier.A, "ioctl", 0, request_number) == errno.EPERM
    assert judge(Tier.A, "ioctl", 0, 0x100000000 | request_number) == errno.EPERM
    assert judge(Tier.A, "ioctl", 0, 0x5413) == "allow"


def test_without_namespaces_metadata_stays_and_others_are_left_alone(judge):
    assert judge(Tier.B, "fchmodat") == 0
    assert judge(Tier.A, "fchmodat") == "allow"
    assert judge(Tier.B, "prlimit64", 0) == "allow"
    assert judge(Tier.B, "prlimit64", 1234) == errno.EPERM
    assert judge(Tier.B, "setpriority", 0, 1234) == errno.EPERM


@pytest.mark.parametrize("name", ["kill", "tgkill", "pidfd_send_signal"])
def test_signals_are_refused_where_the_kernel_cannot_keep_them_inside(judge, name: str):
    assert judge(Tier.B, name, 1, 9, deny_signals=True) == errno.EPERM
    assert judge(Tier.B, name, 1, 9) == "allow"
    assert judge(Tier.B, "fcntl", 3, 8, 1, deny_signals=True) == errno.EPERM
    assert judge(Tier.B, "fcntl", 3, 1, deny_signals=True) == "allow"


def test_another_processor_mode_kills(machine: str):
    program = seccomp.build(Tier.A, machine)
    assert verdict(program, 0x40000003, 1) == KILL


@pytest.mark.parametrize("number", [470, 512, 0x40000000, 0x40000000 | 39, 0xFFFFFFFF])
def test_unknown_numbers_seem_absent(machine: str, number: int):
    program = seccomp.build(Tier.A, machine)
    assert verdict(program, AUDIT_ARCH[machine], number) == 0x00050000 | errno.ENOSYS


def test_ordinary_calls_pass(machine: str):
    program = seccomp.build(Tier.B, machine, deny_signals=True)
    named = set(NUMBERS[machine].values())
    for number in set(range(470)) - named:
        assert verdict(program, AUDIT_ARCH[machine], number) == ALLOW, number


def test_the_program_fits_what_the_kernel_takes(machine: str):
    assert len(seccomp.build(Tier.B, machine, deny_signals=True)) // 8 < 4096


def test_an_unknown_processor_is_refused():
    with pytest.raises(SandboxUnavailable, match="riscv64"):
        seccomp.build(Tier.A, "riscv64")
