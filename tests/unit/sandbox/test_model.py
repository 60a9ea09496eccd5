"""Values that cannot work are refused when they are made."""

from __future__ import annotations

from pathlib import Path

import pytest

from qlf.errors import InputError
from qlf.sandbox import Command, Completed, Limits, Mount, Policy, Tier


@pytest.mark.parametrize(
    "target",
    ["relative", "/", "//x", "/a/../b", "/a/", "/proc", "/proc/self", "/dev/shm", "/sys/x", "/a\0b", ""],
)
def test_a_mount_target_is_a_plain_path_outside_the_system(target: str):
    with pytest.raises(InputError):
        Mount(Path("/data"), target)


def test_a_mount_source_is_absolute():
    with pytest.raises(InputError, match="absolute"):
        Mount(Path("data"), "/data")


@pytest.mark.parametrize(
    "arguments",
    [
        {"argv": ()},
        {"argv": ("",)},
        {"argv": ("a\0b",)},
        {"argv": ("a",), "env": {"A=B": "c"}},
        {"argv": ("a",), "env": {"": "c"}},
        {"argv": ("a",), "env": {"A": "b\0c"}},
        {"argv": ("a",), "cwd": "here"},
    ],
)
def test_a_command_that_cannot_be_passed_on_is_refused(arguments):
    with pytest.raises(InputError):
        Command(**arguments)


@pytest.mark.parametrize(
    "name", ["cpu_seconds", "wall_seconds", "memory_bytes", "processes", "address_bytes"]
)
def test_limits_are_positive(name: str):
    with pytest.raises(InputError, match=name):
        Limits(**{name: 0})


def test_commands_never_run_as_root():
    with pytest.raises(InputError, match="root"):
        Policy(uid=0)


def test_tiers_are_ordered():
    assert Tier.A.satisfies(Tier.B)
    assert Tier.A.satisfies(Tier.A)
    assert not Tier.B.satisfies(Tier.A)


@pytest.mark.parametrize(
    ("code", "reason", "ok"), [(0, None, True), (1, None, False), (0, "terminated", False)]
)
def test_only_an_undisturbed_zero_is_ok(code: int, reason: str | None, ok: bool):
    done = Completed(code, b"", b"", 0.1, False, False, reason, Tier.A)
    assert done.ok is ok
