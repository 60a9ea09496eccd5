"""Reports that tools left behind: JUnit, Schemathesis, and the differences of two contracts."""

from __future__ import annotations

import json

import pytest

from qlf.mesh.checks.drift import differences
from qlf.mesh.checks.fuzzing import configuration, parse_report
from qlf.mesh.checks.junit import parse_junit, stable

JUNIT = b"""<?xml version="1.0"?><testsuites><testsuite>
<testcase classname="tests.api.test_a.TestA" name="test_ok"/>
<testcase classname="tests.test_b" name="test_bad">
<failure message="assert 1 == 2 at 0x7f00deadbeef">long</failure></testcase>
<testcase classname="tests.test_b" name="test_err"><error message="boom"/></testcase>
<testcase classname="tests.test_b" name="test_skip"><skipped/></testcase>
</testsuite></testsuites>"""


def test_tests_are_counted_and_failures_named() -> None:
    report = parse_junit(JUNIT)
    assert (report.passed, report.failed, report.skipped, report.executed) == (1, 2, 1, 3)
    assert [(f.rule, f.path, f.message) for f in report.findings] == [
        ("unit.failed", "tests/test_b.py", "test_bad: assert 1 == 2 at 0x…"),
        ("unit.error", "tests/test_b.py", "test_err: boom"),
    ]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<a/>",
        b"<testsuites>",
        b'<!DOCTYPE x [<!ENTITY a "aa">]><testsuites/>',
        b"<testsuite><![CDATA[x]]><!ENTITY y></testsuite>",
    ],
)
def test_what_is_no_honest_report_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="report"):
        parse_junit(data)


def test_what_differs_from_run_to_run_is_taken_out() -> None:
    text = "at 2026-01-02T03:04:05.678Z in /tmp/pytest-of-root/x"
    text += " id 12345678-1234-1234-1234-123456789abc\n<0x7f0000001234>"
    assert stable(text) == "at <time> in <temporary> id <uuid> <0x…>"
    assert len(stable("x" * 1000)) == 300


def test_differences_are_pointers() -> None:
    left = {"a": {"b/c": 1, "d": [1, 2]}, "e": 1, "g": True}
    right = {"a": {"b/c": 2, "d": [1, 3]}, "f": 1, "g": 1}
    assert list(differences(left, right)) == [
        ("/a/b~1c", "changed"),
        ("/a/d/1", "changed"),
        ("/e", "missing"),
        ("/f", "added"),
        ("/g", "changed"),
    ]
    assert list(differences([1], [1, 2])) == [("/", "changed")]
    assert list(differences(left, left)) == []


def _report(**changes: object) -> bytes:
    report = {
        "schemathesis_version": "1",
        "complete": True,
        "operations": {"tested": 2},
        "test_cases": {"generated": 9},
        "failures": [{"type": "ServerError", "title": "Server error", "operations": ["GET /a", "GET /b"]}],
        "errors": [{"title": "Network Error"}],
    }
    return json.dumps(report | changes).encode()


def test_failures_of_the_fuzzer_become_findings() -> None:
    report = parse_report(_report(), "admin")
    assert (report.cases, report.operations) == (9, 2)
    assert [(f.rule, f.message) for f in report.findings] == [
        ("contract.server-error", "GET /a as admin: Server error"),
        ("contract.server-error", "GET /b as admin: Server error"),
        ("contract.fuzz-error", "as admin: the run met an error: Network Error"),
    ]


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", _report(complete=False), _report(failures=None)])
def test_an_unfinished_run_is_no_verdict(data: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_report(data, "admin")


def test_no_secret_is_in_the_configuration() -> None:
    text = configuration("accessToken", "/api/v1/auth/login")
    assert "${CHECKER_PASSWORD}" in text
    assert "dynamic" not in configuration(None, "/x")
