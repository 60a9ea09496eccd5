from __future__ import annotations

import errno
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from qlf.core.finding import Status
from qlf.engine.context import EngineContext
from qlf.engine.events import Event
from qlf.engine.generate import generate
from qlf.engine.seen import lookup, replay
from qlf.errors import InputError, OutputError

Contexts = Callable[[], EngineContext]
Api = Callable[[str, dict[str, Any]], Any]

pytestmark = pytest.mark.usefixtures("api_url")


def run(contexts: Contexts, output: Path | None, on_event: Any = None, **values: Any) -> dict[str, Any]:
    from flows.generate import GenerateParameters, run_here

    parameters = GenerateParameters(
        source=values.pop("source", "Rent out cars."), output=str(output) if output else None, **values
    )
    return run_here(parameters, on_event, contexts())


def shown(
    api: Api, document: dict[str, Any], tasks: int
) -> tuple[dict[str, Any], dict[str, str], dict[str, Any]]:
    """The flow run, the state of each task run, and the artifacts by key."""
    identifier = document["run_url"].rsplit("/", 1)[1]
    mine = {"flow_runs": {"id": {"any_": [identifier]}}}
    states: dict[str, str] = {}
    for _ in range(60):
        # Task runs arrive by events, a moment later.
        states = {task["name"]: task["state_name"] for task in api("/task_runs/filter", mine)}
        if len(states) == tasks and not {"Pending", "Running"} & set(states.values()):
            break
        time.sleep(0.25)
    (flow_run,) = api("/flow_runs/filter", mine)
    artifacts = {artifact["key"]: artifact for artifact in api("/artifacts/filter", mine)}
    return flow_run, states, artifacts


def test_a_run_is_visible_with_every_step_and_what_it_made(
    contexts: Contexts, api: Api, tmp_path: Path
) -> None:
    told: list[Event] = []
    document = run(contexts, tmp_path / "out", told.append)
    assert (tmp_path / "out/app/main.py").is_file()
    assert document["cache"] == {"hits": 0, "misses": 9}
    flow_run, states, artifacts = shown(api, document, 9)
    assert flow_run["state_name"] == "Completed"
    assert flow_run["name"] == f"rental-{document['spec_digest'][:8]}"
    assert states == dict.fromkeys(
        [
            "compile the brief",
            "agent: backend",
            "agent: api",
            "agent: devops",
            "agent: docs",
            "assemble",
            "gate: static",
            "gate: unit",
            "gate: runtime",
        ],
        "Completed",
    )
    assert {"spec", "data-model", "gates", "files"} <= artifacts.keys()
    assert "How many?" in artifacts["spec"]["data"]
    assert "\n```mermaid\n" in artifacts["data-model"]["data"]
    assert {row["gate"] for row in json.loads(artifacts["gates"]["data"])} >= {"static", "unit"}
    assert len([event for event in told if event.kind == "finished"]) == 9


def test_task_runs_show_their_kind_and_what_they_waited_for(
    contexts: Contexts, api: Api, tmp_path: Path
) -> None:
    for folder in ("new", "kept by Prefect"):
        document = run(contexts, tmp_path / folder, verify="static")
        shown(api, document, 7)
        mine = {"flow_runs": {"id": {"any_": [document["run_url"].rsplit("/", 1)[1]]}}}
        found = {task["name"]: task for task in api("/task_runs/filter", mine)}
        assert {name: set(task["tags"]) - {"qlf"} for name, task in found.items()} == {
            "compile the brief": {"compile"},
            **{f"agent: {name}": {"agent"} for name in ("backend", "api", "devops", "docs")},
            "assemble": {"assemble"},
            "gate: static": {"gate"},
        }
        assert all("qlf" in task["tags"] and task["end_time"] for task in found.values())
        waited = {task["id"] for task in found["assemble"]["task_inputs"]["wait_for"]}
        assert waited == {task["id"] for name, task in found.items() if name.startswith(("agent", "compile"))}
        # What is shown belongs to the run, not to the task that happened to be at work.
        assert {artifact["task_run_id"] for artifact in api("/artifacts/filter", mine)} == {None}


