"""The gate `static` passes the golden application and fails for each thing that it checks."""

from __future__ import annotations

from pathlib import Path

import pytest

from qlf.core.finding import GateResult, Status
from qlf.core.spec import Spec
from qlf.core.tree import File, Tree
from qlf.mesh import MeshContext, run_gate
from qlf.sandbox import Policy, Tier

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def verdict(golden: Tree, spec: Spec, context: MeshContext) -> GateResult:
    return run_gate("static", golden, spec, context)


def _rules(result: GateResult) -> set[tuple[str, str | None]]:
    return {(found.rule, found.path) for found in result.errors}


def test_the_golden_application_passes(verdict: GateResult) -> None:
    assert verdict.status is Status.PASSED, verdict.findings
    assert verdict.checks > 100
    assert {"ruff", "mypy"} <= set(verdict.evidence["tools"])


def test_the_same_tree_gives_the_same_verdict(
    verdict: GateResult, golden: Tree, spec: Spec, context: MeshContext
) -> None:
    again = run_gate("static", golden, spec, context)
    assert {**again.to_json(), "seconds": 0} == {**verdict.to_json(), "seconds": 0}


def test_every_kind_of_fault_is_found_where_it_is(
    golden: Tree, spec: Spec, context: MeshContext, broken
) -> None:
    tree = broken(golden, "app/core/clock.py", "def now() -> datetime:", "def now() -> str:")
    tree = broken(
        tree, "app/main.py", "from collections.abc import", "import os\nfrom collections.abc import"
    )
    tree = broken(tree, "app/core/errors.py", "MEDIA_TYPE = ", "MEDIA_TYPE   =   ")
    tree = Tree(
        {
            **tree,
            "app/services/later.py": File(b'"""Later."""\n\n\ndef later() -> None:\n    # TODO\n    pass\n'),
        }
    )
    result = run_gate("static", tree, spec, context)
    assert result.status is Status.FAILED
    rules = _rules(result)
    assert ("static.lint.F401", "app/main.py") in rules
    assert ("static.format", "app/core/errors.py") in rules
    assert any(rule.startswith("static.types.") and path == "app/core/clock.py" for rule, path in rules)
    assert ("static.stub.marker", "app/services/later.py") in rules
    assert ("static.stub.empty", "app/services/later.py") in rules


def test_a_syntax_error_is_found_with_its_line(
    golden: Tree, spec: Spec, context: MeshContext, broken
) -> None:
    tree = broken(golden, "app/core/clock.py", "def now()", "def now(")
    result = run_gate("static", tree, spec, context)
    syntax = [found for found in result.errors if found.rule == "static.syntax.python"]
    assert [found.path for found in syntax] == ["app/core/clock.py"]
    assert syntax[0].line is not None


def test_checks_that_were_switched_off_are_not_passed(
    golden: Tree, spec: Spec, context: MeshContext, broken
) -> None:
    tree = broken(golden, "pyproject.toml", "strict = true", "ignore_errors = true")
    result = run_gate("static", tree, spec, context)
    assert ("static.config.types", "pyproject.toml") in _rules(result)


def test_a_lock_without_hashes_is_refused(golden: Tree, spec: Spec, context: MeshContext) -> None:
    tree = Tree({**golden, "requirements-dev.lock": File(b"ruff==0.17.6\n")})
    result = run_gate("static", tree, spec, context)
    assert result.status is Status.FAILED
    assert "static.refused" in {found.rule for found in result.errors}


def test_without_a_sandbox_it_did_not_run(
    golden: Tree, spec: Spec, tmp_path: Path, context: MeshContext
) -> None:
    nothing = Policy(minimum=Tier.A, bwrap=Path("/nonexistent/bwrap"))
    result = run_gate("static", golden, spec, MeshContext(tmp_path, policy=nothing, tools=context.tools))
    assert result.status is Status.NOT_RUN
    assert "No sandbox of tier A" in (result.reason or "")


def test_without_an_index_it_did_not_run(golden: Tree, spec: Spec, tmp_path: Path) -> None:
    result = run_gate("static", golden, spec, MeshContext(tmp_path, tools={"UV_NO_INDEX": "1"}))
    assert result.status is Status.NOT_RUN
    assert "could not be installed" in (result.reason or "")
