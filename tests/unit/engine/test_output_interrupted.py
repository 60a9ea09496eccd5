"""Writing an application when the disk, the permissions, a signal or another process is against it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from qlf.core.tree import Tree
from qlf.engine.output import check_target, write_tree
from qlf.errors import OutputError

Snapshot = Callable[[Path], dict[str, bytes]]


def holds(folder: Path, tree: Tree) -> bool:
    return all((folder / path).read_bytes() == file.data for path, file in tree.items())


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
