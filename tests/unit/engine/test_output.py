from __future__ import annotations

import errno
import fcntl
import os
import stat
from collections.abc import Callable
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
