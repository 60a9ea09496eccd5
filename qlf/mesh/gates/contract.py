"""Gate `contract`: the running application is what its OpenAPI document says, whatever is sent to it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import resources
from itertools import islice
from typing import Any

from qlf.core.canonical import digest_value
from qlf.core.finding import Finding
from qlf.errors import InputError
from qlf.mesh.bench import Bench
from qlf.mesh.checks.drift import differences
from qlf.mesh.checks.fuzzing import EXCLUDED, FuzzReport, arguments, configuration, parse_report
from qlf.mesh.driver.contract import Contract
from qlf.mesh.driver.drive import read_contract
from qlf.mesh.gate import Gate, Outcome, limited
from qlf.mesh.http import NoAnswer
from qlf.mesh.server import ADMIN_EMAIL, BootFailed, Server, fresh_of, last_words, serve
from qlf.sandbox import Command, Limits, Tier

_MIB = 1024 * 1024
_LIMITS = Limits(
    cpu_seconds=400,
    wall_seconds=400.0,
    memory_bytes=2048 * _MIB,
    output_bytes=2 * _MIB,
    scratch_bytes=512 * _MIB,
)
_MOST_DIFFERENCES = 20
_REPORT = "report.json"
_EVERY_PHASE = "examples,coverage,fuzzing,stateful"


def _run(bench: Bench) -> Outcome:
    path = bench.runbook.contract
    evidence: dict[str, object] = {"sandbox": bench.sandbox.tier.value}
    if path not in bench.tree:
        return Outcome((Finding("contract.missing", f"there is no {path}"),), evidence=evidence)
    try:
        contract = read_contract(bench.tree[path].data, bench.runbook)
    except ValueError as error:
        return Outcome((Finding("contract.unreadable", str(error), path=path),), evidence=evidence)
    try:
        with serve(bench, fresh_of(bench), unthrottled=True) as server:
            findings = _drift(bench, contract, server)
            if bench.sandbox.tier is not Tier.A:
                blocked = "Schemathesis needs a sandbox with namespaces to reach the application from"
                return Outcome(limited(findings, "contract.more"), 1, blocked=blocked, evidence=evidence)
            reports, unfinished = _fuzz(bench, contract, server)
    except BootFailed as error:
        return Outcome((Finding(f"contract.{error.step}", error.message),), checks=1, evidence=evidence)
    for report in reports:
        findings += report.findings
        if report.operations == 0:
            findings.append(Finding("contract.fuzz-nothing", "no operation of the contract was tested"))
    cases = sum(report.cases for report in reports)
    evidence |= {
        "schemathesis": reports[0].version if reports else None,
        "cases": cases,
        "checks_left_out": dict(EXCLUDED),
    }
    return Outcome(
        limited(findings, "contract.more"),
        checks=1 + cases,
        summary=f"the served contract was compared, and {cases} generated requests were judged by it",
        blocked=unfinished,
        evidence=evidence,
    )


def _drift(bench: Bench, contract: Contract, server: Server) -> list[Finding]:
    path = bench.runbook.contract
    with server.client() as client:
        served: Any = None
        for address in _addresses(contract, bench.runbook.served_contract):
            try:
                answer = client.send("GET", address)
            except NoAnswer:
                continue
            if answer.status == 200:
                served = answer.json()
                break
    if served is None:
        return [Finding("contract.unserved", "the running application does not serve its OpenAPI document")]
    if _same(served, contract.document):
        return []
    found = list(islice(differences(contract.document, served), _MOST_DIFFERENCES))
    words = {
        "missing": "is not served",
        "added": "is served but not committed",
        "changed": "is served differently",
    }
    return [Finding("contract.drift", f"{pointer} {words[kind]}", path=path) for pointer, kind in found]


def _addresses(contract: Contract, name: str) -> list[str]:
    return list(dict.fromkeys((f"{contract.prefix}{name}", name)))


def _same(left: Any, right: Any) -> bool:
    try:
        return digest_value(left) == digest_value(right)
    except TypeError:
        # Numbers outside the canonical range; equality of the data is then all there is.
        return bool(left == right)


def _fuzz(bench: Bench, contract: Contract, server: Server) -> tuple[list[FuzzReport], str | None]:
    """One run as the administrator and one as nobody; and why a run did not end, if so."""
    scheme = _scheme(contract) if server.fresh.password is not None else None
    most = _examples(contract)
    runs: list[tuple[str, str | None, int, str]] = []
    if scheme is not None:
        runs.append(("admin", scheme, most, _EVERY_PHASE))
    # As nobody most requests end with 401; the other checks were done by the first run.
    runs.append(("anonymous", None, 3 if runs else most, "fuzzing" if runs else _EVERY_PHASE))
    reports: list[FuzzReport] = []
    for who, name, examples, phases in runs:
        report, trouble = _fuzz_as(bench, contract, server, who, name, examples, phases)
        if report is None:
            return reports, trouble
        reports.append(report)
    return reports, None


def _examples(contract: Contract) -> int:
    """How many cases an operation and phase; the more operations, the fewer each, so that it ends in time."""
    count = contract.operations
    return 10 if count <= 30 else 5 if count <= 80 else 3


def _fuzz_as(
    bench: Bench, contract: Contract, server: Server, who: str, scheme: str | None, examples: int, phases: str
) -> tuple[FuzzReport | None, str | None]:
    content = {
        "run.py": resources.files("qlf.mesh.fuzz").joinpath("run.py").read_bytes(),
        "openapi.json": json.dumps(contract.document).encode(),
        "schemathesis.toml": configuration(scheme, f"{contract.prefix}{bench.runbook.login}").encode(),
    }
    env: dict[str, str] = {"PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
    if scheme is not None:
        env |= {"CHECKER_EMAIL": ADMIN_EMAIL, "CHECKER_PASSWORD": server.fresh.password or ""}
    with bench.sandbox.workspace(content) as work:
        home = bench.sandbox.place(work.path, "/fuzz", writable=True)
        target = bench.sandbox.place(server.folder.path, "/target")
        words = arguments(
            f"{home.target}/openapi.json",
            f"{home.target}/{_REPORT}",
            f"{home.target}/schemathesis.toml",
            examples,
            phases,
        )
        own = _own_id(bench, contract, server) if scheme is not None else None
        python = bench.tools.program(bench.sandbox, "python")
        argv = (python, f"{home.target}/run.py", f"{target.target}/{server.socket_name}", own or "-", *words)
        mounts = (home, target, *bench.tools.mounts(bench.sandbox))
        done = bench.run(Command(argv, cwd=home.target, env=env, mounts=mounts, limits=_LIMITS))
        try:
            return parse_report(work.read(_REPORT), who), None
        except (InputError, ValueError) as error:
            why = (
                f"was stopped ({done.killed_reason})"
                if done.killed_reason
                else f"ended with {done.returncode}"
            )
            words_said = last_words(done.stderr or done.stdout)
            return None, f"Schemathesis as {who} {why} before it could report: {error}{words_said}"


def _scheme(contract: Contract) -> str | None:
    """The bearer scheme of the contract."""
    components: Mapping[str, Any] = contract.document.get("components", {})
    for name, scheme in sorted(components.get("securitySchemes", {}).items()):
        if contract.resolve(scheme).get("scheme", "").lower() == "bearer":
            return str(name)
    return None


def _own_id(bench: Bench, contract: Contract, server: Server) -> str | None:
    """The id of the administrator that the fuzzer signs in as."""
    book = bench.runbook
    with server.client() as client:
        try:
            body = {"email": ADMIN_EMAIL, "password": server.fresh.password}
            token = client.send("POST", f"{contract.prefix}{book.login}", body=body).json()["access_token"]
            headers = {"authorization": f"Bearer {token}"}
            return str(client.send("GET", f"{contract.prefix}{book.profile}", headers=headers).json()["id"])
        except (NoAnswer, KeyError, TypeError):
            return None


GATE = Gate("contract", _run)
