"""`qlf doctor`: what it asks, what it costs, and when it fails."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from qlf.errors import EnvironmentUnavailable
from qlf.sandbox import Tier, WallReport

WORKING = WallReport(Tier.A, "bubblewrap", works=True, problems=())
WEAKER = WallReport(Tier.B, "Landlock", works=True, problems=())
BROKEN = WallReport(Tier.A, "bubblewrap", works=False, problems=("user namespaces are switched off",))


@pytest.fixture(autouse=True)
def walls(monkeypatch: pytest.MonkeyPatch) -> list[WallReport]:
    reports = [WORKING, WEAKER]
    monkeypatch.setattr("qlf.sandbox.inspect", lambda: reports)
    return reports


def _checks(answer: Any) -> dict[str, Any]:
    return {check["name"]: check for check in answer.document["checks"]}


def test_it_asks_for_every_part_and_changes_nothing(cli: Callable[..., Any], own_home: Path) -> None:
    answer = cli("doctor", "--json")
    assert answer.code == 0
    assert set(_checks(answer)) >= {
        "Python", "ruff", "uv", "cache folder", "state folder", "disk", "sandbox", "package index",
        "Prefect", "Prefect API", "Docker", "kubectl", "Node.js", "npm", "Chromium", "PostgreSQL",
    }  # fmt: skip
    assert not own_home.exists()


def test_the_index_is_asked_on_request_only(cli: Callable[..., Any]) -> None:
    assert _checks(cli("doctor", "--json"))["package index"]["state"] == "not-asked"


def test_the_table_keeps_to_80_columns_and_goes_to_stdout(cli: Callable[..., Any]) -> None:
    answer = cli("doctor")
    assert answer.err == ""
    assert max(map(len, answer.out.splitlines())) <= 80


def test_a_weaker_sandbox_is_limited_and_says_why_the_better_one_fails(
    cli: Callable[..., Any], walls: list[WallReport]
) -> None:
    walls[:] = [BROKEN, WEAKER]
    checks = _checks(cli("doctor", "--json"))
    assert checks["sandbox"]["state"] == "limited"
    assert "user namespaces are switched off" in checks["sandbox tier A"]["found"]


def test_strict_takes_no_weaker_sandbox(
    cli: Callable[..., Any], walls: list[WallReport], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QLF_SANDBOX", "strict")
    walls[:] = [BROKEN, WEAKER]
    sandbox = _checks(cli("doctor", "--json"))["sandbox"]
    assert sandbox["state"] == "missing"
    assert "unit, contract and runtime cannot run" in sandbox["cost"]


def test_something_essential_that_is_missing_is_7(
    cli: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(settings: object) -> Path:
        raise EnvironmentUnavailable("the program uv is missing", hint="install qlf again")

    monkeypatch.setattr("qlf.cli.checks.uv_program", missing)
    answer = cli("doctor", "--json")
    assert answer.code == 7
    assert answer.document["ok"] is False
    assert "without uv" in answer.err


def test_a_folder_that_cannot_be_written_says_what_that_costs(
    cli: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QLF_HOME", "/proc/nowhere")
    answer = cli("doctor", "--json")
    assert answer.code == 0
    check = _checks(answer)["cache folder"]
    assert check["state"] == "missing"
    assert "set QLF_HOME" in check["cost"]
