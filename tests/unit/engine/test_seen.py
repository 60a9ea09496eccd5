from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from qlf.core.finding import Status
from qlf.engine import seen
from qlf.engine.context import EngineContext
from qlf.engine.generate import generate
from qlf.engine.request import GenerateRequest
from qlf.engine.seen import lookup, replay
from qlf.errors import OutputError


def test_a_run_is_found_again_and_answers_the_same(
    request_: GenerateRequest, context: EngineContext, home: Path, tmp_path: Path
) -> None:
    assert lookup(request_, home) is None
    first = generate(request_, tmp_path / "a", context).to_json()
    run = lookup(request_, home)
    assert run is not None
    done = replay(run, tmp_path / "b")
    assert done.ok
    assert done.record_problem is None
    expected = {
        **first,
        "output": str(tmp_path / "b"),
        "cache": {"hits": 10, "misses": 0},
        "seconds": done.result["seconds"],
    }
    assert done.result == expected
    texts = [
        {path.name: path.read_bytes() for path in (tmp_path / name).rglob("*.*") if path.is_file()}
        for name in "ab"
    ]
    assert texts[0] == texts[1]
    assert run.spec["app"]["name"] == "rental"


def test_a_dry_run_writes_nothing(
    request_: GenerateRequest, context: EngineContext, home: Path, tmp_path: Path
) -> None:
    generate(request_, None, context)
    run = lookup(request_, home)
    assert run is not None
    done = replay(run, None)
    assert done.write is None
    assert done.result["output"] is None
    assert [path.name for path in tmp_path.iterdir()] == ["cache"]


@pytest.mark.parametrize(
    "values", [{"port": 9000}, {"verify": "none"}, {"name": "other"}, {"source": "Else."}]
)
def test_another_request_is_not(
    request_: GenerateRequest, context: EngineContext, home: Path, values: dict[str, Any]
) -> None:
    generate(request_, None, context)
    assert lookup(replace(request_, **values), home) is None


def test_another_policy_or_installation_is_not(
    request_: GenerateRequest, context: EngineContext, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generate(request_, None, context)
    assert lookup(request_, home, "strict") is None
    monkeypatch.setattr(seen, "engine_digest", lambda home: "0" * 64)
    assert lookup(request_, home) is None


@pytest.mark.parametrize("status", [Status.FAILED, Status.NOT_RUN])
def test_a_run_whose_gates_did_not_all_pass_is_not_kept(
    request_: GenerateRequest, context: EngineContext, factory: Any, home: Path, status: Status
) -> None:
    factory.verdicts["contract"] = status
    generate(request_, None, context)
    assert lookup(request_, home) is None


@pytest.mark.parametrize("kind", ["values", "trees"])
def test_damage_is_a_miss(request_: GenerateRequest, context: EngineContext, home: Path, kind: str) -> None:
    generate(request_, None, context)
    for path in (home / "store" / kind).rglob("*"):
        if path.is_file():
            path.write_bytes(path.read_bytes()[:-1])
    assert lookup(request_, home) is None


def test_a_folder_that_cannot_take_it_is_refused(
    request_: GenerateRequest, context: EngineContext, home: Path, tmp_path: Path
) -> None:
    generate(request_, None, context)
    run = lookup(request_, home)
    assert run is not None
    (tmp_path / "out").write_text("x")
    with pytest.raises(OutputError):
        replay(run, tmp_path / "out", prefect_api_url="http://127.0.0.1:1/api")


def test_a_prefect_that_is_not_there_costs_nothing_but_a_sentence(
    request_: GenerateRequest, context: EngineContext, home: Path, tmp_path: Path
) -> None:
    generate(request_, None, context)
    run = lookup(request_, home)
    assert run is not None
    done = replay(run, tmp_path / "out", prefect_api_url="http://127.0.0.1:1/api")
    assert "could not be shown" in str(done.record_problem)
    assert "run_url" not in done.result
    assert (tmp_path / "out/app.yaml").is_file()


def test_serving_a_run_again_loads_neither_pydantic_nor_prefect(
    request_: GenerateRequest,
    context: EngineContext,
    again: Callable[[], EngineContext],
    home: Path,
    tmp_path: Path,
) -> None:
    generate(request_, None, context)
    script = (
        "import sys; from pathlib import Path\n"
        "from qlf.engine.request import GenerateRequest\n"
        "from qlf.engine import seen\n"
        "from qlf.engine.seen import lookup, replay\n"
        f"seen.engine_digest(Path({str(home)!r}))\n"
        "seen.engine_digest = lambda home: 'e' * 64\n"
        f"run = lookup(GenerateRequest(source={request_.source!r}), Path({str(home)!r}))\n"
        f"replay(run, Path({str(tmp_path / 'out')!r}), prefect_api_url='http://127.0.0.1:1/api')\n"
        "heavy = {'pydantic', 'prefect', 'ruamel', 'jinja2', 'httpx', 'http.client'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
