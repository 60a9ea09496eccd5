from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from qlf.core.finding import Status
from qlf.core.spec import load_spec
from qlf.engine.context import EngineContext
from qlf.engine.generate import generate, plan_spec
from qlf.engine.request import GenerateRequest
from qlf.errors import InputError, OutputError

Contexts = Callable[[], EngineContext]


def test_a_run_writes_the_application_and_tells_what_was_proven(
    context: EngineContext, factory: Any, tmp_path: Path
) -> None:
    result = generate(GenerateRequest(source="Rent out cars."), tmp_path / "out", context)
    document = json.loads(json.dumps(result.to_json()))
    assert document["output"] == str(tmp_path / "out")
    assert document["name"] == "rental"
    assert document["engine"] == "template"
    assert document["files"] == sum(path.is_file() for path in (tmp_path / "out").rglob("*"))
    assert document["digest"] == json.loads((tmp_path / "out/.qlf/manifest.json").read_text())["tree"]
    assert document["spec_digest"] == load_spec((tmp_path / "out/app.yaml").read_text()).digest
    assert [(gate["name"], gate["status"]) for gate in document["gates"]] == [
        ("static", "passed"),
        ("unit", "passed"),
        ("contract", "passed"),
        ("runtime", "passed"),
    ]
    assert document["cost_usd"] == 0
    assert document["cache"] == {"hits": 0, "misses": 10}
    assert [question["name"] for question in document["questions"]] == ["deposit"]
    assert "run_url" not in document
    assert result.ok


def test_the_same_request_is_served_from_the_store(
    request_: GenerateRequest, context: EngineContext, again: Contexts, factory: Any, tmp_path: Path
) -> None:
    first = generate(request_, tmp_path / "a", context)
    second = generate(request_, tmp_path / "b", again())
    assert (second.hits, second.misses) == (10, 0)
    assert second.tree == first.tree
    assert len(factory.compiled) == 1
    assert sorted(factory.written) == ["api", "backend", "devops", "test"]
    assert sorted(factory.judged) == ["contract", "runtime", "static", "unit"]


def test_another_port_repeats_only_what_depends_on_it(
    request_: GenerateRequest, context: EngineContext, again: Contexts, tmp_path: Path
) -> None:
    generate(request_, None, context)
    result = generate(replace(request_, verify="none"), None, again())
    assert (result.hits, result.misses) == (6, 0)
    assert generate(replace(request_, port=9000), None, again()).misses == 10


def test_a_dry_run_writes_nothing(request_: GenerateRequest, context: EngineContext, tmp_path: Path) -> None:
    result = generate(request_, None, context)
    assert result.to_json()["output"] is None
    assert [path.name for path in tmp_path.iterdir()] == ["cache"]


@pytest.mark.parametrize(("verify", "judged"), [("none", []), ("static", ["static"])])
def test_a_gate_that_was_not_asked_for_is_not_run_and_says_so(
    request_: GenerateRequest, context: EngineContext, factory: Any, verify: Any, judged: list[str]
) -> None:
    result = generate(replace(request_, verify=verify), None, context)
    assert factory.judged == judged
    rest = [gate for gate in result.to_json()["gates"] if gate["name"] not in judged]
    assert {gate["status"] for gate in rest} == {"not-run"}
    assert all(f"--verify {verify}" in gate["reason"] for gate in rest)
    assert result.ok


def test_a_failed_gate_fails_the_run_but_the_tree_is_written(
    request_: GenerateRequest, context: EngineContext, again: Contexts, factory: Any, tmp_path: Path
) -> None:
    factory.verdicts["unit"] = Status.FAILED
    result = generate(request_, tmp_path / "out", context)
    assert not result.ok
    assert result.failed_gates == ("unit",)
    assert (tmp_path / "out/app/main.py").is_file()
    factory.verdicts.clear()
    second = generate(request_, tmp_path / "out", again())
    assert second.ok
    assert second.misses == 1, "a failure is not kept, everything else is"


def test_a_gate_that_could_not_run_is_tried_again_next_time(
    request_: GenerateRequest, context: EngineContext, again: Contexts, factory: Any
) -> None:
    factory.verdicts["runtime"] = Status.NOT_RUN
    first = generate(request_, None, context)
    assert first.ok
    assert first.to_json()["gates"][3]["reason"] == "no sandbox works here"
    factory.verdicts.clear()
    assert generate(request_, None, again()).to_json()["gates"][3]["status"] == "passed"


def test_a_verdict_holds_only_under_the_policy_that_it_was_given_under(
    request_: GenerateRequest, context: EngineContext, home: Path, factory: Any
) -> None:
    generate(request_, None, context)
    strict = EngineContext(home=home, parts=factory.parts, policy="strict")
    assert generate(request_, None, strict).misses == 4


