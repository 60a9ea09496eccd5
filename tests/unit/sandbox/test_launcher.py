"""The parts of the launcher that can be tried without walls."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from qlf.sandbox.launcher import stage, watch


def test_a_path_is_opened_without_following_links(tmp_path: Path):
    real = tmp_path.resolve()
    (real / "folder").mkdir()
    (real / "folder" / "file").write_text("x")
    (real / "link").symlink_to("folder")
    os.close(stage.open_strictly(str(real / "folder" / "file")))
    for path in ("link", "link/file", "missing"):
        with pytest.raises(OSError, match=r"link|directory"):
            stage.open_strictly(str(real / path))


def test_descendants_are_found_through_generations():
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'print(1, flush=True); input()'])"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        below = watch.descendants(child.pid)
        assert len(below) == 1
        assert watch.parent_of(str(below[0])) == child.pid
        assert below[0] in watch.descendants(os.getpid())
        child.communicate(b"\n")
    assert watch.descendants(child.pid) == []


def test_use_is_measured_and_the_gone_are_left_out():
    memory, threads = watch.usage([os.getpid(), 2**22 + 1])
    assert memory > 1_000_000
    assert threads >= 1


def test_shared_pages_are_not_counted_more_than_plain_ones():
    fair = watch.fair_memory([os.getpid(), 2**22 + 1])
    assert fair is not None
    assert 1_000_000 < fair <= watch.usage([os.getpid()])[0] * 1.1


def test_a_memory_folder_with_few_files_is_not_crowded(monkeypatch: pytest.MonkeyPatch):
    assert not watch.crowded([2**22 + 1, os.getpid()], ("/dev/shm",))
    monkeypatch.setattr(watch, "_DISK_ENTRIES", -1)
    assert watch.crowded([2**22 + 1, os.getpid()], ("/dev/shm",))


def test_disk_counts_all_files_and_follows_no_link(tmp_path: Path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "file").write_bytes(b"x" * 100_000)
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "system").symlink_to("/usr")
    assert 100_000 <= (watch.disk([str(tmp_path)]) or 0) < 200_000


def test_too_many_files_count_as_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(watch, "_DISK_ENTRIES", 10)
    for number in range(11):
        (tmp_path / str(number)).touch()
    assert watch.disk([str(tmp_path)]) is None
