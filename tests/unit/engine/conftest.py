"""Small agents and gates that make a whole application without templates, and fixtures around them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from qlf.core.finding import Finding, GateResult, Status
from qlf.core.spec import Spec, parse_spec
from qlf.core.tree import File, Tree
from qlf.engine.context import EngineContext
from qlf.engine.events import Event
from qlf.engine.manifest import MANIFEST_PATH, add_manifest
from qlf.engine.parts import Parts
from qlf.engine.request import GenerateRequest
from qlf.errors import InputError

GATES = ("static", "unit", "contract", "runtime")


@dataclass(frozen=True)
class FakeAgent:
    """Writes one file that names the application; counts how often it had to."""

    role: str
    needs: tuple[str, ...] = ()
    title: str = ""
    files: dict[str, str] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    before: Callable[[], object] = lambda: None

    def write(self, spec: Spec) -> Tree:
        self.before()
        self.calls.append(self.role)
        files = self.files or {f"{self.role}/{spec.app.name}.txt": f"{self.role} of {spec.app.title}\n"}
        return Tree.from_texts(files)


@dataclass
class FakeFactory:
    """All parts of a run, with counters."""

    compiled: list[str] = field(default_factory=list)
    judged: list[str] = field(default_factory=list)
    verdicts: dict[str, Status] = field(default_factory=dict)
    failures: list[BaseException] = field(default_factory=list)
    """Raised, one at a time, by the gates before they judge."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.agents = {
            "backend": FakeAgent("backend", files={"app/main.py": "print('hello')\n"}),
            "api": FakeAgent("api", files={"openapi.json": "{}\n", "app/api/routes.py": "ROUTES = []\n"}),
            "devops": FakeAgent("devops", files={"requirements.lock": "", "Makefile": "run:\n"}),
            "test": FakeAgent("test", needs=("backend", "api")),
        }

    @property
    def written(self) -> list[str]:
        return [role for agent in self.agents.values() for role in agent.calls]

    def compile_brief(self, text: str, name: str | None) -> Spec:
        if not text.strip():
            raise InputError("the brief is empty")
        with self.lock:
            self.compiled.append(text)
        return make_spec(name or "rental", brief=text)

    def run_gate(self, name: str, tree: Tree, spec: Spec, mesh: Any) -> GateResult:
        with self.lock:
            self.judged.append(name)
            if self.failures:
                raise self.failures.pop(0)
        status = self.verdicts.get(name, Status.PASSED)
        findings = (Finding("unit.test", "one test fails"),) if status is Status.FAILED else ()
        reason = "no sandbox works here" if status is Status.NOT_RUN else None
        return GateResult(name, status, 7, findings, reason, checks=len(tree))

    @property
    def parts(self) -> Parts:
        return Parts(self.compile_brief, self.agents, GATES, self.run_gate)


def make_spec(name: str = "rental", **extra: Any) -> Spec:
    return parse_spec(
        {
            "app": {"name": name, "title": name.title()},
            "entities": [
                {"name": "car", "fields": [{"name": "plate", "type": "string", "unique": True}]},
                {"name": "booking", "fields": [{"name": "start_day", "type": "date"}]},
            ],
            "relations": [{"from": "booking", "to": "car", "name": "car"}],
            "questions": [
                {"name": "deposit", "text": "How high?", "assumption": "None", "change": "set deposit"},
            ],
            **extra,
        }
    )


@pytest.fixture(autouse=True)
def installation(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same installation for a whole test, even while somebody edits the sources beside it."""
    for module in ("context", "seen"):
        monkeypatch.setattr(f"qlf.engine.{module}.engine_digest", lambda home: "e" * 64)


@pytest.fixture
def factory() -> FakeFactory:
    return FakeFactory()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def events() -> list[Event]:
    return []


@pytest.fixture
def context(home: Path, factory: FakeFactory, events: list[Event]) -> EngineContext:
    return EngineContext(home=home, parts=factory.parts, on_event=events.append)


@pytest.fixture
def again(home: Path, factory: FakeFactory) -> Callable[[], EngineContext]:
    """A context of a later process: same home, nothing in memory."""
    return lambda: EngineContext(home=home, parts=factory.parts)


@pytest.fixture
def request_() -> GenerateRequest:
    return GenerateRequest(source="Rent out cars by the day.")


@pytest.fixture
def tree() -> Tree:
    """A small application with a manifest, as `write_tree` gets it."""
    return Trees.manifested(
        Tree.from_texts({"app/main.py": "one\n", "README.md": "read\n", "docs/a/b.md": "deep\n"})
    )


class Trees:
    """Variants of a tree, each with the manifest that belongs to it."""

    @staticmethod
    def manifested(tree: Tree) -> Tree:
        bare = Tree((path, file) for path, file in tree.items() if path != MANIFEST_PATH)
        owners = dict.fromkeys(bare, "backend")
        return add_manifest(bare, owners=owners, engine="template", stack={}, spec_digest="0" * 64)

    def with_file(self, tree: Tree, path: str, text: str, *, executable: bool = False) -> Tree:
        return self.manifested(Tree({**tree, path: File(text.encode(), executable=executable)}))

    def without(self, tree: Tree, path: str) -> Tree:
        return self.manifested(Tree((name, file) for name, file in tree.items() if name != path))


@pytest.fixture
def trees() -> Trees:
    return Trees()


@pytest.fixture
def snapshot() -> Callable[[Path], dict[str, bytes]]:
    """Everything under a folder, so that a test can say that nothing changed."""

    def take(folder: Path) -> dict[str, bytes]:
        return {
            path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else b"<folder>"
            for path in sorted(folder.rglob("*"))
        }

    return take


@pytest.fixture
def spec_with() -> Callable[..., Spec]:
    return make_spec