def test_independent_agents_work_at_the_same_time(
    request_: GenerateRequest, home: Path, factory: Any
) -> None:
    meeting = threading.Barrier(3, timeout=10)
    for role in ("backend", "api", "devops"):
        factory.agents[role] = replace(factory.agents[role], before=meeting.wait)
    generate(request_, None, EngineContext(home=home, parts=factory.parts, workers=3))
    assert factory.written[-1] == "test"


def test_an_agent_starts_after_those_that_it_needs(
    request_: GenerateRequest, home: Path, factory: Any
) -> None:
    missing: list[str] = []
    needed = [factory.agents["backend"], factory.agents["api"]]
    check = lambda: missing.extend(agent.role for agent in needed if not agent.calls)  # noqa: E731
    factory.agents["test"] = replace(factory.agents["test"], before=check)
    generate(request_, None, EngineContext(home=home, parts=factory.parts))
    assert missing == []


def test_a_fault_that_passes_is_tried_again(
    request_: GenerateRequest, context: EngineContext, factory: Any
) -> None:
    factory.failures.append(OSError(errno.EAGAIN, "try again"))
    assert generate(replace(request_, verify="static"), None, context).ok
    assert factory.judged == ["static", "static"]


def test_a_refusal_is_not_tried_again(
    request_: GenerateRequest, context: EngineContext, factory: Any
) -> None:
    factory.failures.append(InputError("the spec asks for the impossible"))
    with pytest.raises(InputError, match="impossible"):
        generate(replace(request_, verify="static"), None, context)
    assert factory.judged == ["static"]


def test_a_refused_brief_stops_before_anything_is_written(
    context: EngineContext, factory: Any, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="empty"):
        generate(GenerateRequest(source=" "), tmp_path / "out", context)
    assert factory.written == []
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_take_the_result_is_refused_before_the_work(
    request_: GenerateRequest, context: EngineContext, factory: Any, tmp_path: Path
) -> None:
    (tmp_path / "out").write_text("x")
    with pytest.raises(OutputError):
        generate(request_, tmp_path / "out", context)
    with pytest.raises(OutputError, match="cache"):
        generate(request_, context.home / "out", context)
    assert factory.compiled == []


def test_a_lost_tree_is_made_again(
    request_: GenerateRequest, context: EngineContext, again: Contexts, factory: Any, home: Path
) -> None:
    first = generate(request_, None, context)
    for path in (home / "store/trees").rglob("*"):
        if path.is_file():
            path.write_bytes(b"garbage")
    second = generate(request_, None, again())
    assert second.tree == first.tree
    assert len(factory.written) == 8
    assert generate(request_, None, again()).misses == 0


