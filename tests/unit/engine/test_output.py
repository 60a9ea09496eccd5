from __future__ import annotations

import errno
import fcntl
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from qlf.core.tree import Tree
from qlf.engine.manifest import MANIFEST_PATH
from qlf.engine.output import check_target, write_tree
from qlf.errors import OutputError

Snapshot = Callable[[Path], dict[str, bytes]]


def holds(folder: Path, tree: Tree) -> bool:
    return all((folder / path).read_bytes() == file.data for path, file in tree.items())


def test_a_new_folder_gets_every_file(tree: Tree, tmp_path: Path) -> None:
    report = write_tree(tree, tmp_path / "deep" / "er" / "out")
    assert (report.written, report.removed, report.unchanged) == (len(tree), 0, 0)
    assert holds(tmp_path / "deep" / "er" / "out", tree)
    assert [path.name for path in (tmp_path / "deep" / "er").iterdir()] == ["out"], (
        "nothing is left beside it"
    )


def test_modes_follow_the_tree_and_the_umask(tree: Tree, trees: Any, tmp_path: Path) -> None:
    tree = trees.with_file(tree, "bin/run", "#!/bin/sh\n", executable=True)
    before = os.umask(0o027)
    try:
        write_tree(tree, tmp_path / "out")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "out/bin/run").stat().st_mode) == 0o750
    assert stat.S_IMODE((tmp_path / "out/README.md").stat().st_mode) == 0o640
    assert stat.S_IMODE((tmp_path / "out").stat().st_mode) == 0o750


