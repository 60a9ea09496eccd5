"""The gate `contract` passes the golden application and fails when it is not what its contract says."""

from __future__ import annotations

import pytest

from qlf.core.finding import GateResult, Status
from qlf.core.spec import Spec
from qlf.core.tree import Tree
from qlf.mesh import MeshContext, run_gate

pytestmark = pytest.mark.real


def test_the_golden_application_keeps_its_contract(golden: Tree, spec: Spec, context: MeshContext) -> None:
    result = run_gate("contract", golden, spec, context)
    assert result.status is Status.PASSED, result.findings or result.reason
    assert result.evidence["cases"] > 500


@pytest.fixture(scope="module")
def verdict(golden: Tree, spec: Spec, context: MeshContext, broken) -> GateResult:
    """Of an application that breaks its contract in three ways; one run finds them all."""
    tree = broken(golden, "openapi.json", '"title": "Users"', '"title": "Losers"')
    tree = broken(
        tree,
        "app/api/user.py",
        "    return service.get_user(session, access, user_id)",
        "    raise RuntimeError",
    )
    tree = broken(
        tree,
        "app/api/me.py",
        "    return service.get_profile(session, principal)",
        "    from starlette.responses import JSONResponse\n\n"
        '    return JSONResponse({"id": 7})  # type: ignore[return-value]',
    )
    return run_gate("contract", tree, spec, context)


def test_a_drifted_contract_is_found_by_its_place(verdict: GateResult) -> None:
    assert verdict.status is Status.FAILED
    drift = [found for found in verdict.errors if found.rule == "contract.drift"]
    assert [(found.message, found.path) for found in drift] == [
        ("/info/title is served differently", "openapi.json")
    ]


def test_an_error_500_is_found(verdict: GateResult) -> None:
    found = {f.message.partition(" as ")[0] for f in verdict.errors if f.rule == "contract.server-error"}
    assert "GET /api/v1/users/{user_id}" in found


def test_an_answer_that_violates_its_schema_is_found(verdict: GateResult) -> None:
    found = {f.message.partition(" as ")[0] for f in verdict.errors if f.rule == "contract.json-schema-error"}
    assert "GET /api/v1/me" in found


def test_an_application_without_contract_fails(golden: Tree, spec: Spec, context: MeshContext) -> None:
    tree = Tree((path, file) for path, file in golden.items() if path != "openapi.json")
    result = run_gate("contract", tree, spec, context)
    assert [found.rule for found in result.errors] == ["contract.missing"]
