"""What gates share is made once, and no two gates ever wait for each other."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from qlf.core.spec import load_spec
from qlf.core.tree import Tree
from qlf.errors import InputError
from qlf.mesh import MeshContext, bench, server


@pytest.fixture
def shared(tmp_path: Path) -> bench.Bench:
    spec = load_spec("version: 1\napp: {name: a, title: A}\nentities: [{name: item}]\n")
    tree = Tree.from_texts({"requirements-dev.lock": ""})
    return bench.Bench(tree, spec, MeshContext(tmp_path))


def test_gates_that_start_at_different_ends_do_not_lock_each_other_out(
    shared: bench.Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []

    def slow(name: str) -> str:
        made.append(name)
        time.sleep(0.1)
        return name

    monkeypatch.setattr(bench, "open_sandbox", lambda *_, **__: slow("sandbox"))
    monkeypatch.setattr(bench, "ensure", lambda *_, **__: (shared.sandbox, slow("environment")))
    monkeypatch.setattr(server, "prepare", lambda _: (shared.environment, shared.sandbox, slow("fresh")))
    asked = [
        lambda: shared.environment,
        lambda: server.fresh_of(shared),
        lambda: shared.sandbox,
        lambda: server.fresh_of(shared),
    ]
    threads = [threading.Thread(target=ask, daemon=True) for ask in asked]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    assert not any(thread.is_alive() for thread in threads)
    assert sorted(made) == ["environment", "fresh", "sandbox"]


def test_an_application_without_lock_is_refused(shared: bench.Bench) -> None:
    empty = bench.Bench(Tree({}), shared.spec, shared.context)
    with pytest.raises(InputError, match=r"requirements-dev\.lock"):
        _ = empty.environment