def test_the_server_is_asked_for_a_slot_of_the_tags_once(
    contexts: Contexts, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Each further time is a chance that SQLite refuses it, and that the run stands still for two seconds."""
    import httpx

    asked: list[str] = []
    send = httpx.AsyncHTTPTransport.handle_async_request

    async def listening(transport: httpx.AsyncHTTPTransport, request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        return await send(transport, request)

    monkeypatch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", listening)
    run(contexts, tmp_path / "out")
    # None when a run shortly before has asked already.
    assert len([path for path in asked if "concurrency_limits" in path]) <= 1
    assert [path for path in asked if path.endswith("/artifacts/")]


def test_parameters_are_sent_as_prefect_itself_would(tmp_path: Path) -> None:
    from flows.generate import GenerateParameters, _as_json, generate_app

    parameters = {"parameters": GenerateParameters(source="x", output=str(tmp_path), overlays=["hipaa"])}
    assert _as_json(parameters) == generate_app.serialize_parameters(parameters)


def test_what_one_runner_did_is_a_hit_for_the_other(
    contexts: Contexts, api: Api, workshop: Any, tmp_path: Path
) -> None:
    from flows.generate import GenerateParameters

    request = GenerateParameters(source="Rent out cars.").request()
    inline = generate(request, tmp_path / "a", contexts())
    document = run(contexts, tmp_path / "b")
    assert document["cache"] == {"hits": 9, "misses": 0}
    assert document["digest"] == inline.to_json()["digest"]
    assert [agent.calls for agent in workshop.agents.values()] == [1, 1, 1, 1]
    flow_run, states, _ = shown(api, document, 9)
    assert flow_run["state_name"] == "Cached"
    assert set(states.values()) == {"Cached"}
    third = run(contexts, tmp_path / "c")
    assert third["cache"] == {"hits": 9, "misses": 0}


def test_a_failed_gate_fails_the_run_and_is_asked_again(
    contexts: Contexts, api: Api, workshop: Any, tmp_path: Path
) -> None:
    workshop.verdicts = {"unit": Status.FAILED, "runtime": Status.NOT_RUN}
    document = run(contexts, tmp_path / "out")
    assert (tmp_path / "out/app.yaml").is_file()
    flow_run, states, artifacts = shown(api, document, 9)
    assert flow_run["state_type"] == "FAILED"
    assert "unit" in flow_run["state"]["message"]
    assert (states["gate: unit"], states["gate: runtime"], states["gate: static"]) == (
        "Failed",
        "NotRun",
        "Completed",
    )
    assert "one test fails" in artifacts["gates"]["data"]
    workshop.verdicts = {}
    again = run(contexts, tmp_path / "out")
    assert {gate["name"]: gate["status"] for gate in again["gates"]} == dict.fromkeys(
        ("static", "unit", "runtime"), "passed"
    )
    assert again["cache"] == {"hits": 7, "misses": 2}


def test_a_fault_that_passes_is_tried_again_and_a_refusal_is_not(
    contexts: Contexts, workshop: Any, tmp_path: Path
) -> None:
    workshop.failures = [OSError(errno.EAGAIN, "try again")]
    run(contexts, tmp_path / "a", verify="static")
    assert workshop.judged == ["static", "static"]
    workshop.failures = [InputError("the spec asks for the impossible")]
    with pytest.raises(InputError, match="impossible"):
        run(contexts, tmp_path / "b", verify="static", port=9000)
    assert len(workshop.judged) == 3
    assert not (tmp_path / "b").exists()


def test_a_folder_that_cannot_take_it_is_refused_before_the_work(
    contexts: Contexts, workshop: Any, tmp_path: Path
) -> None:
    (tmp_path / "out").write_text("x")
    with pytest.raises(OutputError):
        run(contexts, tmp_path / "out")
    assert workshop.judged == []


def test_a_tree_that_the_store_lost_is_made_again(contexts: Contexts, workshop: Any, tmp_path: Path) -> None:
    first = run(contexts, None)
    run(contexts, None)
    for path in (tmp_path / "cache/store/trees").rglob("*"):
        if path.is_file():
            path.unlink()
    second = run(contexts, None)
    assert second["digest"] == first["digest"]
    assert [agent.calls for agent in workshop.agents.values()] == [2, 2, 2, 2]


def test_a_run_seen_before_is_recorded_without_prefect(
    contexts: Contexts, api: Api, api_url: str, tmp_path: Path
) -> None:
    from flows.generate import GenerateParameters

    request = GenerateParameters(source="Rent out cars.").request()
    generate(request, None, contexts())
    seen = lookup(request, tmp_path / "cache")
    assert seen is not None
    for name in "ab":
        done = replay(seen, tmp_path / name, prefect_api_url=api_url)
        assert done.record_problem is None
        flow_run, _, artifacts = shown(api, done.result, 0)
        assert (flow_run["state_type"], flow_run["state_name"]) == ("COMPLETED", "Cached")
        assert flow_run["end_time"] is not None
        assert flow_run["parameters"]["parameters"]["source"] == "Rent out cars."
        assert "```mermaid" in artifacts["application"]["data"]


def test_the_form_has_words_for_every_field() -> None:
    from flows.generate import generate_app

    schema = generate_app.parameters.definitions["GenerateParameters"]
    assert all({"title", "description"} <= field.keys() for field in schema["properties"].values())
    assert schema["required"] == ["source"]


def test_every_field_of_a_request_can_be_given_as_a_parameter() -> None:
    from dataclasses import fields

    from flows.parameters import GenerateParameters
    from qlf.engine.request import GenerateRequest

    assert set(GenerateParameters.model_fields) - {"output"} == {
        field.name for field in fields(GenerateRequest)
    }
    defaults = GenerateParameters(source="x").request()
    assert defaults == GenerateRequest(source="x")
