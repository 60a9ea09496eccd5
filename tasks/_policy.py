"""What all tasks share: when a retry has a chance, and under which key a result is cached."""

from __future__ import annotations

from typing import Any

from prefect import Task
from prefect.client.schemas.objects import State, TaskRun
from prefect.context import TaskRunContext

from qlf.engine.steps import stored_value
from qlf.engine.transient import is_transient

__all__ = ["cache_key", "retry_has_a_chance"]


async def retry_has_a_chance(task: Task[..., Any], run: TaskRun, state: State[Any]) -> bool:  # noqa: ARG001
    """Whether the failure in `state` may pass; the same answer as the inline runner gives."""
    error = await state.aresult(raise_on_failure=False)
    return isinstance(error, BaseException) and is_transient(error)


def cache_key(context: TaskRunContext, parameters: dict[str, Any]) -> str | None:  # noqa: ARG001
    """The address of the step, as long as the result store holds its value.

    A result that the store has lost, or never took because it was not final, is worked out again.
    """
    call = parameters["call"]
    held = stored_value(call.node, call.address, call.context) is not None
    return str(call.address) if held else None
