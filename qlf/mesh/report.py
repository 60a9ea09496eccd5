"""Verdicts for other programs: JSON, SARIF 2.1.0 (OASIS) and JUnit XML.

Example:
    Path("mesh.sarif").write_text(to_sarif(results))
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree as ET

from qlf import __version__
from qlf.core.finding import Finding, GateResult, Severity, Status

__all__ = ["to_json", "to_junit", "to_sarif"]

_SARIF_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "note"}
# XML 1.0 (2.2) has no way to write these, not even escaped.
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")


def to_json(results: Sequence[GateResult]) -> str:
    """The results as one JSON document."""
    return json.dumps({"gates": [result.to_json() for result in results]}, indent=2, sort_keys=True) + "\n"


def to_sarif(results: Sequence[GateResult]) -> str:
    """The findings as a SARIF log; a gate that did not run is an execution notification, never silence."""
    findings = [found for result in results for found in result.findings]
    rules = sorted({found.rule for found in findings})
    places = {rule: place for place, rule in enumerate(rules)}
    idle = [result for result in results if result.status is Status.NOT_RUN]
    run: dict[str, Any] = {
        "tool": {
            "driver": {
                "name": "qlf",
                "version": __version__,
                "rules": [{"id": rule, "shortDescription": {"text": rule}} for rule in rules],
            }
        },
        "columnKind": "unicodeCodePoints",
        "invocations": [
            {
                "executionSuccessful": not idle,
                "toolExecutionNotifications": [
                    {"level": "error", "message": {"text": f"gate {one.name} did not run: {one.reason}"}}
                    for one in idle
                ],
            }
        ],
        "results": [_result(found, places[found.rule]) for found in findings],
    }
    return json.dumps({"$schema": _SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def to_junit(results: Sequence[GateResult]) -> str:
    """The results as JUnit XML: a suite a gate, a failed case an error, a skipped case where nothing ran."""
    root = ET.Element("testsuites", name="qlf")
    for result in results:
        errors = result.errors
        idle = result.status is Status.NOT_RUN
        suite = ET.SubElement(
            root,
            "testsuite",
            name=_clean(result.name),
            tests=str(max(1, len(errors))),
            failures=str(len(errors)),
            errors="0",
            skipped="1" if idle and not errors else "0",
            time=f"{result.milliseconds / 1000:.3f}",
        )
        for found in errors:
            case = ET.SubElement(suite, "testcase", classname=_clean(result.name), name=_clean(_name(found)))
            failure = ET.SubElement(case, "failure", message=_clean(found.message), type=_clean(found.rule))
            failure.text = _clean(f"{_name(found)}: {found.message}")
        if not errors:
            case = ET.SubElement(suite, "testcase", classname=_clean(result.name), name="gate")
            if idle:
                ET.SubElement(case, "skipped", message=_clean(result.reason or ""))
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _result(found: Finding, place: int) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": found.rule,
        "ruleIndex": place,
        "level": _LEVELS[found.severity],
        "message": {"text": found.message or found.rule},
    }
    if found.path is not None:
        physical: dict[str, Any] = {"artifactLocation": {"uri": quote(found.path), "uriBaseId": "SRCROOT"}}
        if found.line is not None and found.line > 0:
            physical["region"] = {"startLine": found.line}
        result["locations"] = [{"physicalLocation": physical}]
    return result


def _name(found: Finding) -> str:
    place = f"{found.path}:{found.line}" if found.line else found.path
    return f"{found.rule} at {place}" if place else found.rule


def _clean(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)
