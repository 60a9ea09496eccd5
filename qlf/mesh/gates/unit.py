"""Gate `unit`: the application's own tests pass."""

from __future__ import annotations

from qlf.core.finding import Finding
from qlf.errors import InputError
from qlf.mesh.bench import Bench
from qlf.mesh.checks.junit import TestReport, parse_junit, stable
from qlf.mesh.gate import Gate, Outcome, limited
from qlf.sandbox import Completed, Limits

_MIB = 1024 * 1024
_LIMITS = Limits(
    cpu_seconds=600,
    wall_seconds=600.0,
    memory_bytes=2048 * _MIB,
    scratch_bytes=1024 * _MIB,
    output_bytes=4 * _MIB,
)
_REPORT = "junit.xml"
# A fixed hash seed: what fails must fail again when somebody looks at it.
_ENV = {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": "0"}


def _run(bench: Bench) -> Outcome:
    with bench.files() as app, bench.sandbox.workspace({}) as out:
        reports = bench.sandbox.place(out.path, "/out", writable=True)
        words = (*bench.runbook.test, f"{reports.target}/{_REPORT}")
        done = bench.run(bench.command(words, app, env=_ENV, mounts=(reports,), limits=_LIMITS))
        evidence: dict[str, object] = {"sandbox": done.tier.value}
        try:
            report = parse_junit(out.read(_REPORT))
        except (InputError, ValueError):
            return Outcome((_no_report(done),), evidence=evidence)
    evidence |= {"passed": report.passed, "failed": report.failed, "skipped": report.skipped}
    return Outcome(
        limited(_findings(done, report), "unit.more"),
        checks=report.executed,
        summary=f"{report.passed} passed, {report.failed} failed, {report.skipped} skipped",
        evidence=evidence,
    )


def _findings(done: Completed, report: TestReport) -> list[Finding]:
    findings = list(report.findings)
    if report.executed == 0:
        findings.append(Finding("unit.nothing", "no test was executed"))
    if done.killed_reason is not None:
        findings.append(Finding("unit.stopped", f"the test run was stopped ({done.killed_reason})"))
    elif done.returncode != 0 and not findings:
        # The report alone proves nothing: it is written by the code under test.
        findings.append(
            Finding("unit.exit", f"the test run ended with {done.returncode} though no test failed")
        )
    elif done.returncode == 0 and report.failed:
        findings.append(Finding("unit.exit", "the test run claims success though tests failed"))
    return findings


def _no_report(done: Completed) -> Finding:
    if done.killed_reason is not None:
        return Finding(
            "unit.stopped", f"the test run was stopped ({done.killed_reason}) before it could report"
        )
    said = [
        line for line in (done.stdout + done.stderr).decode(errors="replace").splitlines() if line.strip()
    ]
    words = f": {stable(said[-1])}" if said else ""
    return Finding("unit.no-report", f"the test run ended with {done.returncode} and left no report{words}")


GATE = Gate("unit", _run)
