"""One node of a plan as a Prefect task."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from typing import Any

from prefect import Task, task
from prefect.client.schemas.objects import State
from prefect.context import TaskRunContext
from prefect.states import Completed, Failed

from qlf.core.finding import Status
from qlf.engine.context import EngineContext
from qlf.engine.plan import Node
from qlf.engine.request import GenerateRequest
from qlf.engine.steps import Inputs, StepOutcome, address_of, run_step
from qlf.engine.threads import start
from qlf.engine.transient import DELAYS_SECONDS
from tasks._policy import cache_key, retry_has_a_chance

__all__ = ["StepCall", "step_task"]


class StepCall:
    """Everything that a task needs, as one value that Prefect passes on without looking into it."""

    def __init__(self, node: Node, request: GenerateRequest, inputs: Inputs, context: EngineContext) -> None:
        self.node = node
        self.request = request
        self.inputs = inputs
        self.context = context
        self.address = address_of(node, request, inputs, context)
        self.outcome: StepOutcome | None = None
        """What came of it; stays empty when Prefect had the result itself."""


def _key(context: TaskRunContext, parameters: dict[str, Any]) -> str | None:
    # The first that Prefect asks of a task run that has its slots. It asks the server for a slot of all tags
    # together, once every few seconds for equal tags, with a connection of their own; and SQLite refuses that
    # (HTTP 503) when another request writes at that moment: two seconds lost. So all task runs start with
    # equal tags, and show their kind from here on.
    kind = parameters["call"].node.kind
    if kind not in context.task_run.tags:
        context.task_run.tags.append(kind)
    return cache_key(context, parameters)


@task(
    retries=len(DELAYS_SECONDS),
    retry_delay_seconds=list(DELAYS_SECONDS),
    retry_condition_fn=retry_has_a_chance,
    cache_key_fn=_key,
    persist_result=True,
    result_serializer="json",
)
async def do_step(call: StepCall) -> Any:
    """Do the step in a thread, so that independent steps work at the same time."""
    work = partial(run_step, call.node, call.request, call.inputs, call.context)
    outcome = await asyncio.wrap_future(start(work, f"qlf {call.node.id}"))
    call.outcome = outcome
    return _state(outcome)


def step_task(node: Node, results: Path) -> Task[[StepCall], Any]:
    """The task of a node, named after it, with its results kept in the folder `results`."""
    return do_step.with_options(
        name=node.title,
        task_run_name=node.title,
        tags=["qlf"],
        result_storage=results,
    )


def _state(outcome: StepOutcome) -> Any | State[Any]:
    value = outcome.value
    if outcome.cached:
        return Completed(name="Cached", message="Found in the result store.", data=value)
    if outcome.node.kind == "gate" and value["status"] == Status.FAILED:
        return Failed(message=f"{len(value['findings'])} findings", data=value)
    if outcome.node.kind == "gate" and value["status"] == Status.NOT_RUN:
        return Completed(name="NotRun", message=value["reason"], data=value)
    return value
