"""Reads the JUnit XML of a test run. The run was not ours to trust, so neither is its report."""

from __future__ import annotations

import re
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from qlf.core.finding import Finding
from qlf.core.paths import PathRefused, check_path

__all__ = ["TestReport", "parse_junit"]

_MAX_MESSAGE = 300
_VOLATILE = (
    (re.compile(r"0x[0-9a-fA-F]{6,}"), "0x…"),
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"), "<uuid>"),
    (re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?"), "<time>"),
    (re.compile(r"/tmp/[\w./-]+"), "<temporary>"),  # noqa: S108 - only looked for
    (re.compile(r"\b[0-9a-f]{32,}\b"), "<digest>"),
)


@dataclass(frozen=True, slots=True)
class TestReport:
    """What was executed, and what went wrong."""

    passed: int
    failed: int
    skipped: int
    findings: tuple[Finding, ...]

    @property
    def executed(self) -> int:
        """Tests that ran to a verdict; a skipped one did not."""
        return self.passed + self.failed


def parse_junit(data: bytes) -> TestReport:
    """Count the tests and turn each failure into a finding.

    Raises:
        ValueError: If it is no JUnit report, or declares entities, which no honest report does.
    """
    # Entities are how XML grows without bound (CWE-776); a report needs none.
    if b"<!" in data.replace(b"<![CDATA[", b""):
        raise ValueError("the report declares a document type")
    try:
        root = ET.fromstring(data)  # noqa: S314 - declarations were refused above
    except (ET.ParseError, RecursionError) as error:
        raise ValueError("the report is not XML") from error
    if root.tag not in ("testsuites", "testsuite"):
        raise ValueError("the report holds no test suite")
    passed = failed = skipped = 0
    findings: list[Finding] = []
    for case in root.iter("testcase"):
        bad = [child for child in case if child.tag in ("failure", "error")]
        if bad:
            failed += 1
            findings.append(_finding(case, bad[0]))
        elif case.find("skipped") is not None:
            skipped += 1
        else:
            passed += 1
    return TestReport(passed, failed, skipped, tuple(findings))


def stable(text: str) -> str:
    """`text` on one line, without what differs from run to run."""
    text = " ".join(text.split())
    for pattern, replacement in _VOLATILE:
        text = pattern.sub(replacement, text)
    return text if len(text) <= _MAX_MESSAGE else text[: _MAX_MESSAGE - 1] + "…"


def _finding(case: ET.Element, bad: ET.Element) -> Finding:
    module = case.get("classname") or ""
    name = stable(case.get("name") or "a test")
    message = stable(bad.get("message") or bad.text or "no message")
    kind = "unit.failed" if bad.tag == "failure" else "unit.error"
    return Finding(kind, f"{name}: {message}", path=_path(module, case.get("file")))


def _path(module: str, file: str | None) -> str | None:
    """The file of a test; classes inside it are left off the dotted name."""
    parts = [part for part in module.split(".") if part and not part[0].isupper()]
    path = file or ("/".join(parts) + ".py" if parts else "")
    try:
        return check_path(path)
    except PathRefused:
        return None
