"""`generate-app`: from a brief to a verified application, visible in Prefect with all that it made."""

from __future__ import annotations

import asyncio
import time
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from prefect import flow, get_run_logger, tags
from prefect.artifacts import Artifact
from prefect.client.schemas.objects import State
from prefect.context import FlowRunContext
from prefect.states import Completed, Failed
from prefect.utilities.urls import url_for

from flows._plain import spare_certificates
from flows._walk import walk_plan
from flows.parameters import GenerateParameters
from qlf.engine.context import EngineContext
from qlf.engine.events import Listener
from qlf.engine.generate import GenerateResult, collect, finish, prepare
from qlf.engine.record import FLOW_NAME, run_name
from qlf.engine.report import data_model_artifact, files_artifact, gates_artifact, spec_artifact
from qlf.engine.steps import StepOutcome

__all__ = ["GenerateParameters", "generate_app", "run_here"]

_CONTEXT: ContextVar[EngineContext | None] = ContextVar("qlf_engine_context", default=None)
_RESULT: ContextVar[list[GenerateResult] | None] = ContextVar("qlf_result", default=None)


@flow(
    name=FLOW_NAME,
    flow_run_name="generate",
    description="From a brief in plain words to an application that boots and says what was proven.",
    persist_result=True,
    result_serializer="json",
)
async def generate_app(parameters: GenerateParameters) -> Any:
    """Compile the brief, let the agents write, assemble, verify, and write the folder.

    The run ends as failed when a gate failed; the folder is written all the same.

    Raises:
        QlfError: What a step or the output folder refuses.
    """
    started = time.perf_counter()
    request = parameters.request()
    target = Path(parameters.output) if parameters.output is not None else None
    context = _CONTEXT.get() or _context_of_this_machine()
    await asyncio.to_thread(prepare, target, context)
    plan = context.plan(request)
    shown = _Shown(context)
    outcomes = await walk_plan(plan, request, context, shown.after)
    gates = await asyncio.to_thread(collect, request, plan, outcomes, context)
    shown.artifact(gates_artifact(gates.facts["gates"]))
    result = await asyncio.to_thread(
        finish, request, plan, outcomes, target, context, started=started, run_url=shown.run_url
    )
    await shown.finish()
    for note in result.notes:
        get_run_logger().warning(note)
    holder = _RESULT.get()
    if holder is not None:
        holder.append(result)
    return _final_state(result)


def run_here(
    parameters: GenerateParameters, on_event: Listener | None = None, context: EngineContext | None = None
) -> dict[str, Any]:
    """Run the flow in this process, and return the document of `qlf generate --json`.

    A failed gate is told by the document, not by an exception.

    Raises:
        QlfError: What a step or the output folder refuses.
    """
    context = context or _context_of_this_machine()
    context.on_event = on_event or context.on_event
    results: list[GenerateResult] = []
    tokens = _CONTEXT.set(context), _RESULT.set(results)
    try:
        with spare_certificates(context.home):
            state: State[Any] = asyncio.run(_run(parameters, context))
        if not results:
            state.result()
    finally:
        _CONTEXT.reset(tokens[0])
        _RESULT.reset(tokens[1])
    return results[0].to_json()


async def _run(parameters: GenerateParameters, context: EngineContext) -> State[Any]:
    here = generate_app.with_options(result_storage=context.store.runner_results)
    # The method of Prefect loads FastAPI, a tenth of a second, to come to the same.
    here.serialize_parameters = _as_json  # type: ignore[method-assign]
    with tags("qlf"):
        state: State[Any] = await here(parameters, return_state=True)
    return state


def _as_json(parameters: dict[str, Any]) -> dict[str, Any]:
    return {name: value.model_dump(mode="json") for name, value in parameters.items()}


class _Written(Artifact):
    """An artifact whose data is the text to show: the base class would quote it once more."""

    async def aformat(self) -> str:
        return str(self.data)


class _Shown:
    """What a run shows of itself while it goes: name and artifacts. No failure here fails the run."""

    def __init__(self, context: EngineContext) -> None:
        self._context = context
        self._pending: list[asyncio.Task[None]] = []
        run = FlowRunContext.get()
        # The connection of the run itself: a new one costs tens of milliseconds of CPU each time.
        self._client: Any = run.client if run is not None else None
        self._run_id = run.flow_run.id if run is not None and run.flow_run is not None else None
        self.run_url = url_for("flow-run", obj_id=self._run_id) if self._run_id is not None else None

    async def after(self, outcome: StepOutcome) -> None:
        """Show what a node made, without waiting for it."""
        if outcome.node.kind == "compile":
            spec = outcome.value["spec"]
            self._start(self._rename(run_name(spec["app"]["name"], outcome.value["spec_digest"])))
            self.artifact(spec_artifact(spec))
            self.artifact(data_model_artifact(spec))
        elif outcome.node.kind == "assemble":
            tree = self._context.tree(outcome.value["tree"])
            if tree is not None:
                self.artifact(files_artifact(tree))

    def artifact(self, artifact: dict[str, Any]) -> None:
        """Show an artifact, without waiting for it."""
        self._start(_Written(**artifact).acreate(self._client))

    async def finish(self) -> None:
        """Wait until everything is shown."""
        for outcome in await asyncio.gather(*self._pending, return_exceptions=True):
            if isinstance(outcome, Exception):
                get_run_logger().warning("a part of this run could not be shown: %s", outcome)

    def _start(self, work: Any) -> None:
        self._pending.append(asyncio.ensure_future(work))

    async def _rename(self, name: str) -> None:
        if self._run_id is not None:
            await self._client.update_flow_run(self._run_id, name=name)


def _context_of_this_machine() -> EngineContext:
    from qlf.settings import load, mesh_context

    settings = load()
    return EngineContext(
        home=settings.cache_dir,
        mesh=mesh_context(settings),
        policy=settings.sandbox,
        workers=settings.threads,
    )


def _final_state(result: GenerateResult) -> State[Any]:
    document = result.to_json()
    if not result.ok:
        names = ", ".join(result.failed_gates)
        return Failed(message=f"The application was written, but these gates failed: {names}", data=document)
    if result.misses == 0:
        return Completed(name="Cached", message="Every step was found in the result store.", data=document)
    return Completed(data=document)
