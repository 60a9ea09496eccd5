from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from qlf.engine.fingerprint import engine_digest

Package = Callable[[], Path]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    package = tmp_path / "site" / "qlf"
    (package / "blueprint").mkdir(parents=True)
    (package / "cli").mkdir()
    (package / "__init__.py").write_text("VERSION = 1\n")
    (package / "blueprint" / "main.py.j2").write_text("{{ app }}\n")
    (package / "cli" / "__init__.py").write_text("")
    return tmp_path / "site"


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pretend that every file was written long ago."""
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 3600)


def test_it_is_the_same_for_the_same_files(root: Path, home: Path) -> None:
    assert engine_digest(home, root) == engine_digest(home, root)


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize("path", ["qlf/__init__.py", "qlf/blueprint/main.py.j2"])
def test_a_changed_file_changes_it_even_when_size_and_modification_time_stay(
    root: Path, home: Path, path: str
) -> None:
    before = engine_digest(home, root)
    file = root / path
    times = file.stat()
    text = file.read_text()
    file.write_text("X" + text[1:])
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert engine_digest(home, root) != before


def test_a_new_a_renamed_and_a_removed_file_change_it(root: Path, home: Path) -> None:
    seen = {engine_digest(home, root)}
    new = root / "qlf" / "pack.yaml"
    new.write_text("a: 1\n")
    seen.add(engine_digest(home, root))
    new.rename(new.with_name("other.yaml"))
    seen.add(engine_digest(home, root))
    (root / "qlf" / "blueprint" / "main.py.j2").unlink()
    seen.add(engine_digest(home, root))
    assert len(seen) == 4


def test_the_command_line_and_bytecode_do_not_change_it(root: Path, home: Path) -> None:
    before = engine_digest(home, root)
    (root / "qlf" / "cli" / "__init__.py").write_text("changed = True\n")
    (root / "qlf" / "__pycache__").mkdir()
    (root / "qlf" / "__pycache__" / "x.pyc").write_bytes(b"1")
    assert engine_digest(home, root) == before


@pytest.mark.usefixtures("settled")
def test_the_second_time_no_file_is_read(root: Path, home: Path) -> None:
    before = engine_digest(home, root)
    for path in root.rglob("*"):
        if path.is_file():
            path.chmod(0o600)
    engine_digest(home, root)
    kept = json.loads((home / "fingerprint.json").read_text())
    (home / "fingerprint.json").write_text(json.dumps({**kept, "digest": "f" * 64}))
    assert engine_digest(home, root) == "f" * 64, "the kept digest is what is used"
    assert before != "f" * 64


def test_files_that_are_still_changing_are_read_every_time(root: Path, home: Path) -> None:
    engine_digest(home, root)
    assert not (home / "fingerprint.json").exists()


@pytest.mark.usefixtures("settled")
def test_a_home_that_cannot_be_written_costs_only_time(root: Path, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    assert engine_digest(blocked / "home", root) == engine_digest(tmp_path / "home", root)


def test_the_place_of_the_installation_does_not_matter(root: Path, home: Path, tmp_path: Path) -> None:
    before = engine_digest(home, root)
    moved = tmp_path / "elsewhere"
    root.rename(moved)
    assert engine_digest(home, moved) == before
