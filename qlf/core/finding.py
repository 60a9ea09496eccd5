"""What a check found, as a value: findings, severities and the verdict of a gate."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

__all__ = ["Finding", "GateResult", "Severity", "Status", "passed"]


class Severity(StrEnum):
    """How bad a finding is. Only an `ERROR` fails a gate."""

    NOTE = "note"
    WARNING = "warning"
    ERROR = "error"


class Status(StrEnum):
    """How a gate ended. `NOT_RUN` always carries a reason and never counts as passed."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_RUN = "not-run"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a check has to say, with the place it is about."""

    rule: str
    """Stable identifier of the rule, such as `static.lint.F401`."""
    message: str
    severity: Severity = Severity.ERROR
    path: str | None = None
    """File inside the application, with forward slashes."""
    line: int | None = None
    """One-based line in `path`."""

    def to_json(self) -> dict[str, Any]:
        """The finding as plain JSON data; empty places are left out."""
        data: dict[str, Any] = {"rule": self.rule, "severity": self.severity.value, "message": self.message}
        if self.path is not None:
            data["path"] = self.path
        if self.line is not None:
            data["line"] = self.line
        return data


@dataclass(frozen=True, slots=True)
class GateResult:
    """The verdict of one gate of the mesh."""

    name: str
    status: Status
    milliseconds: int = 0
    findings: tuple[Finding, ...] = ()
    reason: str | None = None
    """Why the gate did not run, or one line that sums up what it did."""
    checks: int = 0
    """How many separate checks were executed (tests, requests, files)."""
    evidence: dict[str, Any] = field(default_factory=dict)
    """Facts worth keeping: versions, counts, the sandbox tier. Plain JSON data."""

    def __post_init__(self) -> None:
        if self.status is Status.NOT_RUN and not self.reason:
            raise ValueError(f"gate {self.name!r} did not run and gives no reason")
        if self.status is Status.PASSED and self.errors:
            raise ValueError(f"gate {self.name!r} claims to have passed with {len(self.errors)} errors")

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that fail the gate."""
        return tuple(found for found in self.findings if found.severity is Severity.ERROR)

    def to_json(self) -> dict[str, Any]:
        """The result as plain JSON data, `seconds` rounded to milliseconds."""
        data: dict[str, Any] = {
            "name": self.name,
            "status": self.status.value,
            "seconds": self.milliseconds / 1000,
            "checks": self.checks,
            "findings": [found.to_json() for found in self.findings],
        }
        if self.reason is not None:
            data["reason"] = self.reason
        if self.evidence:
            data["evidence"] = self.evidence
        return data


def passed(results: list[GateResult] | tuple[GateResult, ...]) -> bool:
    """True when no gate failed; gates that did not run do not fail, and are shown as such."""
    return all(result.status is not Status.FAILED for result in results)
