"""Gate `static`: the files themselves, without running the application."""

from __future__ import annotations

from collections.abc import Callable

from qlf.core.finding import Finding
from qlf.errors import EnvironmentUnavailable
from qlf.mesh.bench import CHECK_LIMITS, Bench
from qlf.mesh.checks.leaks import check_leaks
from qlf.mesh.checks.linters import check_configuration, parse_mypy, parse_ruff_check, parse_ruff_format
from qlf.mesh.checks.stubs import check_stubs
from qlf.mesh.checks.syntax import check_syntax
from qlf.mesh.gate import Gate, Outcome, limited
from qlf.sandbox import Completed, Mount


def _run(bench: Bench) -> Outcome:
    syntax, parsed = check_syntax(bench.tree)
    stubs, scanned = check_stubs(bench.tree)
    leaks, searched = check_leaks(bench.tree)
    findings = [*syntax, *stubs, *leaks, *check_configuration(bench.tree)]
    checks = parsed + scanned + searched
    evidence: dict[str, object] = {"files_parsed": parsed}
    if parsed == 0:
        findings.append(Finding("static.syntax.nothing", "the application has no file that could be checked"))
    blocked = None
    try:
        findings += _linters(bench)
        checks += 3
        evidence["tools"] = _versions(bench)
        evidence["sandbox"] = bench.sandbox.tier.value
    except EnvironmentUnavailable as error:
        blocked = f"ruff and mypy could not run: {error.message}"
    return Outcome(
        limited(findings, "static.more"),
        checks,
        summary=f"{parsed} files parsed, linted and type-checked",
        blocked=blocked,
        evidence=evidence,
    )


def _linters(bench: Bench) -> list[Finding]:
    with bench.files() as app, bench.types_cache() as cache:
        findings = _lint(bench, app) + _format(bench, app)
        # Types of a module that does not parse are not worth a minute.
        if not any(found.rule == "static.lint.invalid-syntax" for found in findings):
            findings += _types(bench, app, cache)
    return findings


def _lint(bench: Bench, app: Mount) -> list[Finding]:
    return _ruff(bench, app, "lint", bench.runbook.lint, parse_ruff_check)


def _format(bench: Bench, app: Mount) -> list[Finding]:
    return _ruff(bench, app, "format", bench.runbook.format, parse_ruff_format)


def _ruff(
    bench: Bench, app: Mount, tool: str, words: tuple[str, ...], parse: Callable[[bytes, str], list[Finding]]
) -> list[Finding]:
    done = bench.run(bench.command(words, app, limits=CHECK_LIMITS))
    if done.killed_reason is None and not done.output_truncated:
        try:
            found = parse(done.stdout, app.target)
        except (ValueError, AttributeError, RecursionError):
            return [_broken(tool, done)]
        # An exit status that does not go with the findings means that something else went wrong.
        if bool(found) == bool(done.returncode):
            return found
    return [_broken(tool, done)]


def _types(bench: Bench, app: Mount, cache: Mount) -> list[Finding]:
    words = (*bench.runbook.types, cache.target)
    done = bench.run(bench.command(words, app, mounts=(cache,), limits=CHECK_LIMITS))
    if done.returncode in (0, 1) and done.killed_reason is None and not done.output_truncated:
        try:
            found = parse_mypy(done.stdout, app.target)
        except (ValueError, AttributeError, RecursionError):
            return [_broken("types", done)]
        if any(one.severity.value == "error" for one in found) == bool(done.returncode):
            return [one for one in found if one.severity.value == "error"]
    return [_broken("types", done)]


def _broken(tool: str, done: Completed) -> Finding:
    """The tool itself failed: its configuration is wrong, or it was stopped. Never a pass."""
    said = (done.stderr or done.stdout).decode(errors="replace").strip().splitlines()
    why = f"was stopped ({done.killed_reason})" if done.killed_reason else f"ended with {done.returncode}"
    words = f": {said[-1][:200]}" if said and not done.killed_reason else ""
    return Finding(f"static.{tool}.broken", f"the check {why}{words}")


def _versions(bench: Bench) -> dict[str, str]:
    """The versions that the application's own lock names."""
    versions = {}
    for line in bench.tree.text(bench.runbook.check_lock).splitlines():
        name, separator, rest = line.partition("==")
        if separator and name in ("ruff", "mypy"):
            versions[name] = rest.split()[0]
    return versions


GATE = Gate("static", _run)
