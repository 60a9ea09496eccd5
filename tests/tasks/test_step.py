from __future__ import annotations

import errno
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from qlf.engine.plan import Node
from qlf.engine.steps import StepOutcome
from qlf.errors import InputError


def outcome(kind: Any, value: dict[str, Any], *, cached: bool = False) -> StepOutcome:
    return StepOutcome(Node("x", kind, "x", (), "x"), "a" * 64, cached, value, 1)


@pytest.mark.parametrize(
    ("made", "kind", "name"),
    [
        (outcome("agent", {"tree": "1"}, cached=True), "COMPLETED", "Cached"),
        (outcome("gate", {"status": "failed", "findings": [1, 2]}), "FAILED", "Failed"),
        (
            outcome("gate", {"status": "not-run", "reason": "no sandbox", "findings": []}),
            "COMPLETED",
            "NotRun",
        ),
    ],
)
def test_a_state_says_how_the_step_ended(made: StepOutcome, kind: str, name: str) -> None:
    from tasks.step import _state

    state = _state(made)
    assert (state.type.value, state.name) == (kind, name)
    assert state.data == made.value


@pytest.mark.parametrize(
    "made", [outcome("agent", {"tree": "1"}), outcome("gate", {"status": "passed", "findings": []})]
)
def test_a_step_that_went_well_gives_its_value(made: StepOutcome) -> None:
    from tasks.step import _state

    assert _state(made) == made.value


@pytest.mark.parametrize(
    ("error", "expected"),
    [(OSError(errno.EAGAIN, "x"), True), (InputError("x"), False), (KeyError("x"), False)],
)
async def test_both_runners_agree_on_what_is_tried_again(error: Exception, expected: bool) -> None:
    from prefect.states import Failed

    from tasks._policy import retry_has_a_chance

    assert await retry_has_a_chance(SimpleNamespace(), SimpleNamespace(), Failed(data=error)) is expected


def test_a_task_bears_the_name_of_its_node_and_keeps_json(tmp_path: Path) -> None:
    from tasks.step import step_task

    made = step_task(Node("agent:api", "agent", "api", (), "agent: api"), tmp_path)
    assert made.name == "agent: api"
    assert made.result_serializer == "json"
    assert made.persist_result


def test_task_runs_start_with_equal_tags_and_show_their_kind_once_they_have_their_slots(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tasks import step

    node = Node("agent:api", "agent", "api", (), "agent: api")
    assert step.step_task(node, tmp_path).tags == {"qlf"}
    monkeypatch.setattr(step, "cache_key", lambda context, parameters: "key")
    context: Any = SimpleNamespace(task_run=SimpleNamespace(tags=["qlf"]))
    # Prefect asks once for each attempt.
    for _ in range(2):
        assert step._key(context, {"call": SimpleNamespace(node=node)}) == "key"
    assert context.task_run.tags == ["qlf", "agent"]
