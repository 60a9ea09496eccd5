"""Walking a plan with threads, where no Prefect API is configured."""

from __future__ import annotations

import time
from concurrent.futures import FIRST_COMPLETED, Future, wait
from functools import partial
from typing import Any

from qlf.engine.context import EngineContext
from qlf.engine.plan import Node, Plan
from qlf.engine.request import GenerateRequest
from qlf.engine.steps import StepOutcome, inputs_of, run_step
from qlf.engine.threads import start
from qlf.engine.transient import DELAYS_SECONDS, is_transient

__all__ = ["run_plan"]


def run_plan(plan: Plan, request: GenerateRequest, context: EngineContext) -> tuple[StepOutcome, ...]:
    """Do every node of the plan, independent ones at the same time.

    Returns:
        One outcome a node, in the order of the plan.

    Raises:
        QlfError: Of the first node, in the order of the plan, that failed; no further node is started.
    """
    outcomes: dict[str, StepOutcome] = {}
    values: dict[str, Any] = {}
    waiting = list(plan.nodes)
    running: dict[Future[StepOutcome], Node] = {}
    failures: dict[str, BaseException] = {}
    while running or (waiting and not failures):
        ready = [node for node in waiting if not failures and set(node.needs) <= values.keys()]
        for node in ready[: max(0, context.workers - len(running))]:
            waiting.remove(node)
            work = partial(_persist, node, request, inputs_of(node, values), context)
            running[start(work, f"qlf {node.id}")] = node
        done, _ = wait(running, return_when=FIRST_COMPLETED)
        for future in done:
            node = running.pop(future)
            error = future.exception()
            if error is not None:
                failures[node.id] = error
            else:
                outcomes[node.id] = future.result()
                values[node.id] = outcomes[node.id].value
    for node in plan.nodes:
        if node.id in failures:
            raise failures[node.id]
    return tuple(outcomes[node.id] for node in plan.nodes)


def _persist(
    node: Node, request: GenerateRequest, inputs: dict[str, Any], context: EngineContext
) -> StepOutcome:
    for delay in DELAYS_SECONDS:
        try:
            return run_step(node, request, inputs, context)
        except Exception as error:
            if not is_transient(error):
                raise
            time.sleep(delay)
    return run_step(node, request, inputs, context)
