"""Walking a plan with Prefect tasks: independent nodes at the same time, each named and cached."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from prefect.client.schemas.objects import State

from qlf.engine.context import EngineContext
from qlf.engine.events import Event
from qlf.engine.plan import Node, Plan
from qlf.engine.request import GenerateRequest
from qlf.engine.steps import StepOutcome, inputs_of
from tasks.step import StepCall, step_task

__all__ = ["Hook", "walk_plan"]

Hook = Callable[[StepOutcome], Awaitable[None]]


class _NotStarted(Exception):
    """A node whose turn never came, because another one failed."""


class _Walk:
    def __init__(self, plan: Plan, request: GenerateRequest, context: EngineContext, after: Hook) -> None:
        self.request = request
        self.context = context
        self.after = after
        self.values: dict[str, Any] = {}
        self.states: dict[str, State[Any]] = {}
        self.failed = False
        self.slots = asyncio.Semaphore(context.workers)
        self.steps: dict[str, asyncio.Task[StepOutcome]] = {}
        for node in plan.nodes:
            self.steps[node.id] = asyncio.create_task(self.step(node), name=node.id)

    async def step(self, node: Node) -> StepOutcome:
        for needed in node.needs:
            try:
                await asyncio.shield(self.steps[needed])
            except Exception as error:
                raise _NotStarted(node.id) from error
        async with self.slots:
            if self.failed:
                raise _NotStarted(node.id)
            try:
                outcome = await self.run(node)
            except BaseException:
                self.failed = True
                raise
        self.values[node.id] = outcome.value
        await self.after(outcome)
        return outcome

    async def run(self, node: Node) -> StepOutcome:
        call = StepCall(node, self.request, inputs_of(node, self.values), self.context)
        before = [self.states[needed] for needed in node.needs]
        task: Any = step_task(node, self.context.store.runner_results)
        state: State[Any] = await task(call, wait_for=before, return_state=True)
        # For those that wait for it; given the value as well, Prefect searches all of it, twice each time.
        self.states[node.id] = state.model_copy(update={"data": node.id})
        if call.outcome is not None:
            return call.outcome
        value = await state.aresult()
        self.context.tell(Event("cached", node.id, node.title))
        return StepOutcome(node, call.address, cached=True, value=value, milliseconds=0)


async def walk_plan(
    plan: Plan, request: GenerateRequest, context: EngineContext, after: Hook
) -> tuple[StepOutcome, ...]:
    """Do every node of the plan.

    Args:
        plan: What to do.
        request: What was asked for.
        context: Store, parts and progress.
        after: Called with each outcome, as soon as it is there.

    Returns:
        One outcome a node, in the order of the plan.

    Raises:
        QlfError: Of the first node, in the order of the plan, that failed; no further node is started.
    """
    walk = _Walk(plan, request, context, after)
    results = await asyncio.gather(*walk.steps.values(), return_exceptions=True)
    errors = [result for result in results if isinstance(result, BaseException)]
    for error in errors:
        if not isinstance(error, _NotStarted):
            raise error
    return tuple(result for result in results if isinstance(result, StepOutcome))
