"""What every step of a run shares: the result store, the working parts, and where progress is told."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qlf.engine.events import Listener, serialised
from qlf.engine.fingerprint import engine_digest
from qlf.engine.parts import Parts, default_parts
from qlf.engine.plan import Plan, build_plan
from qlf.engine.request import GenerateRequest
from qlf.engine.store import Store

if TYPE_CHECKING:
    from qlf.core.spec import Spec
    from qlf.core.tree import Tree

__all__ = ["EngineContext"]


@dataclass
class EngineContext:
    """Made once for each run; steps in several threads may use it."""

    home: Path
    """Folder of the result store; may be deleted at any time."""
    mesh: Any = None
    """Passed on to every gate."""
    policy: str = "auto"
    """What else verdicts depend on: which sandbox is good enough."""
    parts: Parts = field(default_factory=default_parts)
    on_event: Listener | None = None
    workers: int = 4
    """How many steps work at once."""
    gates_at_once: int = 2
    """Gates boot and load applications; too many of them at once disturb each other's timing."""
    notes: list[str] = field(default_factory=list)
    """Sentences about what did not go as it should without changing the result."""
    _trees: dict[str, Tree] = field(default_factory=dict, repr=False)
    _specs: dict[str, Spec] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @cached_property
    def store(self) -> Store:
        """Where results are kept."""
        return Store(self.home / "store")

    @cached_property
    def engine_digest(self) -> str:
        """Digest of the installation, part of every address."""
        return engine_digest(self.home)

    @cached_property
    def tell(self) -> Listener:
        """Tells an event to whoever listens."""
        return serialised(self.on_event)

    @cached_property
    def gate_slots(self) -> threading.Semaphore:
        """Held by a gate while it works."""
        return threading.Semaphore(self.gates_at_once)

    def plan(self, request: GenerateRequest) -> Plan:
        """The plan for a request with these parts."""
        return build_plan(request, self.parts.agents, self.parts.gates)

    def plan_titles(self, request: GenerateRequest) -> list[tuple[str, str]]:
        """Identifier and title of every step, in order, for a progress display."""
        return [(node.id, node.title) for node in self.plan(request).nodes]

    def keep_tree(self, tree: Tree) -> str:
        """Put a tree into the store and into memory; return its digest."""
        self._trees[tree.digest] = tree
        try:
            self.store.put_tree(tree)
        except OSError as error:
            self.note_store(error)
        return tree.digest

    def keep_value(self, address: str, value: Any) -> None:
        """Put the result of a step into the store."""
        try:
            self.store.put_value(address, value)
        except OSError as error:
            self.note_store(error)

    def note_store(self, error: OSError) -> None:
        """Remember that the store could not take a result: the next run is slower, this one is complete."""
        note = f"results could not be kept in {str(self.home)!r}: {error.strerror or error}"
        if note not in self.notes:
            self.notes.append(note)

    def tree(self, digest: str) -> Tree | None:
        """A tree by its digest, from memory or from the store."""
        found = self._trees.get(digest)
        if found is None:
            found = self.store.get_tree(digest)
            if found is not None:
                self._trees[digest] = found
        return found

    def spec(self, digest: str, parse: Callable[[], Spec]) -> Spec:
        """A spec by its digest, parsed once for all steps of the run."""
        with self._lock:
            if digest not in self._specs:
                self._specs[digest] = parse()
            return self._specs[digest]
