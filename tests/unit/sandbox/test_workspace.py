"""Private copies of files, and reading from them without being led elsewhere."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from qlf.errors import InputError
from qlf.sandbox.workspace import workspace

OWNER = (os.getuid(), os.getgid())


def test_files_are_written_and_deleted_again(tmp_path: Path):
    with workspace({"a/b/c.txt": b"text", "d": b""}, OWNER, tmp_path) as work:
        assert work.read("a/b/c.txt") == b"text"
        assert work.path.stat().st_mode & 0o777 == 0o700
        assert work.path.parent == tmp_path.resolve()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/../x", "a//b", "", ".", "a/", "a\0b"])
def test_a_name_that_leads_out_is_refused(tmp_path: Path, name: str):
    with pytest.raises(InputError, match="plain relative"), workspace({name: b""}, OWNER, tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []
    with workspace({}, OWNER, tmp_path) as work, pytest.raises(InputError, match="plain relative"):
        work.read(name)


def test_a_folder_is_copied_with_its_modes_and_links(tmp_path: Path):
    source = tmp_path / "source"
    (source / "sub").mkdir(parents=True)
    (source / "run").write_bytes(b"x")
    (source / "run").chmod(0o700)
    (source / "sub" / "data").write_bytes(b"y")
    (source / "link").symlink_to("/etc/passwd")
    (source / "loop").symlink_to("sub")
    with workspace(source, OWNER, tmp_path) as work:
        assert work.read("sub/data") == b"y"
        assert (work.path / "run").stat().st_mode & 0o111
        assert (work.path / "link").readlink() == Path("/etc/passwd")
        for name in ("link", "loop/data"):
            with pytest.raises(InputError, match="cannot be opened"):
                work.read(name)


def test_a_pipe_in_a_folder_is_refused_instead_of_waited_for(tmp_path: Path):
    source = tmp_path / "source"
    source.mkdir()
    os.mkfifo(source / "pipe")
    with pytest.raises(InputError, match="neither a file"), workspace(source, OWNER, tmp_path):
        pass


def test_reading_has_a_limit_and_takes_files_only(tmp_path: Path):
    with workspace({"big": b"x" * 100}, OWNER, tmp_path) as work:
        assert len(work.read("big", limit=100)) == 100
        with pytest.raises(InputError, match="more than 99"):
            work.read("big", limit=99)
        os.mkfifo(work.path / "pipe")
        (work.path / "folder").mkdir()
        for name in ("pipe", "folder"):
            with pytest.raises(InputError, match="regular file"):
                work.read(name)


def test_only_a_socket_is_offered_as_one(tmp_path: Path):
    with workspace({"file": b""}, OWNER, tmp_path) as work:
        (work.path / "link").symlink_to("file")
        for name in ("file", "link", "missing"):
            with pytest.raises(InputError), work.socket(name):
                pass


def test_a_closed_folder_is_deleted_too(tmp_path: Path):
    with workspace({"a/b/c": b""}, OWNER, tmp_path) as work:
        (work.path / "a" / "b").chmod(0)
        (work.path / "a").chmod(0)
    assert list(tmp_path.iterdir()) == []


def test_a_copy_that_something_else_deleted_is_no_error(tmp_path: Path):
    with workspace({"a": b""}, OWNER, tmp_path) as work:
        (work.path / "a").unlink()
        work.path.rmdir()
    assert list(tmp_path.iterdir()) == []


def test_an_error_inside_deletes_the_copy(tmp_path: Path):
    with pytest.raises(RuntimeError), workspace({"a": b""}, OWNER, tmp_path):
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []
