"""The gate `runtime` passes the golden application and fails when it does not boot, serve or stop."""

from __future__ import annotations

import pytest

from qlf.core.finding import GateResult, Status
from qlf.core.spec import Spec
from qlf.core.tree import Tree
from qlf.mesh import MeshContext, run_gate

pytestmark = pytest.mark.real


@pytest.fixture
def judge(spec: Spec, context: MeshContext):
    def run(tree: Tree) -> GateResult:
        return run_gate("runtime", tree, spec, context)

    return run


def _said(result: GateResult) -> dict[str, str]:
    assert result.status is Status.FAILED
    return {found.rule: found.message for found in result.errors}


def test_the_golden_application_passes_twice_alike(golden: Tree, judge) -> None:
    first, second = judge(golden), judge(golden)
    assert first.status is Status.PASSED, first.findings
    assert first.checks > 25
    assert {**first.to_json(), "seconds": 0} == {**second.to_json(), "seconds": 0}


def test_a_broken_migration(golden: Tree, judge, broken) -> None:
    tree = broken(
        golden,
        "migrations/versions/0001_initial.py",
        "def upgrade() -> None:",
        "def upgrade() -> None:\n    raise OSError('no disk')\n\n\ndef unused() -> None:",
    )
    assert "no disk" in _said(judge(tree))["runtime.migrate"]


def test_an_application_that_does_not_start(golden: Tree, judge, broken) -> None:
    tree = broken(
        golden,
        "app/main.py",
        "def create_app(settings: Settings) -> FastAPI:",
        "def create_app(settings: Settings) -> FastAPI:\n    raise SystemExit('out of order')\n\n\n"
        "def unused(settings: Settings) -> FastAPI:",
    )
    assert "out of order" in _said(judge(tree))["runtime.start"]


def test_an_application_without_health(golden: Tree, judge, broken) -> None:
    tree = broken(golden, "app/api/router.py", ", health.router)", ")")
    assert _said(judge(tree)) == {"runtime.live": "GET /health/live answers 404, not 200"}


def test_an_application_that_is_never_ready(golden: Tree, judge, broken) -> None:
    tree = broken(golden, "app/api/health.py", '@router.get("/health/ready"', '@router.get("/health/steady"')
    assert _said(judge(tree)) == {"runtime.ready": "GET /health/ready answers 404, not 200"}


def test_a_handler_that_raises(golden: Tree, judge, broken) -> None:
    tree = broken(
        golden,
        "app/api/user.py",
        "    return service.get_user(session, access, user_id)",
        "    raise RuntimeError",
    )
    found = _said(judge(tree))
    assert "GET /api/v1/users/{user_id} as admin" in found["runtime.status"]
    assert "answers 500" in found["runtime.status"]


def test_a_create_without_location(golden: Tree, judge, broken) -> None:
    tree = broken(
        golden, "app/api/user.py", '    set_location(request, response, "get_user", user_id=user.id)\n', ""
    )
    assert set(_said(judge(tree))) == {"runtime.location"}


def test_an_update_that_is_not_stored(golden: Tree, judge, broken) -> None:
    tree = broken(
        golden,
        "app/api/user.py",
        "    return service.update_user(session, access, user_id, changes)",
        "    return service.get_user(session, access, user_id)",
    )
    assert set(_said(judge(tree))) == {"runtime.value"}


def test_a_route_that_lets_everybody_in(golden: Tree, judge, broken) -> None:
    tree = broken(
        golden,
        "app/api/user.py",
        "    dependencies=[Depends(allow(Resource.USERS, Action.CREATE))],\n",
        "",
    )
    assert "POST /api/v1/users as anonymous" in _said(judge(tree))["runtime.status"]


def test_an_application_that_ignores_sigterm(golden: Tree, judge, broken) -> None:
    tree = broken(
        golden,
        "app/main.py",
        "    yield\n",
        "    import signal\n\n    signal.signal(signal.SIGTERM, signal.SIG_IGN)\n    yield\n",
    )
    assert _said(judge(tree)) == {"runtime.stop": "SIGTERM did not end the server within 10 seconds"}
