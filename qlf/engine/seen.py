"""A run that was made before, served again without doing any of it. Standard library only.

The answer to `qlf generate` is kept under the address of the whole run: request, installation and policy.
Only runs whose gates all passed are kept, so that a failure or a gate that could not run is tried anew.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qlf.core.canonical import digest_value
from qlf.engine.fingerprint import engine_digest
from qlf.engine.request import GenerateRequest
from qlf.engine.seen_run import SeenRun
from qlf.engine.store import Store

if TYPE_CHECKING:
    from qlf.core.tree import Tree
    from qlf.engine.output import WriteReport

__all__ = ["Replay", "document", "keep_run", "lookup", "replay"]

_SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Replay:
    """What came of serving a run again."""

    result: dict[str, Any]
    """The document of `qlf generate --json`."""
    write: WriteReport | None
    record_problem: str | None
    """Why the run is not shown in Prefect, in one sentence."""
    ok: bool = True


def lookup(request: GenerateRequest, home: Path, policy: str = "auto") -> SeenRun | None:
    """The earlier run of an equal request by this same installation, or `None`.

    Args:
        request: What is asked for.
        home: Folder of the result store.
        policy: What else the verdicts of the gates depend on: which sandbox is good enough.
    """
    store = Store(home / "store")
    value = store.get_value(_address(request, home, policy))
    if not isinstance(value, dict) or value.get("schema") != _SCHEMA:
        return None
    tree = store.get_tree(str(value["tree"]))
    if tree is None:
        return None
    return SeenRun(value["facts"], value["spec"], tree, value["artifacts"], request, home)


def keep_run(
    request: GenerateRequest,
    home: Path,
    policy: str,
    *,
    facts: Mapping[str, Any],
    spec: Mapping[str, Any],
    tree: Tree,
    artifacts: Sequence[Mapping[str, Any]],
) -> None:
    """Keep a run, so that `lookup` finds it.

    Raises:
        OSError: If the store cannot take it.
    """
    store = Store(home / "store")
    if not store.has_tree(tree.digest):
        store.put_tree(tree)
    value = {
        "schema": _SCHEMA,
        "facts": facts,
        "spec": spec,
        "tree": tree.digest,
        "artifacts": list(artifacts),
    }
    store.put_value(_address(request, home, policy), value)


def replay(
    run: SeenRun,
    target: Path | None,
    *,
    prefect_api_url: str | None = None,
    prefect_headers: Mapping[str, str] | None = None,
    prefect_ui_url: str | None = None,
) -> Replay:
    """Write the tree of a run and, where there is a Prefect API, show it there as a cached run.

    Args:
        run: What `lookup` found.
        target: The output folder; `None` writes nothing.
        prefect_api_url: Such as `http://127.0.0.1:4200/api`.
        prefect_headers: What lets a request in.
        prefect_ui_url: Where a person looks at runs; the address of the API without `/api` by default.

    Raises:
        OutputError: If the folder cannot take the tree.
    """
    started = time.perf_counter()
    report = recorded = None
    if target is not None:
        from qlf.engine.output import write_tree

        report = write_tree(run.tree, target, run.request.given)
    if prefect_api_url is not None:
        from qlf.engine.record import Recording

        recording = Recording(prefect_api_url, prefect_headers or {}, ui_url=prefect_ui_url, home=run.home)
        recorded = recording.send(run)
    result = document(
        run.facts,
        target,
        hits=run.facts["steps"],
        misses=0,
        seconds=time.perf_counter() - started,
        run_url=recorded.run_url if recorded is not None else None,
    )
    return Replay(result, report, recorded.problem if recorded is not None else None)


def document(
    facts: Mapping[str, Any],
    target: Path | None,
    *,
    hits: int,
    misses: int,
    seconds: float,
    run_url: str | None,
) -> dict[str, Any]:
    """The document of `qlf generate --json`."""
    value = {
        "output": str(target.absolute()) if target is not None else None,
        **{key: item for key, item in facts.items() if key != "steps"},
        "cache": {"hits": hits, "misses": misses},
        "seconds": round(seconds, 3),
    }
    return {**value, "run_url": run_url} if run_url is not None else value


def _address(request: GenerateRequest, home: Path, policy: str) -> str:
    return digest_value({"run": request.address(engine_digest(home)), "policy": policy})
