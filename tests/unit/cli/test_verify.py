"""`qlf verify`: verdict, exit code, reports and edited files, on gates that stand in."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from qlf.core.finding import Finding, GateResult, Status

BRIEF = "A library. Books have a title and an author."


@pytest.fixture
def app(cli: Callable[..., Any], gates: Any) -> Path:
    """A generated application."""
    assert cli("generate", BRIEF, "-o", "app", "--verify", "none").code == 0
    return Path("app")


def test_passed_is_said_on_stdout_and_by_the_exit_code(cli: Callable[..., Any], app: Path) -> None:
    answer = cli("verify", str(app))
    assert (answer.code, answer.out) == (0, "passed\n")
    assert "static  passed" in answer.err


def test_a_failed_gate_is_4(cli: Callable[..., Any], app: Path, gates: Any) -> None:
    gates.results["unit"] = GateResult("unit", Status.FAILED, findings=(Finding("unit.test", "boom"),))
    answer = cli("verify", str(app), "--json")
    assert answer.code == 4
    assert answer.document["verdict"] == "failed"
    assert "unit failed" in answer.err


def test_a_gate_that_could_not_run_is_not_passed(cli: Callable[..., Any], app: Path, gates: Any) -> None:
    gates.results["unit"] = GateResult("unit", Status.NOT_RUN, reason="no sandbox works here")
    answer = cli("verify", str(app))
    assert (answer.code, answer.out) == (4, "incomplete\n")
    assert "no sandbox works here" in answer.err
    assert "not proven" in answer.err


def test_only_the_named_gates_run(cli: Callable[..., Any], app: Path, gates: Any) -> None:
    assert cli("verify", str(app), "--gate", "unit").code == 0
    assert gates.calls == ["unit"]


def test_an_unknown_gate_is_a_wrong_command_line(cli: Callable[..., Any], app: Path) -> None:
    answer = cli("verify", str(app), "--gate", "security")
    assert answer.code == 2
    assert "'security'" in answer.err


def test_edited_files_are_named(cli: Callable[..., Any], app: Path) -> None:
    (app / "openapi.json").write_text("edited")
    answer = cli("verify", str(app), "--json")
    assert answer.document["edited"] == ["openapi.json"]
    assert "differs from what qlf wrote: openapi.json" in answer.err


def test_reports_for_other_tools_are_written(cli: Callable[..., Any], app: Path, gates: Any) -> None:
    finding = Finding("unit.test", "boom", path="tests/test_x.py", line=3)
    gates.results["unit"] = GateResult("unit", Status.FAILED, findings=(finding,), checks=1)
    assert cli("verify", str(app), "--sarif", "v.sarif", "--junit", "v.xml").code == 4
    sarif = json.loads(Path("v.sarif").read_text())
    assert sarif["runs"][0]["results"][0]["ruleId"] == "unit.test"
    assert ET.parse("v.xml").getroot().tag == "testsuites"


def test_a_report_that_cannot_be_written_is_told(cli: Callable[..., Any], app: Path) -> None:
    answer = cli("verify", str(app), "--sarif", "no/such/v.sarif")
    assert answer.code == 3
    assert "v.sarif" in answer.err


@pytest.mark.parametrize("target", ["nowhere", "empty", "file"])
def test_what_is_no_application_is_refused(cli: Callable[..., Any], gates: Any, target: str) -> None:
    Path("empty").mkdir()
    Path("file").write_text("x")
    answer = cli("verify", target)
    assert answer.code == 3
    assert target in answer.err
    assert gates.calls == []