def test_an_empty_folder_is_filled_in_place(tree: Tree, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir(mode=0o711)
    inode = out.stat().st_ino
    write_tree(tree, out)
    assert holds(out, tree)
    assert out.stat().st_ino == inode, "a shell that stands in the folder still stands in it"
    assert stat.S_IMODE(out.stat().st_mode) == 0o711
    assert sorted(path.name for path in (out / ".qlf").iterdir()) == ["manifest.json"]


def test_writing_the_same_again_touches_nothing(tree: Tree, tmp_path: Path) -> None:
    write_tree(tree, tmp_path / "out")
    before = {path: path.stat().st_ctime_ns for path in (tmp_path / "out").rglob("*")}
    report = write_tree(tree, tmp_path / "out")
    assert (report.written, report.unchanged) == (0, len(tree))
    assert {path: path.stat().st_ctime_ns for path in (tmp_path / "out").rglob("*")} == before


def test_only_what_differs_is_written(tree: Tree, trees: Any, tmp_path: Path) -> None:
    out = tmp_path / "out"
    write_tree(tree, out)
    kept = (out / "docs/a/b.md").stat()
    changed = trees.with_file(trees.without(tree, "README.md"), "app/main.py", "two\n")
    report = write_tree(changed, out)
    assert (report.written, report.removed) == (2, 1), "one file and the manifest; one file goes"
    assert holds(out, changed)
    assert not (out / "README.md").exists()
    after = (out / "docs/a/b.md").stat()
    assert (after.st_ino, after.st_ctime_ns) == (kept.st_ino, kept.st_ctime_ns)


def test_folders_that_become_empty_go(tree: Tree, trees: Any, tmp_path: Path) -> None:
    write_tree(tree, tmp_path / "out")
    write_tree(trees.without(tree, "docs/a/b.md"), tmp_path / "out")
    assert not (tmp_path / "out/docs").exists()


def test_a_file_that_became_executable_is_written_again(tree: Tree, trees: Any, tmp_path: Path) -> None:
    write_tree(tree, tmp_path / "out")
    write_tree(trees.with_file(tree, "app/main.py", "one\n", executable=True), tmp_path / "out")
    assert (tmp_path / "out/app/main.py").stat().st_mode & 0o100


def test_files_of_others_stay(tree: Tree, trees: Any, tmp_path: Path) -> None:
    out = tmp_path / "out"
    write_tree(tree, out)
    (out / ".venv").mkdir()
    (out / ".venv/python").write_text("x")
    (out / "app.db").write_bytes(b"rows")
    (out / "docs/a/mine.md").write_text("notes")
    write_tree(trees.without(tree, "docs/a/b.md"), out)
    assert (out / ".venv/python").read_text() == "x"
    assert (out / "app.db").read_bytes() == b"rows"
    assert (out / "docs/a/mine.md").read_text() == "notes"


@pytest.mark.parametrize("path", ["app/main.py", "docs/a/b.md"])
def test_an_edited_file_stops_everything(
    tree: Tree, trees: Any, tmp_path: Path, snapshot: Snapshot, path: str
) -> None:
    out = tmp_path / "out"
    write_tree(tree, out)
    (out / path).write_text("my own work\n")
    before = snapshot(out)
    changed = trees.with_file(trees.without(tree, "docs/a/b.md"), "app/main.py", "two\n")
    with pytest.raises(OutputError, match=path):
        write_tree(changed, out)
    with pytest.raises(OutputError, match=path):
        check_target(out)
    assert snapshot(out) == before


def test_an_edit_that_says_what_the_new_tree_says_is_no_conflict(
    tree: Tree, trees: Any, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    write_tree(tree, out)
    (out / "app/main.py").write_text("two\n")
    changed = trees.with_file(tree, "app/main.py", "two\n")
    write_tree(changed, out)
    assert holds(out, changed)


def test_a_deleted_file_comes_back(tree: Tree, tmp_path: Path) -> None:
    write_tree(tree, tmp_path / "out")
    (tmp_path / "out/README.md").unlink()
    assert write_tree(tree, tmp_path / "out").written == 1
    assert holds(tmp_path / "out", tree)


def test_a_new_file_never_lands_on_a_file_of_somebody_else(
    tree: Tree, trees: Any, tmp_path: Path, snapshot: Snapshot
) -> None:
    out = tmp_path / "out"
    write_tree(tree, out)
    (out / "NOTES.md").write_text("mine\n")
    before = snapshot(out)
    with pytest.raises(OutputError, match=r"NOTES\.md"):
        write_tree(trees.with_file(tree, "NOTES.md", "theirs\n"), out)
    assert snapshot(out) == before


def test_a_folder_of_somebody_else_is_refused(tree: Tree, tmp_path: Path, snapshot: Snapshot) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "thesis.tex").write_text("years of work")
    before = snapshot(out)
    for action in (lambda: check_target(out), lambda: write_tree(tree, out)):
        with pytest.raises(OutputError, match="not made by qlf"):
            action()
    assert snapshot(out) == before


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"schema": 1, "files": {"../../etc/passwd": {"sha256": "00"}}}', "[" * 100_000]
)
def test_a_damaged_manifest_is_refused(tree: Tree, tmp_path: Path, text: str) -> None:
    out = tmp_path / "out"
    write_tree(tree, out)
    (out / MANIFEST_PATH).write_text(text)
    with pytest.raises(OutputError, match="damaged"):
        write_tree(tree, out)


