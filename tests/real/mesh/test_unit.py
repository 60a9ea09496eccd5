"""The gate `unit` runs the application's own tests, and never passes without any."""

from __future__ import annotations

import pytest

from qlf.core.finding import Status
from qlf.core.spec import Spec
from qlf.core.tree import File, Tree
from qlf.mesh import MeshContext, run_gate

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def untested(golden: Tree) -> Tree:
    """The golden application without its tests."""
    return Tree((path, file) for path, file in golden.items() if not path.startswith("tests/"))


def _with_tests(tree: Tree, text: str) -> Tree:
    return Tree({**tree, "tests/test_it.py": File(text.encode())})


def test_the_golden_application_passes_its_tests(golden: Tree, spec: Spec, context: MeshContext) -> None:
    result = run_gate("unit", golden, spec, context)
    assert result.status is Status.PASSED, result.findings
    assert result.checks > 100
    assert result.evidence["failed"] == 0


def test_failures_are_named_with_file_and_message(untested: Tree, spec: Spec, context: MeshContext) -> None:
    tree = _with_tests(
        untested,
        "import pytest\n\n"
        "def test_right(): assert True\n"
        "def test_wrong(): assert 1 + 1 == 3, 'bad sum'\n"
        "@pytest.fixture\ndef gone(): raise OSError('no such thing')\n"
        "def test_error(gone): assert True\n"
        "@pytest.mark.skip\ndef test_skipped(): assert True\n",
    )
    result = run_gate("unit", tree, spec, context)
    assert result.status is Status.FAILED
    assert result.checks == 3
    assert result.evidence == {"sandbox": "namespaces", "passed": 1, "failed": 2, "skipped": 1}
    said = [(found.rule, found.path, found.message) for found in result.findings]
    assert said[0] == ("unit.error", "tests/test_it.py", said[0][2])
    assert "no such thing" in said[0][2]
    assert said[1][0] == "unit.failed"
    assert "test_wrong" in said[1][2]
    assert "bad sum" in said[1][2]


def test_no_tests_is_a_failure(untested: Tree, spec: Spec, context: MeshContext) -> None:
    result = run_gate("unit", _with_tests(untested, ""), spec, context)
    assert result.status is Status.FAILED
    assert {found.rule for found in result.errors} == {"unit.nothing"}


def test_only_skipped_tests_is_a_failure(untested: Tree, spec: Spec, context: MeshContext) -> None:
    tree = _with_tests(untested, "import pytest\n\n@pytest.mark.skip\ndef test_it(): assert True\n")
    result = run_gate("unit", tree, spec, context)
    assert result.status is Status.FAILED
    assert result.checks == 0


def test_leaving_early_with_success_is_a_failure(untested: Tree, spec: Spec, context: MeshContext) -> None:
    tree = _with_tests(untested, "import os\n\ndef test_it(): os._exit(0)\n")
    result = run_gate("unit", tree, spec, context)
    assert result.status is Status.FAILED
    assert {found.rule for found in result.errors} == {"unit.no-report"}


def test_tests_have_no_network_and_no_way_to_the_host(
    untested: Tree, spec: Spec, context: MeshContext
) -> None:
    tree = _with_tests(
        untested,
        "import os, socket\nimport pytest\n\n"
        "def test_no_network():\n"
        "    with pytest.raises(OSError):\n"
        "        socket.create_connection(('192.0.2.1', 80), timeout=2)\n\n"
        "def test_no_home():\n    assert not os.path.exists('/root/.ssh')\n    assert os.getuid() != 0\n",
    )
    result = run_gate("unit", tree, spec, context)
    assert result.status is Status.PASSED, result.findings
