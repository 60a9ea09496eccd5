"""How much a whole `qlf generate` costs, as a process of its own, in CPU seconds of it and its children.

CPU time hardly depends on what else the machine does. The peer in the same run is an interpreter that
only imports what any generator of this kind imports; `docs/reference/performance.md` has JHipster.
"""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SHOP = Path(__file__).parents[1] / "apps" / "golden" / "shop" / "app.yaml"
QLF = Path(sys.executable).with_name("qlf")
FRESH_CPU_SECONDS = 2.0


def children_cpu() -> float:
    """CPU seconds of all finished child processes so far."""
    times = os.times()
    return times.children_user + times.children_system


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    return {**os.environ, "QLF_HOME": str(tmp_path / "home")}


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Path]:
    """Specs of the shop that nobody has generated before."""

    def make() -> Iterator[Path]:
        for number in itertools.count():
            path = tmp_path / f"shop-{number}.yaml"
            path.write_text(SHOP.read_text().replace("title: Shop", f"title: Shop {number}"))
            yield path

    return make()


def generate(spec: Path, target: Path, home: dict[str, str]) -> None:
    command = [QLF, "-q", "generate", spec, "-o", target, "--verify", "none", "--inline"]
    subprocess.run(command, env=home, check=True, stdout=subprocess.DEVNULL)


@pytest.mark.benchmark(group="generate: CPU seconds", timer=children_cpu)
def test_a_shop_that_nobody_made_before(benchmark, home, fresh, tmp_path):
    generate(next(fresh), tmp_path / "warm", home)
    numbers = itertools.count()

    def setup():
        return (next(fresh), tmp_path / f"out-{next(numbers)}", home), {}

    benchmark.pedantic(generate, setup=setup, rounds=5)
    assert benchmark.stats.stats.median < FRESH_CPU_SECONDS


@pytest.mark.benchmark(group="generate: CPU seconds", timer=children_cpu)
def test_a_shop_that_was_made_before(benchmark, home, fresh, tmp_path):
    spec = next(fresh)
    generate(spec, tmp_path / "out", home)
    benchmark.pedantic(generate, (spec, tmp_path / "out", home), rounds=10)
    assert benchmark.stats.stats.median < FRESH_CPU_SECONDS / 8


@pytest.mark.benchmark(group="generate: CPU seconds", timer=children_cpu)
def test_peer_the_imports_alone(benchmark):
    code = "import click, jinja2, pydantic, ruamel.yaml"
    benchmark.pedantic(lambda: subprocess.run([sys.executable, "-c", code], check=True), rounds=5)