def test_a_store_that_cannot_be_written_costs_only_time(
    request_: GenerateRequest, factory: Any, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    context = EngineContext(home=tmp_path / "file" / "home", parts=factory.parts)
    result = generate(request_, tmp_path / "out", context)
    assert result.ok
    assert (tmp_path / "out/app.yaml").is_file()
    assert len(result.notes) == 1
    assert "could not be kept" in result.notes[0]


def test_progress_is_told_for_every_step(
    request_: GenerateRequest, context: EngineContext, again: Contexts, events: list[Any], factory: Any
) -> None:
    generate(request_, None, context)
    titles = dict(context.plan_titles(request_))
    assert next(event.node for event in events if event.kind == "finished") == "compile"
    assert {event.node for event in events if event.kind == "started"} == titles.keys()
    assert {event.node for event in events if event.kind == "finished"} == titles.keys()
    told: list[Any] = []
    later = EngineContext(home=context.home, parts=factory.parts, on_event=told.append)
    generate(request_, None, later)
    assert {event.kind for event in told} == {"started", "cached"}


def test_a_spec_of_a_person_keeps_its_comments(
    context: EngineContext, spec_with: Any, tmp_path: Path
) -> None:
    from qlf.core.spec import dump_spec

    text = "# our shop\n" + dump_spec(spec_with("shop"))
    generate(GenerateRequest(source=text, source_kind="spec"), tmp_path / "a", context)
    assert (tmp_path / "a/app.yaml").read_text() == text
    generate(GenerateRequest(source=text, source_kind="spec", port=9001), tmp_path / "b", context)
    changed = (tmp_path / "b/app.yaml").read_text()
    assert changed.startswith("# our shop\n")
    assert load_spec(changed).app.port == 9001


def test_an_edited_spec_can_be_generated_into_its_own_folder(
    context: EngineContext, again: Contexts, spec_with: Any, tmp_path: Path
) -> None:
    from qlf.core.spec import dump_spec

    out = tmp_path / "out"
    generate(GenerateRequest(source=dump_spec(spec_with("shop")), source_kind="spec"), out, context)
    edited = (out / "app.yaml").read_text().replace("title: Shop", "title: Corner Shop # renamed")
    (out / "app.yaml").write_text(edited)
    generate(GenerateRequest(source=edited, source_kind="spec"), out, again())
    assert (out / "app.yaml").read_text() == edited
    assert "Corner Shop" in (out / "test/shop.txt").read_text()
    edited = edited.replace("# renamed", "# named again")
    (out / "app.yaml").write_text(edited)
    generate(GenerateRequest(source=edited, source_kind="spec", port=9001), out, again())
    assert "# named again" in (out / "app.yaml").read_text()
    assert load_spec((out / "app.yaml").read_text()).app.port == 9001


def test_overlays_that_were_asked_for_are_added(context: EngineContext) -> None:
    spec, cached = plan_spec(GenerateRequest(source="x", overlays=("hipaa", "gdpr")), context)
    assert not cached
    assert [(choice.name, choice.confidence) for choice in spec.overlays] == [("gdpr", 1.0), ("hipaa", 1.0)]
    assert plan_spec(GenerateRequest(source="x", overlays=("hipaa", "gdpr")), context)[1]


def test_detected_overlays_can_be_switched_off_by_the_user_alone(
    context: EngineContext, factory: Any
) -> None:
    found = [{"name": "hipaa", "confidence": 0.9, "reason": "health data"}]
    make = factory.compile_brief
    detected = lambda text, name: make(text, name).model_copy(  # noqa: E731
        update={"overlays": tuple(_choices(found))}
    )
    context.parts = replace(context.parts, compile_brief=detected)
    assert [choice.name for choice in plan_spec(GenerateRequest(source="x"), context)[0].overlays] == [
        "hipaa"
    ]
    assert plan_spec(GenerateRequest(source="x", detect=False), context)[0].overlays == ()


def _choices(rows: list[dict[str, Any]]) -> list[Any]:
    from qlf.core.spec import OverlayChoice

    return [OverlayChoice.model_validate(row) for row in rows]


def test_an_overlay_name_that_cannot_be_one_is_refused(context: EngineContext) -> None:
    with pytest.raises(InputError, match="overlays"):
        plan_spec(GenerateRequest(source="x", overlays=("../etc",)), context)


DIGEST = """
import sys
from pathlib import Path
from qlf.agents import AGENTS
from qlf.core.spec import load_spec, dump_spec
from qlf.core.tree import Tree
from qlf.engine.assemble import assemble
from qlf.engine.report import data_model_artifact, spec_artifact

spec = load_spec(Path(sys.argv[1]).read_text(encoding="utf-8"))
written = {role: Tree.from_texts({f"{role}.txt": spec.app.title}) for role in AGENTS}
tree = assemble(written, spec, dump_spec(spec), engine="template")
print(tree.digest)
for artifact in (spec_artifact, data_model_artifact):
    print(artifact(spec.to_data())["data"].encode().hex())
"""


def test_bytes_do_not_depend_on_hash_order_time_zone_or_locale(spec_with: Any, tmp_path: Path) -> None:
    from qlf.core.spec import dump_spec

    (tmp_path / "app.yaml").write_text(dump_spec(spec_with("shop")), encoding="utf-8")
    answers = set()
    for seed, zone, locale in (
        ("0", "UTC", "C"),
        ("1", "Asia/Kathmandu", "de_DE.UTF-8"),
        ("77", "America/Lima", "tr_TR"),
    ):
        environment = {"PATH": os.environ["PATH"], "PYTHONHASHSEED": seed, "TZ": zone, "LC_ALL": locale}
        command = [sys.executable, "-c", DIGEST, str(tmp_path / "app.yaml")]
        answers.add(
            subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
        )
    assert len(answers) == 1


INTERRUPTED = """
import sys, time
from pathlib import Path
from qlf.core.finding import GateResult, Status
from qlf.core.spec import parse_spec
from qlf.core.tree import Tree
from qlf.engine.context import EngineContext
from qlf.engine.generate import generate
from qlf.engine.parts import Parts
from qlf.engine.request import GenerateRequest

def compile_brief(text, name):
    return parse_spec({"app": {"name": "x", "title": "X"}, "entities": [{"name": "car"}]})

def run_gate(name, tree, spec, mesh):
    print("judging", flush=True)
    time.sleep(60)

home = Path(sys.argv[1])
context = EngineContext(home=home / "cache", parts=Parts(compile_brief, {}, ("static",), run_gate, ()))
generate(GenerateRequest(source="x"), home / "out", context)
"""


def test_ctrl_c_ends_the_run_at_once_and_leaves_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-c", INTERRUPTED, str(tmp_path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "judging\n"
    process.send_signal(signal.SIGINT)
    process.wait(20)
    process.stdout.close()
    assert not (tmp_path / "out").exists()
