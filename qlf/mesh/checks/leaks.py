"""Credentials that were written into the tree."""

from __future__ import annotations

from qlf.core.finding import Finding, Severity
from qlf.core.secrets import find_secrets
from qlf.core.tree import Tree

__all__ = ["check_leaks"]

# Development databases have well-known passwords in compose files; it is worth a look, not a refusal.
_MAY_BE_HARMLESS = {"password in an address"}
_ENV_EXAMPLES = (".example", ".sample", ".template", ".dist")


def check_leaks(tree: Tree) -> tuple[list[Finding], int]:
    """Scan every file; returns the findings and how many files were scanned."""
    findings: list[Finding] = []
    for path, file in tree.items():
        name = path.rsplit("/", 1)[-1]
        if name.startswith(".env") and not name.endswith(_ENV_EXAMPLES):
            findings.append(Finding("static.secret.file", "files of this name hold secrets", path=path))
        if path.endswith(".lock"):
            continue
        for found in find_secrets(file.data.decode(errors="replace")):
            severity = Severity.WARNING if found.kind in _MAY_BE_HARMLESS else Severity.ERROR
            findings.append(
                Finding("static.secret.value", f"this looks like a {found.kind}", severity, path, found.line)
            )
    return findings, len(tree)
