"""`make bench-gateway`: our gateway beside other clients, against a provider on this machine.

Every client runs in a process of its own. They take turns within one run, the best of several turns counts,
and CPU time is what is compared: it drifts less with the load than the clock on the wall.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from qlf.llm.fake.hosting import FakeProcess, serve_in_process
from qlf.llm.fake.script import parse_script

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
PEERS = ROOT / "build" / "bench-peers"
LOCK = ROOT / "requirements" / "bench.lock"
OURS = ("qlf", "qlf adapter alone", "openai", "boto3 in threads")
THEIRS = ("pydantic-ai", "LiteLLM Router")
LONG = "STREAM "
SCRIPT = {
    "defaults": {"answer_bytes": 2048, "chunk_chars": 40, "price": {"input": 2, "output": 8}},
    "answers": [{"when": {"message_contains": LONG}, "size": 16_000}],
}
BURST = {"calls": 200, "wide": 64}
IDEAL_SECONDS = 9.0
"""20 of the 200 calls go out at once, and 20 more with each second."""
BUDGET = {"calls": 64, "wide": 64}
CAP = 0.05


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def peers_python() -> Path | None:
    """The interpreter with the peers, installed from their lock; none, with the reason said, without."""
    python, stamp = PEERS / "bin" / "python", PEERS / ".installed"
    if stamp.exists() and stamp.read_bytes() == LOCK.read_bytes():
        return python
    uv = Path(sys.executable).with_name("uv")
    PEERS.parent.mkdir(exist_ok=True)
    install = ["pip", "install", "--quiet", "--no-deps", "--only-binary", ":all:", "--require-hashes"]
    for command in (
        [uv, "venv", "--quiet", "--clear", PEERS],
        [uv, *install, "--python", python, "--compile-bytecode", "-r", LOCK],
    ):
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            say(f"{' and '.join(THEIRS)} are left out: {done.stderr.strip().splitlines()[-1]}")
            return None
    stamp.write_bytes(LOCK.read_bytes())
    return python


class Worker:
    """A client in its own process."""

    def __init__(self, python: Path, name: str, url: str, *, rpm: int = 0, cap: float = 0.0) -> None:
        self.name = name
        self._folder = tempfile.TemporaryDirectory(prefix="qlf-bench-")
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed in `close`
        arguments = [name, url, self._folder.name, str(rpm), str(cap)]
        self._process = subprocess.Popen(
            [python, HERE / "worker.py", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )
        self.figures: dict[str, float] = self._read()

    def order(self, order: str, **more: Any) -> dict[str, float]:
        self._process.stdin.write(json.dumps({"order": order, **more}) + "\n")
        self._process.stdin.flush()
        return self._read()

    def best(self, prefix: str, order: str, **more: Any) -> None:
        """Keep the least of what it measured so far."""
        for name, value in self.order(order, **more).items():
            key = f"{prefix}{name}"
            self.figures[key] = min(value, self.figures.get(key, value))

    def _read(self) -> dict[str, float]:
        line = self._process.stdout.readline()
        if not line:
            code = self._process.wait()
            self._errors.seek(0)
            raise SystemExit(f"{self.name} ended with {code}: {self._errors.read()[-2000:]}")
        return json.loads(line)

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()
        self._errors.close()
        self._folder.cleanup()


@contextmanager
def workers(names: dict[str, Path], url: str, **more: Any) -> Iterator[list[Worker]]:
    made: list[Worker] = []
    try:
        for name, python in names.items():
            made.append(Worker(python, name, url, **more))
        yield made
    finally:
        for one in made:
            one.close()


def measure_calls(names: dict[str, Path], fake: FakeProcess, turns: int) -> dict[str, dict[str, float]]:
    with workers(names, fake.url) as made:
        for _ in range(turns):
            for one in made:
                one.best("one_", "cpu", calls=64, wide=1)
                one.best("wide_", "cpu", calls=320, wide=64)
                one.best("", "stream", calls=3, text=LONG)
        for one in made:
            one.figures |= one.order("python_calls", calls=64, wide=64)
            one.figures |= one.order("memory")
            if one.name == "qlf":
                one.figures |= one.order("kept", calls=320, wide=64)
                one.figures |= one.order("hits", calls=500)
        return {one.name: one.figures for one in made}


def measure_burst(names: dict[str, Path], fake: FakeProcess) -> dict[str, dict[str, float]]:
    found = {}
    limits = {"requests_per_minute": 600}
    deployments = [
        {"name": f"{account}/{model}", "limits": limits}
        for account in ("east", "west")
        for model in ("gpt-4.1", "amazon.nova-lite-v1:0")
    ]
    for name, python in names.items():
        with workers({name: python}, fake.url, rpm=600) as (one,):
            fake.load(parse_script({**SCRIPT, "deployments": deployments}))
            found[name] = one.order("burst", **BURST)
            found[name]["refusals"] = sum(record.status == 429 for record in fake.log)
    fake.load(parse_script(SCRIPT))
    return found


def measure_budget(names: dict[str, Path], fake: FakeProcess) -> dict[str, dict[str, float]]:
    found = {}
    for name, python in names.items():
        with workers({name: python}, fake.url, cap=CAP) as (one,):
            fake.reset()
            first = one.order("budget", **BUDGET)
            again = one.order("budget", **BUDGET)
            found[name] = {
                "spent": fake.bill_micros() / 1e6,
                "refused": first["refused"] + again["refused"],
            }
    return found


def table(head: list[str], rows: list[list[str]]) -> None:
    for row in (head, ["---"] * len(head), *rows):
        say(f"| {' | '.join(row)} |")
    say("")


def number(figures: dict[str, float], name: str, digits: int = 0) -> str:
    return f"{figures[name]:,.{digits}f}" if name in figures else "-"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--only", choices=("calls", "burst", "budget"))
    chosen = parser.parse_args()
    theirs = peers_python()
    names = dict.fromkeys(OURS, Path(sys.executable))
    if theirs is not None:
        names |= dict.fromkeys(THEIRS, theirs)
    with serve_in_process(parse_script(SCRIPT)) as fake:
        if chosen.only in (None, "calls"):
            show_calls(measure_calls(names, fake, chosen.turns))
        some = {name: python for name, python in names.items() if name != "qlf adapter alone"}
        if chosen.only in (None, "burst"):
            show_burst(measure_burst(some, fake))
        if chosen.only in (None, "budget"):
            budgets = {name: python for name, python in names.items() if name in ("qlf", "LiteLLM Router")}
            if theirs is not None:
                budgets["LiteLLM SDK"] = theirs
            show_budget(measure_budget(budgets, fake))


def show_calls(found: dict[str, dict[str, float]]) -> None:
    heads = ["client", "CPU µs a call, 1 / 64 wide", "Python calls", "µs a piece", "first call, CPU s", "MB"]
    rows = [
        [
            name,
            f"{number(one, 'one_cpu_us')} / {number(one, 'wide_cpu_us')}",
            number(one, "python_calls"),
            number(one, "chunk_us"),
            number(one, "import_seconds", 2),
            number(one, "mb"),
        ]
        for name, one in found.items()
    ]
    table(heads, rows)
    ours, bare = found["qlf"], found["qlf adapter alone"]
    say(f"own overhead 64 wide: {ours['wide_cpu_us'] - bare['wide_cpu_us']:.0f} µs of CPU, ")
    say(f"{ours['python_calls'] - bare['python_calls']:.0f} Python calls; a cache hit: ")
    say(f"{ours['hit_us']:.0f} µs with its key, {ours['ask_hit_us']:.0f} µs as a whole call;")
    say(f"a call that is looked up and kept, 64 wide: {ours['kept_us']:.0f} µs of CPU\n")


def show_burst(found: dict[str, dict[str, float]]) -> None:
    rows = [
        [name, f"{one['lost']:.0f}", f"{one['refusals']:.0f}", f"{one['seconds']:.1f} s", ratio(one)]
        for name, one in found.items()
    ]
    table(["client", "lost of 200", "429s", "wall", "of the ideal"], rows)


def ratio(one: dict[str, float]) -> str:
    return f"{one['seconds'] / IDEAL_SECONDS:.2f}" if not one["lost"] else "-"


def show_budget(found: dict[str, dict[str, float]]) -> None:
    rows = [[name, f"${one['spent']:.3f}", f"{one['refused']:.0f}"] for name, one in found.items()]
    table(["client", f"spent of ${CAP}", "refused of 128"], rows)


if __name__ == "__main__":
    main()
