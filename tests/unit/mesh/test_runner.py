"""From what a gate found to its verdict."""

from __future__ import annotations

from pathlib import Path

import pytest

from qlf.core.finding import Finding, Severity, Status
from qlf.core.spec import Spec, load_spec
from qlf.core.tree import Tree
from qlf.errors import EnvironmentUnavailable, InputError, UsageError
from qlf.mesh import GateEvent, MeshContext, runner
from qlf.mesh.bench import Bench
from qlf.mesh.gate import MOST_FINDINGS, Gate, Outcome, limited

ERROR = Finding("x.bad", "bad")
HINT = Finding("x.hint", "hm", Severity.WARNING)


@pytest.fixture
def spec() -> Spec:
    return load_spec("version: 1\napp: {name: a, title: A}\nentities: [{name: item}]\n")


@pytest.fixture
def judge(spec: Spec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    events: list[GateEvent] = []

    def run(outcome: Outcome | Exception):
        def gate(_: Bench) -> Outcome:
            if isinstance(outcome, Exception):
                raise outcome
            return outcome

        monkeypatch.setattr(runner, "_gate", lambda name: Gate(name, gate))
        context = MeshContext(tmp_path, on_event=events.append)
        (result,) = runner.verify(Tree({}), spec, context, ["static"])
        assert [event.status for event in events] == [None, result.status]
        return result

    return run


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        (Outcome(checks=1), Status.PASSED),
        (Outcome((HINT,), checks=1), Status.PASSED),
        (Outcome((ERROR,), checks=1), Status.FAILED),
        (Outcome(), Status.FAILED),
        (Outcome(checks=1, blocked="no sandbox"), Status.NOT_RUN),
        (Outcome((ERROR,), blocked="no sandbox"), Status.FAILED),
        (EnvironmentUnavailable("no index"), Status.NOT_RUN),
        (InputError("a lock without hashes"), Status.FAILED),
    ],
)
def test_what_a_gate_found_decides(judge, outcome: Outcome | Exception, status: Status) -> None:
    result = judge(outcome)
    assert result.status is status
    if status is Status.NOT_RUN:
        assert result.reason in ("no sandbox", "no index")


def test_a_defect_of_a_gate_is_not_a_verdict(judge) -> None:
    with pytest.raises(ZeroDivisionError):
        judge(ZeroDivisionError())


def test_an_unknown_gate_is_refused(spec: Spec, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no gate 'magic'"):
        runner.verify(Tree({}), spec, MeshContext(tmp_path), ["magic"])


def test_findings_are_sorted_unique_and_cut_with_a_word() -> None:
    many = [Finding("x.y", "m", path=f"f{number:03d}") for number in range(MOST_FINDINGS + 20)]
    found = limited([HINT, *reversed(many), many[0]], "x.more")
    assert len(found) == MOST_FINDINGS + 1
    assert found[0] == many[0]
    assert found[-1].message == "21 more findings are left out"
    assert limited([HINT, ERROR], "x.more") == (ERROR, HINT)
