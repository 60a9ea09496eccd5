"""What the gates of one verification share: the tree on disk, environments, and a migrated database."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

from qlf.core.runbook import Runbook, runbook
from qlf.core.spec import Spec
from qlf.core.tree import Tree
from qlf.errors import InputError
from qlf.mesh.context import MeshContext
from qlf.mesh.typecache import PROBE, foreign_modules, read_left, remembered, seed_files
from qlf.sandbox import (
    Command,
    Completed,
    Environment,
    Limits,
    Mount,
    Process,
    Sandbox,
    ensure,
    open_sandbox,
    uv_variables,
)

__all__ = ["CHECK_LIMITS", "Bench"]

APP = "/app"
TYPES = "/types"
MIB = 1024 * 1024
CHECK_LIMITS = Limits(cpu_seconds=300, wall_seconds=300.0, memory_bytes=3072 * MIB, output_bytes=8 * MIB)
"""For programs that read the whole application and its packages."""
Made = TypeVar("Made")


class Bench:
    """One tree under test. Everything expensive is made on first use and once, whichever gate asks.

    Raises:
        EnvironmentUnavailable: From any member, when this machine lacks what it needs.
    """

    def __init__(self, tree: Tree, spec: Spec, context: MeshContext) -> None:
        self.tree = tree
        self.spec = spec
        self.context = context
        self.runbook: Runbook = runbook(spec.app.stack)
        self._made: dict[str, Any] = {}
        # Two gates may ask for the same thing at once; installing it twice would cost more than waiting.
        # One lock a thing, taken in the order fresh, environment, sandbox: no two gates wait for each other.
        self._locks = {name: threading.Lock() for name in ("sandbox", "environment", "tools", "fresh")}

    @property
    def sandbox(self) -> Sandbox:
        """The strongest sandbox of this machine."""
        return self.once("sandbox", lambda: open_sandbox(self.context.policy, cache=self._folder("sandbox")))

    @property
    def environment(self) -> Environment:
        """The packages of the application and of its checks.

        Raises:
            InputError: If the application names none, or not exactly.
        """
        lock = self.runbook.check_lock
        if lock not in self.tree:
            raise InputError(f"the application has no {lock!r} to make its environment from")
        return self.once("environment", lambda: self._ensure(self.tree.text(lock)))

    @property
    def tools(self) -> Environment:
        """The packages of the mesh's own checkers that run beside the application."""
        text = resources.files("qlf.mesh").joinpath("tools.lock").read_text()
        return self.once("tools", lambda: self._ensure(text))

    @contextmanager
    def files(self, *, writable: bool = True) -> Iterator[Mount]:
        """The application's files at a place of their own."""
        content = {path: file.data for path, file in self.tree.items()}
        with self.sandbox.workspace(content) as work:
            yield self.sandbox.place(work.path, APP, writable=writable)

    @contextmanager
    def types_cache(self) -> Iterator[Mount]:
        """A folder for the type checker's cache, with what it knows of the packages already."""
        modules = foreign_modules(self.tree)
        folder = self._folder("types")
        start = remembered(folder, self.environment.digest, modules, lambda: self._learn_types(modules))
        with self.sandbox.workspace(start) as work:
            yield self.sandbox.place(work.path, TYPES, writable=True)

    def command(
        self,
        words: tuple[str, ...],
        app: Mount,
        *,
        env: Mapping[str, str] | None = None,
        mounts: tuple[Mount, ...] = (),
        limits: Limits | None = None,
    ) -> Command:
        """A command of the runbook, run by the application's own interpreter in its folder."""
        return Command(
            (self.environment.program(self.sandbox, "python"), *words),
            cwd=app.target,
            env=dict(env or {}),
            mounts=(app, *mounts, *self.environment.mounts(self.sandbox)),
            limits=limits or Limits(),
        )

    def run(self, command: Command) -> Completed:
        """Run it to its end."""
        return self.sandbox.run(command)

    def start(self, command: Command) -> Process:
        """Start it and go on."""
        return self.sandbox.start(command)

    def _learn_types(self, modules: tuple[str, ...]) -> dict[str, bytes]:
        with self.sandbox.workspace(seed_files(modules)) as work, self.sandbox.workspace({}) as left:
            here = self.sandbox.place(work.path, APP, writable=True)
            cache = self.sandbox.place(left.path, TYPES, writable=True)
            words = (*self.runbook.types, cache.target, PROBE)
            self.run(self.command(words, here, mounts=(cache,), limits=CHECK_LIMITS))
            return read_left(left)

    def once(self, name: str, make: Callable[[], Made]) -> Made:
        """What `make` makes, made by the first gate that asks for `name`."""
        if name not in self._made:
            with self._locks[name]:
                if name not in self._made:
                    self._made[name] = make()
        made: Made = self._made[name]
        return made

    def _ensure(self, lock: str) -> Environment:
        from uv import find_uv_bin

        context = self.context
        return ensure(
            lock,
            python=context.python or Path(sys.executable),
            cache_dir=self._folder("environments"),
            uv=context.uv or Path(find_uv_bin()),
            variables=uv_variables(context.tools),
        )

    def _folder(self, name: str) -> Path:
        folder = self.context.cache_dir / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder
