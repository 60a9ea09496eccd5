"""How the mesh runs Schemathesis, and what its report says."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from qlf.core.finding import Finding, Severity

__all__ = ["EXCLUDED", "FuzzReport", "arguments", "configuration", "parse_report"]

EXCLUDED = {
    # A schema cannot say that a password is on the list of bad ones or a period is taken; applications refuse
    # such input rightly. That valid input is accepted is what the driver of the gate `runtime` proves.
    "positive_data_acceptance": "business rules refuse what a schema allows",
}
"""Checks of Schemathesis that are left out, with the reason."""

_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


@dataclass(frozen=True, slots=True)
class FuzzReport:
    """What one run found."""

    findings: tuple[Finding, ...]
    cases: int
    """Requests with generated input."""
    operations: int
    """Operations that were tested."""
    version: str


def arguments(contract: str, report: str, config: str, examples: int, phases: str) -> tuple[str, ...]:
    """The command line, without the program.

    Args:
        contract: Path of the OpenAPI document.
        report: Path of the JSON report to write.
        config: Path of the configuration.
        examples: Most cases an operation and phase.
        phases: Names with commas.
    """
    return (
        *("--config-file", config, "run", contract, "--url", "http://localhost"),
        *("--phases", phases, "--max-examples", str(examples), "--generation-deterministic"),
        *("--checks", "all", "--exclude-checks", ",".join(EXCLUDED)),
        *("--request-timeout", "15", "--suppress-health-check", "all", "--continue-on-failure"),
        *("--report", "json", "--report-json-path", report, "--no-color", "--no-shrink"),
    )


def configuration(scheme: str | None, login: str) -> str:
    """The configuration file. The account comes by `CHECKER_EMAIL` and `CHECKER_PASSWORD`.

    Args:
        scheme: Name of the security scheme to sign in for; `None` stays anonymous.
        login: Path of the route that gives tokens.
    """
    lines = ["[auth]", "auto-signup = false"]
    if scheme is not None:
        lines += [
            f"[auth.dynamic.openapi.{json.dumps(scheme)}]",
            f"path = {json.dumps(login)}",
            'payload = { email = "${CHECKER_EMAIL}", password = "${CHECKER_PASSWORD}" }',
            'extract_selector = "/access_token"',
        ]
    return "\n".join(lines) + "\n"


def parse_report(data: bytes, who: str) -> FuzzReport:
    """Read the JSON report.

    Args:
        data: Its bytes.
        who: As whom the requests were sent, for the findings.

    Raises:
        ValueError: If it is not a report of a run that came to its end.
    """
    try:
        report: dict[str, Any] = json.loads(data)
        if not report["complete"]:
            raise ValueError("the run was not completed")
        findings = [
            _finding(failure, operation, who)
            for failure in report["failures"]
            for operation in failure["operations"]
        ]
        findings += [
            Finding("contract.fuzz-error", f"as {who}: the run met an error: {error['title']}")
            for error in report["errors"]
        ]
        operations = int((report["operations"] or {}).get("tested", 0))
        cases = int(report["test_cases"]["generated"])
        version = str(report["schemathesis_version"])
    except (KeyError, TypeError, RecursionError) as error:
        raise ValueError("the report has another form") from error
    return FuzzReport(tuple(findings), cases, operations, version)


def _finding(failure: dict[str, Any], operation: str, who: str) -> Finding:
    rule = _WORD.sub("-", str(failure["type"])).lower()
    return Finding(f"contract.{rule}", f"{operation} as {who}: {failure['title']}", Severity.ERROR)
