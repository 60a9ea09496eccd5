"""Doing one node of a plan: look into the store, else do the work and keep the result.

Both runners call `run_step`; no step is written twice. The value of a step is plain JSON, its address is
the digest of everything that decides it: the inputs, and the installation that did the work.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qlf.core.canonical import digest_bytes, digest_value
from qlf.engine.assemble import assemble
from qlf.engine.compile import COMPILE_FIELDS, compile_request
from qlf.engine.context import EngineContext
from qlf.engine.events import Event
from qlf.engine.manifest import content_digest
from qlf.engine.plan import ASSEMBLE, COMPILE, Node
from qlf.engine.request import GenerateRequest
from qlf.errors import InternalError

if TYPE_CHECKING:
    from qlf.core.spec import Spec
    from qlf.core.tree import Tree

__all__ = ["Inputs", "StepOutcome", "address_of", "inputs_of", "run_step", "spec_of", "stored_value"]

Inputs = Mapping[str, Any]
"""Values of the nodes that a node needs, by node identifier."""


@dataclass(frozen=True, slots=True)
class StepOutcome:
    """What came of one node."""

    node: Node
    address: str
    cached: bool
    value: Any
    """Plain JSON data."""
    milliseconds: int


def inputs_of(node: Node, values: Mapping[str, Any]) -> dict[str, Any]:
    """The part of all values so far that a node needs."""
    return {needed: values[needed] for needed in node.needs}


def address_of(node: Node, request: GenerateRequest, inputs: Inputs, context: EngineContext) -> str:
    """SHA-256 that names the result of a node: equal addresses give equal results."""
    return digest_value(
        {
            "step": node.kind,
            "of": node.argument,
            "engine_digest": context.engine_digest,
            **_decides(node, request, inputs, context),
        }
    )


def stored_value(node: Node, address: str, context: EngineContext) -> Any:
    """The value that the store holds for an address, or `None` if it or a tree that it names is missing."""
    value = context.store.get_value(address)
    if value is None or not isinstance(value, dict):
        return None
    if node.kind in ("agent", "assemble") and context.tree(str(value.get("tree"))) is None:
        return None
    return value


def run_step(node: Node, request: GenerateRequest, inputs: Inputs, context: EngineContext) -> StepOutcome:
    """Do one node, or take its result from the store.

    Raises:
        QlfError: What the step itself refuses.
    """
    address = address_of(node, request, inputs, context)
    value = stored_value(node, address, context)
    cached = value is not None
    waiting = context.gate_slots if node.kind == "gate" and not cached else nullcontext()
    with waiting:
        started = time.perf_counter()
        context.tell(Event("started", node.id, node.title))
        try:
            if not cached:
                value = _work(node, request, inputs, context)
        except Exception as error:
            context.tell(Event("failed", node.id, node.title, _milliseconds(started), str(error)))
            raise
        spent = _milliseconds(started)
    if not cached and _final(node, value):
        context.keep_value(address, value)
    context.tell(Event("cached" if cached else "finished", node.id, node.title, spent, _detail(node, value)))
    return StepOutcome(node, address, cached, value, spent)


def spec_of(compiled: Mapping[str, Any], context: EngineContext) -> Spec:
    """The spec out of the value of the first step."""
    from qlf.core.spec import parse_spec

    return context.spec(compiled["spec_digest"], lambda: parse_spec(compiled["spec"]))


def _decides(node: Node, request: GenerateRequest, inputs: Inputs, context: EngineContext) -> dict[str, Any]:
    if node.kind == "compile":
        data = request.to_json()
        return {"request": {key: data[key] for key in COMPILE_FIELDS}}
    compiled = inputs[COMPILE]
    decides: dict[str, Any] = {"spec": compiled["spec_digest"]}
    if node.kind == "gate":
        # A verdict holds on the kind of machine that gave it.
        return {**decides, "tree": inputs[ASSEMBLE]["tree"], "machine": _machine(), "policy": context.policy}
    decides["trees"] = {key: value["tree"] for key, value in inputs.items() if key != COMPILE}
    decides["engine"] = request.engine
    if node.kind == "assemble":
        decides["spec_text"] = digest_bytes(compiled["spec_text"].encode())
    return decides


def _work(node: Node, request: GenerateRequest, inputs: Inputs, context: EngineContext) -> dict[str, Any]:
    if node.kind == "compile":
        spec, text = compile_request(request, context.parts)
        return {"spec": spec.to_data(), "spec_digest": spec.digest, "spec_text": text}
    spec = spec_of(inputs[COMPILE], context)
    if node.kind == "agent":
        tree = context.parts.agents[node.argument].write(spec)
        return {"tree": context.keep_tree(tree), "files": len(tree)}
    if node.kind == "assemble":
        written = {
            key.removeprefix("agent:"): _tree(value, context)
            for key, value in inputs.items()
            if key != COMPILE
        }
        tree = assemble(
            written,
            spec,
            inputs[COMPILE]["spec_text"],
            engine=request.engine,
            required=context.parts.required,
        )
        return {
            "tree": context.keep_tree(tree),
            "digest": content_digest(tree),
            "files": len(tree),
            "bytes": tree.size,
        }
    result = context.parts.run_gate(node.argument, _tree(inputs[ASSEMBLE], context), spec, context.mesh)
    return result.to_json()


def _tree(value: Mapping[str, Any], context: EngineContext) -> Tree:
    tree = context.tree(str(value["tree"]))
    if tree is None:
        raise InternalError(
            f"the result store lost the tree {str(value['tree'])[:12]}… during the run",
            hint="run it again; the missing part is made anew",
        )
    return tree


def _final(node: Node, value: Mapping[str, Any]) -> bool:
    # A gate that failed or could not run is asked again next time: the cause may be gone.
    return node.kind != "gate" or value["status"] == "passed"


def _detail(node: Node, value: Mapping[str, Any]) -> str:
    if node.kind == "compile":
        return f"{len(value['spec']['entities'])} entities"
    if node.kind == "gate":
        reason = value.get("reason")
        return f"{value['status']}: {reason}" if reason else str(value["status"])
    return f"{value['files']} files"


def _machine() -> dict[str, str]:
    return {"system": platform.system(), "machine": platform.machine(), "python": platform.python_version()}


def _milliseconds(started: float) -> int:
    return round((time.perf_counter() - started) * 1000)
