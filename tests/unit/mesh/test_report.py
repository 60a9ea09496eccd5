"""Verdicts for other programs."""

from __future__ import annotations

import json
from xml.etree import ElementTree as ET

from qlf.core.finding import Finding, GateResult, Severity, Status
from qlf.mesh.report import to_json, to_junit, to_sarif

RESULTS = [
    GateResult(
        "static",
        Status.FAILED,
        1500,
        (
            Finding("static.lint.F401", "unused \x1b[31m", path="app/a b.py", line=3),
            Finding("static.more", "hm", Severity.WARNING),
        ),
        checks=2,
    ),
    GateResult("unit", Status.NOT_RUN, reason="no sandbox"),
    GateResult("runtime", Status.PASSED, 10, checks=3),
]


def test_sarif_names_places_levels_and_what_did_not_run() -> None:
    log = json.loads(to_sarif(RESULTS))
    (run,) = log["runs"]
    assert log["version"] == "2.1.0"
    first, second = run["results"]
    assert first["level"] == "error"
    assert run["tool"]["driver"]["rules"][first["ruleIndex"]]["id"] == first["ruleId"] == "static.lint.F401"
    place = first["locations"][0]["physicalLocation"]
    assert place == {
        "artifactLocation": {"uri": "app/a%20b.py", "uriBaseId": "SRCROOT"},
        "region": {"startLine": 3},
    }
    assert second["level"] == "warning"
    assert "locations" not in second
    (invocation,) = run["invocations"]
    assert invocation["executionSuccessful"] is False
    assert "unit did not run: no sandbox" in invocation["toolExecutionNotifications"][0]["message"]["text"]


def test_junit_counts_errors_and_skips_what_did_not_run() -> None:
    root = ET.fromstring(to_junit(RESULTS))
    suites = {suite.get("name"): suite for suite in root}
    assert (suites["static"].get("failures"), suites["static"].get("time")) == ("1", "1.500")
    failure = suites["static"].find("testcase/failure")
    assert failure is not None
    assert failure.get("type") == "static.lint.F401"
    assert "\x1b" not in (failure.get("message") or "")
    assert suites["unit"].get("skipped") == "1"
    assert suites["unit"].find("testcase/skipped") is not None
    assert suites["runtime"].get("failures") == "0"


def test_json_holds_everything() -> None:
    assert [gate["status"] for gate in json.loads(to_json(RESULTS))["gates"]] == [
        "failed",
        "not-run",
        "passed",
    ]


def test_equal_results_give_equal_bytes() -> None:
    for write in (to_json, to_junit, to_sarif):
        assert write(RESULTS) == write(list(RESULTS))
