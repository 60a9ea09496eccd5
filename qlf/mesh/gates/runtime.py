"""Gate `runtime`: the application starts, serves each entity from birth to death, and stops when told."""

from __future__ import annotations

import time

from qlf.core.finding import Finding
from qlf.mesh.bench import Bench
from qlf.mesh.driver.drive import drive, read_contract
from qlf.mesh.gate import Gate, Outcome, limited
from qlf.mesh.server import ADMIN_EMAIL, BootFailed, Server, fresh_of, serve

_GRACE_SECONDS = 5.0
"""What a loaded machine may take on top of the time that the application allows itself."""


def _run(bench: Bench) -> Outcome:
    evidence: dict[str, object] = {"sandbox": bench.sandbox.tier.value}
    try:
        with serve(bench, fresh_of(bench)) as server:
            # Migrated, made the administrator, listened, live, ready.
            checks = 5
            found, driven, entities = _drive(bench, server)
            stop = _stop(server, bench.runbook.stop_seconds + _GRACE_SECONDS)
    except BootFailed as error:
        return Outcome((Finding(f"runtime.{error.step}", error.message),), checks=1, evidence=evidence)
    return Outcome(
        limited([*found, *stop], "runtime.more"),
        checks=checks + driven + 1,
        summary=f"booted, {entities} entities driven by {driven} requests and comparisons, stopped",
        evidence=evidence | {"entities": entities, "driven": driven},
    )


def _drive(bench: Bench, server: Server) -> tuple[list[Finding], int, int]:
    book = bench.runbook
    if book.contract not in bench.tree:
        return [Finding("runtime.contract", f"there is no {book.contract} that says how to drive it")], 0, 0
    try:
        contract = read_contract(bench.tree[book.contract].data, book)
    except ValueError as error:
        return (
            [Finding("runtime.contract", f"{book.contract} cannot be read: {error}", path=book.contract)],
            0,
            0,
        )
    with server.client() as client:
        result = drive(bench.spec, contract, book, client, ADMIN_EMAIL, server.fresh.password)
    return result.findings, result.checks, result.entities


def _stop(server: Server, seconds: float) -> list[Finding]:
    """SIGTERM ends it in time, by its own will and with status 0 or as by the signal."""
    if not server.process.running:
        return [Finding("runtime.crash", "the server ended by itself while it was driven")]
    started = time.monotonic()
    done = server.process.terminate(seconds)
    if done.killed_reason == "killed" or time.monotonic() - started > seconds:
        return [Finding("runtime.stop", f"SIGTERM did not end the server within {seconds:.0f} seconds")]
    # 143 is the signal itself (128 + 15), which uvicorn raises again after it has shut down.
    if done.returncode not in (0, 143):
        return [Finding("runtime.stop", f"the server ended with {done.returncode} after SIGTERM")]
    return []


GATE = Gate("runtime", _run)