def test_a_file_in_the_way_is_refused(tree: Tree, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("x")
    for target in (tmp_path / "out", tmp_path / "out" / "below"):
        for action in (
            lambda target=target: check_target(target),
            lambda target=target: write_tree(tree, target),
        ):
            with pytest.raises(OutputError):
                action()
    assert (tmp_path / "out").read_text() == "x"


def test_a_symbolic_link_as_target_is_refused(tree: Tree, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "out").symlink_to(tmp_path / "real")
    for action in (lambda: check_target(tmp_path / "out"), lambda: write_tree(tree, tmp_path / "out")):
        with pytest.raises(OutputError, match="symbolic link"):
            action()
    assert list((tmp_path / "real").iterdir()) == []


def test_a_link_planted_inside_is_not_followed(tree: Tree, trees: Any, tmp_path: Path) -> None:
    out, outside = tmp_path / "out", tmp_path / "outside"
    write_tree(tree, out)
    outside.mkdir()
    (outside / "main.py").write_text("one\n")
    (out / "app/main.py").unlink()
    (out / "app").rmdir()
    (out / "app").symlink_to(outside)
    with pytest.raises(OutputError):
        write_tree(trees.with_file(tree, "app/main.py", "two\n"), out)
    assert (outside / "main.py").read_text() == "one\n"


def test_a_link_in_place_of_a_file_is_an_edit(tree: Tree, trees: Any, tmp_path: Path) -> None:
    out, outside = tmp_path / "out", tmp_path / "secret"
    write_tree(tree, out)
    outside.write_text("one\n")
    (out / "app/main.py").unlink()
    (out / "app/main.py").symlink_to(outside)
    with pytest.raises(OutputError, match=r"app/main\.py"):
        write_tree(trees.with_file(tree, "app/main.py", "two\n"), out)
    assert outside.read_text() == "one\n"


def test_a_link_in_place_of_the_own_folder_is_not_followed(tree: Tree, tmp_path: Path) -> None:
    out, outside = tmp_path / "out", tmp_path / "outside"
    write_tree(tree, out)
    (outside / "staging").mkdir(parents=True)
    (outside / "manifest.json").write_bytes((out / MANIFEST_PATH).read_bytes())
    (out / MANIFEST_PATH).unlink()
    (out / ".qlf").rmdir()
    (out / ".qlf").symlink_to(outside)
    with pytest.raises(OutputError):
        write_tree(tree, out)
    assert (outside / "staging").is_dir()


def test_two_runs_never_write_to_one_folder_at_once(tree: Tree, trees: Any, tmp_path: Path) -> None:
    out = tmp_path / "out"
    write_tree(tree, out)
    handle = os.open(out, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    try:
        with pytest.raises(OutputError, match="another run"):
            write_tree(trees.with_file(tree, "app/main.py", "two\n"), out)
    finally:
        os.close(handle)


def test_a_failing_rename_puts_everything_back(
    tree: Tree, trees: Any, tmp_path: Path, snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    write_tree(tree, out)
    before = snapshot(out)
    rename, calls = os.rename, iter(range(100))

    def flaky(*args: Any, **kwargs: Any) -> None:
        if next(calls) == 3:
            raise OSError(errno.EIO, "Input/output error")
        rename(*args, **kwargs)

    changed = trees.with_file(trees.without(tree, "README.md"), "app/main.py", "two\n")
    for number in range(5):
        changed = trees.with_file(changed, f"new/{number}.txt", "x\n")
    monkeypatch.setattr(os, "rename", flaky)
    with pytest.raises(OutputError, match="input/output error"):
        write_tree(changed, out)
    monkeypatch.undo()
    assert snapshot(out) == before
    write_tree(changed, out)
    assert holds(out, changed)


@pytest.fixture
def unprivileged() -> Iterator[None]:
    """Permissions mean nothing to root, so step down for a while."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.usefixtures("unprivileged")
@pytest.mark.parametrize("target", ["/qlf-out", "/proc/qlf-out", "/proc/self/qlf/out"])
def test_a_folder_without_permission_is_refused(tree: Tree, target: str) -> None:
    for action in (lambda: check_target(Path(target)), lambda: write_tree(tree, Path(target))):
        with pytest.raises(OutputError):
            action()


def test_a_file_that_may_not_grow_leaves_nothing_behind(tree: Tree, trees: Any, tmp_path: Path) -> None:
    import resource

    big = trees.with_file(tree, "big.bin", "x" * 200_000)
    empty = tmp_path / "empty"
    empty.mkdir()
    write_tree(tree, tmp_path / "old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        for name in ("deep/new", "empty", "old"):
            with pytest.raises(OutputError, match="size limit"):
                write_tree(big, tmp_path / name)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "old"]
    assert list(empty.iterdir()) == []
    assert holds(tmp_path / "old", tree)


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "qlf-test", str(place)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("needs the right to mount a small disk")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_full_disk_leaves_what_was_there(
    tree: Tree, trees: Any, tiny_disk: Path, snapshot: Snapshot
) -> None:
    old = tiny_disk / "old"
    write_tree(tree, old)
    (tiny_disk / "empty").mkdir()
    before = snapshot(tiny_disk)
    big = tree
    for number in range(10):
        big = trees.with_file(big, f"part/{number}.bin", "x" * 40_000)
    for name in ("old", "new", "empty"):
        with pytest.raises(OutputError, match="disk is full"):
            write_tree(big, tiny_disk / name)
        assert snapshot(tiny_disk) == before


WRITE_LOOP = """
import sys
from pathlib import Path
from qlf.core.tree import File, Tree
from qlf.engine.manifest import MANIFEST_PATH, add_manifest
from qlf.engine.output import write_tree

def version(number):
    bare = Tree({f"f/{i}.txt": File(f"{number}\\n".encode() * 200) for i in range(60)})
    return add_manifest(bare, owners=dict.fromkeys(bare, "a"), engine="e", stack={}, spec_digest="0" * 64)

both = [version(0), version(1)]
target = Path(sys.argv[1])
write_tree(both[0], target)
print("ready", flush=True)
number = 0
while True:
    number += 1
    write_tree(both[number % 2], target)
"""


def _interrupted(tmp_path: Path, number: int, with_signal: signal.Signals) -> Path:
    target = tmp_path / f"out-{number}"
    process = subprocess.Popen(
        [sys.executable, "-c", WRITE_LOOP, str(target)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    time.sleep(0.013 * (number + 1))
    process.send_signal(with_signal)
    process.wait(30)
    process.stdout.close()
    return target


@pytest.mark.parametrize("number", range(4))
def test_ctrl_c_leaves_the_old_or_the_new_application(tmp_path: Path, number: int) -> None:
    target = _interrupted(tmp_path, number, signal.SIGINT)
    texts = {path.read_text() for path in (target / "f").iterdir()}
    assert len(texts) == 1
    assert len(list((target / "f").iterdir())) == 60
    assert [path.name for path in (target / ".qlf").iterdir()] == ["manifest.json"]


@pytest.mark.parametrize("number", range(3))
def test_the_next_run_finishes_what_a_killed_one_left(tmp_path: Path, tree: Tree, number: int) -> None:
    target = _interrupted(tmp_path, number, signal.SIGKILL)
    write_tree(tree, target)
    assert holds(target, tree)
    assert not (target / "f").exists()
    assert [path.name for path in (target / ".qlf").iterdir()] == ["manifest.json"]


def test_ctrl_c_before_the_rename_leaves_nothing(
    tree: Tree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = Path.rename

    def interrupted(self: Path, target: Path) -> Path:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "rename", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_tree(tree, tmp_path / "deep" / "out")
    monkeypatch.setattr(Path, "rename", rename)
    assert list(tmp_path.iterdir()) == []


def test_it_works_outside_the_main_thread(tree: Tree, trees: Any, tmp_path: Path) -> None:
    write_tree(tree, tmp_path / "out")
    changed = trees.with_file(tree, "app/main.py", "two\n")
    thread = threading.Thread(target=write_tree, args=(changed, tmp_path / "out"))
    thread.start()
    thread.join()
    assert holds(tmp_path / "out", changed)


KILLED_HALFWAY = """
import os, signal, sys
from pathlib import Path
from qlf.engine.output import write_tree
from qlf.engine.store import Store

renames = iter(range(int(sys.argv[3])))
rename = os.rename

def killing(*args, **options):
    if next(renames, None) is None:
        os.kill(os.getpid(), signal.SIGKILL)
    rename(*args, **options)

tree = Store(Path(sys.argv[1])).get_tree(sys.argv[2])
os.rename = killing
write_tree(tree, Path(sys.argv[4]))
"""


@pytest.mark.parametrize("renames", [0, 1, 2, 3])
def test_a_process_killed_between_two_renames_blocks_nobody(
    tree: Tree, trees: Any, tmp_path: Path, renames: int
) -> None:
    from qlf.engine.store import Store

    out = tmp_path / "out"
    write_tree(tree, out)
    changed = trees.with_file(trees.without(tree, "docs/a/b.md"), "app/main.py", "two\n")
    changed = trees.with_file(trees.with_file(changed, "app/new.py", "new\n"), "README.md", "three\n")
    store = Store(tmp_path / "store")
    store.put_tree(changed)
    command = [sys.executable, "-c", KILLED_HALFWAY, str(store.root), changed.digest, str(renames), str(out)]
    assert subprocess.run(command).returncode == -signal.SIGKILL
    last = trees.with_file(tree, "app/main.py", "four\n")
    write_tree(last, out)
    assert holds(out, last)
    assert not (out / "app/new.py").exists()
    assert [path.name for path in (out / ".qlf").iterdir()] == ["manifest.json"]
