from __future__ import annotations

from typing import Any

import pytest

from qlf.agents import AGENTS
from qlf.engine.plan import Plan, build_plan
from qlf.engine.request import GenerateRequest
from qlf.errors import InternalError

GATES = ("static", "unit", "contract", "runtime")


def ids(plan: Plan) -> list[str]:
    return [node.id for node in plan.nodes]


def test_a_plan_runs_from_the_brief_through_the_agents_to_the_gates() -> None:
    plan = build_plan(GenerateRequest(source="x"), AGENTS, GATES)
    assert ids(plan) == [
        "compile",
        *(f"agent:{role}" for role in AGENTS),
        "assemble",
        *(f"gate:{name}" for name in GATES),
    ]


@pytest.mark.parametrize(
    ("verify", "expected"), [("none", []), ("static", ["static"]), ("full", list(GATES))]
)
def test_only_the_gates_that_were_asked_for_are_planned(verify: Any, expected: list[str]) -> None:
    plan = build_plan(GenerateRequest(source="x", verify=verify), AGENTS, GATES)
    assert [node.argument for node in plan.of_kind("gate")] == expected


def test_every_node_comes_after_what_it_needs(factory: Any) -> None:
    plan = build_plan(GenerateRequest(source="x"), factory.agents, GATES)
    seen: set[str] = set()
    for node in plan.nodes:
        assert set(node.needs) <= seen, node.id
        seen.add(node.id)
    assert plan.node("agent:test").needs == ("compile", "agent:backend", "agent:api")


def test_agents_that_need_each_other_are_refused(factory: Any) -> None:
    from dataclasses import replace

    factory.agents["api"] = replace(factory.agents["api"], needs=("test",))
    with pytest.raises(InternalError, match="need each other"):
        build_plan(GenerateRequest(source="x"), factory.agents, GATES)


def test_titles_of_agents_are_the_names_that_prefect_shows() -> None:
    plan = build_plan(GenerateRequest(source="x"), AGENTS, GATES)
    assert plan.node("agent:backend").title == "agent: backend"
