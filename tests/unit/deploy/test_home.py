"""The folder of a deployment, and processes that are named by a file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from qlf.core.tree import File, Tree
from qlf.deploy.home import find_home, homes, open_home, read_json, write_private
from qlf.deploy.process import alive, end, mark_of
from qlf.deploy.source import read_source
from qlf.errors import InputError

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]


def test_a_source_keeps_its_deployment_and_another_gets_another(tmp_path: Path) -> None:
    first = open_home(tmp_path, Path("/a/shop"), "shop")
    assert first.name == "shop"
    assert open_home(tmp_path, Path("/a/shop"), "renamed").path == first.path
    assert open_home(tmp_path, Path("/b/shop"), "Shop!").name == "shop-2"
    assert [home.name for home in homes(tmp_path)] == ["shop", "shop-2"]


@pytest.mark.parametrize("name", ["", "..", "../x", "a/b", "A", "-x", "x" * 65])
def test_a_name_that_leads_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="not the name"):
        find_home(tmp_path, name)


def test_secrets_are_made_once_and_private(tmp_path: Path) -> None:
    home = open_home(tmp_path, Path("/a"), "a")
    keys = home.keep_secrets(accounts=True)
    assert home.keep_secrets(accounts=True) == keys
    assert len(keys["secret_key"]) >= 48
    assert home.secrets.stat().st_mode & 0o777 == 0o600
    assert "admin_password" not in open_home(tmp_path, Path("/b"), "b").keep_secrets(accounts=False)


@pytest.mark.parametrize("claim", ["", "[]", "{", '{"process": [1, 2, "x"]}', '{"process": ["7", 2, "x"]}'])
def test_a_damaged_claim_names_nobody(tmp_path: Path, claim: str) -> None:
    home = open_home(tmp_path, Path("/a"), "a")
    (home.path / "claim.json").write_text(claim)
    assert home.mark() is None


def test_a_claim_comes_back(tmp_path: Path) -> None:
    home = open_home(tmp_path, Path("/a"), "a")
    mark = mark_of(os.getpid())
    home.write_claim({"process": mark, "port": 1})
    assert home.mark() == mark
    home.drop_claim()
    home.drop_claim()
    assert home.claim() == {}


def test_files_replace_those_of_the_last_start(tmp_path: Path) -> None:
    home = open_home(tmp_path, Path("/a"), "a")
    home.replace_app(Tree.from_texts({"old/a.txt": "1"}))
    home.replace_app(Tree({"new/run": File(b"2", executable=True)}))
    assert [path.name for path in home.app.rglob("*")] == ["new", "run"]
    assert (home.app / "new" / "run").stat().st_mode & 0o777 == 0o755


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "f"
    write_private(path, b'{"a": 1}')
    monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError("full")))
    with pytest.raises(OSError, match="full"):
        write_private(path, b"{}")
    assert read_json(path) == {"a": 1}
    assert [one.name for one in tmp_path.iterdir()] == ["f"]


def test_a_process_is_known_by_its_start_too() -> None:
    mark = mark_of(os.getpid())
    assert mark is not None
    assert alive(mark)
    assert not alive((mark[0], mark[1] + 1, mark[2]))
    assert not alive((mark[0], mark[1], "another boot"))


def test_ending_leaves_other_processes_with_that_id_alone() -> None:
    with subprocess.Popen(SLEEP, start_new_session=True) as process:
        mark = mark_of(process.pid)
        assert mark is not None
        end((mark[0], mark[1] - 1, mark[2]), 0.1)
        assert process.poll() is None
        end(mark, 5)
        process.wait(5)
    end(mark, 0.1)


def test_what_ignores_the_request_is_forced_with_its_children() -> None:
    code = (
        "import signal, subprocess, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'], "
        "start_new_session=True); "
        "print(child.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, start_new_session=True
    ) as process:
        assert process.stdout is not None
        child = mark_of(int(process.stdout.readline()))
        mark = mark_of(process.pid)
        assert child is not None
        assert mark is not None
        started = time.monotonic()
        end(mark, 0.3)
        assert time.monotonic() - started < 8
        assert not alive(mark)
        assert not alive(child)


def test_what_tools_left_behind_is_not_deployed(tmp_path: Path) -> None:
    (tmp_path / "app.yaml").write_text("version: 1\napp: {name: a, title: A}\nentities: [{name: item}]\n")
    for name in (
        ".env",
        ".git/config",
        ".venv/x",
        "node_modules/x",
        "app.db",
        "app/__pycache__/x.pyc",
        "app/a.py",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    (tmp_path / "link").symlink_to("/etc/passwd")
    tree, spec = read_source(tmp_path)
    assert sorted(tree) == ["app.yaml", "app/a.py"]
    assert spec.app.name == "a"


def test_a_deployment_says_how_to_sign_in_without_the_password(tmp_path: Path) -> None:
    from qlf.deploy import Deployment

    found = Deployment(
        "a", "http://127.0.0.1:1", 7, "d", tmp_path, "now", "ready", "admin@example.com", tmp_path / "s"
    )
    assert "admin@example.com" in (found.admin_hint or "")
    assert json.loads(json.dumps(found.to_json()))["stop"] == "qlf deploy stop a"
