from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from qlf.core.finding import Status
from qlf.engine.context import EngineContext
from qlf.engine.events import Event
from qlf.engine.folder import read_folder
from qlf.engine.generate import generate
from qlf.engine.request import GenerateRequest
from qlf.engine.verify import verify_folder
from qlf.errors import InputError, UsageError


@pytest.fixture
def application(request_: GenerateRequest, context: EngineContext, tmp_path: Path, factory: Any) -> Path:
    generate(request_, tmp_path / "app", context)
    factory.judged.clear()
    return tmp_path / "app"


def test_every_gate_runs_on_what_lies_in_the_folder(application: Path, factory: Any) -> None:
    told: list[Event] = []
    report = verify_folder(application, None, parts=factory.parts, on_event=told.append)
    assert report.ok
    assert [result.name for result in report.results] == ["static", "unit", "contract", "runtime"]
    assert report.edited == ()
    assert report.to_json()["digest"] in (application / ".qlf/manifest.json").read_text()
    assert {event.kind for event in told} == {"started", "finished"}


def test_only_the_gates_that_are_named_run(application: Path, factory: Any) -> None:
    verify_folder(application, None, ["unit", "unit"], parts=factory.parts)
    assert factory.judged == ["unit"]
    with pytest.raises(UsageError, match="'smell'"):
        verify_folder(application, None, ["smell"], parts=factory.parts)


def test_a_failed_gate_fails_the_report(application: Path, factory: Any) -> None:
    factory.verdicts["unit"] = Status.FAILED
    assert not verify_folder(application, None, parts=factory.parts).ok


def test_what_a_person_changed_is_named(application: Path, factory: Any) -> None:
    (application / "app/main.py").write_text("changed\n")
    (application / "NOTES.md").write_text("new\n")
    (application / "Makefile").unlink()
    report = verify_folder(application, None, parts=factory.parts)
    assert report.edited == ("Makefile", "NOTES.md", "app/main.py")


@pytest.mark.parametrize(
    "path",
    [
        ".venv/lib/x.py",
        "app/__pycache__/x.pyc",
        "app.db",
        "app.db-wal",
        ".git/HEAD",
        ".env",
        "node_modules/a.js",
    ],
)
def test_what_running_leaves_behind_is_not_part_of_it(application: Path, path: str) -> None:
    before = read_folder(application)
    (application / path).parent.mkdir(parents=True, exist_ok=True)
    (application / path).write_bytes(b"\xff")
    assert read_folder(application) == before


@pytest.mark.parametrize("target", ["/etc/passwd", "main.py", "/nowhere"])
def test_a_symbolic_link_is_refused(application: Path, target: str) -> None:
    (application / "app/link.py").symlink_to(target)
    with pytest.raises(InputError, match=r"app/link\.py.*symbolic link"):
        read_folder(application)


def test_a_pipe_is_refused_without_waiting(application: Path) -> None:
    os.mkfifo(application / "pipe")
    with pytest.raises(InputError, match="plain file"):
        read_folder(application)


@pytest.mark.parametrize(
    ("limit", "value", "message"),
    [
        ("MAX_FILE_BYTES", 10, "larger"),
        ("MAX_FILES", 2, "more than 2 files"),
        ("MAX_TREE_BYTES", 10, "more than 0 MiB"),
    ],
)
def test_limits_hold(
    application: Path, monkeypatch: pytest.MonkeyPatch, limit: str, value: int, message: str
) -> None:
    monkeypatch.setattr(f"qlf.engine.folder.{limit}", value)
    with pytest.raises(InputError, match=message):
        read_folder(application)


def test_a_folder_without_a_spec_is_refused(tmp_path: Path, factory: Any) -> None:
    for folder in (tmp_path, tmp_path / "none", Path(__file__)):
        with pytest.raises(InputError):
            verify_folder(folder, None, parts=factory.parts)


def test_a_spec_that_is_not_one_is_refused(application: Path, factory: Any) -> None:
    for data in (b"\xff\xfe", b"app: [", b"app: {}\n"):
        (application / "app.yaml").write_bytes(data)
        with pytest.raises(InputError):
            verify_folder(application, None, parts=factory.parts)
