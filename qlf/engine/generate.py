"""One generation from request to folder, and the value that describes it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qlf.core.finding import GateResult, Status
from qlf.engine.context import EngineContext
from qlf.engine.inline import run_plan
from qlf.engine.output import WriteReport, check_target, write_tree
from qlf.engine.plan import ASSEMBLE, COMPILE, Plan
from qlf.engine.report import overview_artifact
from qlf.engine.request import GenerateRequest
from qlf.engine.seen import document, keep_run
from qlf.engine.steps import StepOutcome, run_step, spec_of
from qlf.errors import InternalError, OutputError

if TYPE_CHECKING:
    from qlf.core.spec import Spec
    from qlf.core.tree import Tree

__all__ = ["GenerateResult", "collect", "finish", "generate", "plan_spec", "prepare"]


@dataclass(frozen=True, slots=True)
class GenerateResult:
    """What one run made and proved."""

    facts: Mapping[str, Any]
    """Everything that does not depend on where and when, under the names of `qlf generate --json`."""
    spec: Mapping[str, Any]
    """The spec as plain data."""
    tree: Tree
    hits: int
    misses: int
    seconds: float
    output: Path | None = None
    write: WriteReport | None = None
    run_url: str | None = None
    notes: tuple[str, ...] = ()
    """Sentences about what did not go as it should without changing the result."""

    @property
    def failed_gates(self) -> tuple[str, ...]:
        """Names of the gates that failed."""
        return tuple(gate["name"] for gate in self.facts["gates"] if gate["status"] == Status.FAILED)

    @property
    def ok(self) -> bool:
        """True when no gate failed."""
        return not self.failed_gates

    def to_json(self) -> dict[str, Any]:
        """The document of `qlf generate --json`."""
        return document(
            self.facts,
            self.output,
            hits=self.hits,
            misses=self.misses,
            seconds=self.seconds,
            run_url=self.run_url,
        )


def generate(request: GenerateRequest, target: Path | None, context: EngineContext) -> GenerateResult:
    """Do a whole run in this process, and write what it made, also when a gate failed.

    Args:
        request: What is asked for.
        target: The output folder; `None` writes nothing.
        context: Store, parts and progress.

    Raises:
        QlfError: What a step or the output folder refuses.
    """
    started = time.perf_counter()
    prepare(target, context)
    plan = context.plan(request)
    outcomes = run_plan(plan, request, context)
    return finish(request, plan, outcomes, target, context, started=started)


def prepare(target: Path | None, context: EngineContext) -> None:
    """Refuse an output folder that cannot take the result, before any work is done.

    Raises:
        OutputError: With what stands in the way.
    """
    if target is not None:
        _refuse_own_home(target, context.home)
        check_target(target)


def finish(
    request: GenerateRequest,
    plan: Plan,
    outcomes: Sequence[StepOutcome],
    target: Path | None,
    context: EngineContext,
    *,
    started: float,
    run_url: str | None = None,
) -> GenerateResult:
    """Gather the outcomes of a plan, write the tree, and keep the run for the next time.

    Args:
        request: What was asked for.
        plan: What was walked.
        outcomes: One for each node.
        target: The output folder; `None` writes nothing.
        context: As used by the steps.
        started: `time.perf_counter()` at the start of the run.
        run_url: Where the run can be seen.

    Raises:
        OutputError: If the folder cannot take the tree.
    """
    result = collect(request, plan, outcomes, context)
    report = write_tree(result.tree, target, request.given) if target is not None else None
    if all(outcome.value["status"] == Status.PASSED for outcome in outcomes if outcome.node.kind == "gate"):
        try:
            keep_run(
                request,
                context.home,
                context.policy,
                facts=result.facts,
                spec=result.spec,
                tree=result.tree,
                artifacts=[overview_artifact(result.spec, result.facts["gates"], result.tree)],
            )
        except OSError as error:
            context.note_store(error)
    return replace(
        result,
        seconds=time.perf_counter() - started,
        output=target,
        write=report,
        run_url=run_url,
        notes=tuple(context.notes),
    )


def collect(
    request: GenerateRequest, plan: Plan, outcomes: Sequence[StepOutcome], context: EngineContext
) -> GenerateResult:
    """What the outcomes of a plan amount to; nothing is written."""
    values = {outcome.node.id: outcome.value for outcome in outcomes}
    compiled, assembled = values[COMPILE], values[ASSEMBLE]
    tree = context.tree(assembled["tree"])
    if tree is None:
        raise InternalError("the result store lost the tree during the run", hint="run it again")
    judged = {node.argument: values[node.id] for node in plan.of_kind("gate")}
    gates = [judged[name] if name in judged else _not_asked(name, request) for name in context.parts.gates]
    spec = compiled["spec"]
    # Imported here: a run that was seen before must not pay for pydantic.
    from qlf.blueprint.gaps import gaps

    facts = {
        "name": spec["app"]["name"],
        "engine": request.engine,
        "verify": request.verify,
        "files": len(tree),
        "digest": assembled["digest"],
        "spec_digest": compiled["spec_digest"],
        "gates": gates,
        "questions": spec.get("questions", []),
        "not_built": [gap.to_json() for gap in gaps(spec_of(compiled, context))],
        "cost_usd": 0.0,
        "steps": len(outcomes),
    }
    hits = sum(outcome.cached for outcome in outcomes)
    return GenerateResult(
        facts=facts,
        spec=spec,
        tree=tree,
        hits=hits,
        misses=len(outcomes) - hits,
        seconds=0.0,
    )


def plan_spec(request: GenerateRequest, context: EngineContext) -> tuple[Spec, bool]:
    """Only the spec of a request, and whether it came from the store.

    Raises:
        InputError: If the brief or the spec is refused.
        UsageError: If an option does not fit it.
    """
    outcome = run_step(context.plan(request).node(COMPILE), request, {}, context)
    return spec_of(outcome.value, context), outcome.cached


def _refuse_own_home(target: Path, home: Path) -> None:
    """Keep applications out of the folder whose content may be deleted at any time.

    Raises:
        OutputError: If `target` lies in it.
    """
    if target.resolve().is_relative_to(home.resolve()):
        raise OutputError(
            f"the output folder {str(target)!r} lies inside the cache of qlf",
            hint="choose another folder with -o",
        )


def _not_asked(name: str, request: GenerateRequest) -> dict[str, Any]:
    reason = f"not asked for (--verify {request.verify})"
    return GateResult(name=name, status=Status.NOT_RUN, reason=reason).to_json()
