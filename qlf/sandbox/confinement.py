"""The sandbox itself: start commands behind one wall."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from qlf.sandbox.model import Command, Completed, Mount, Tier
from qlf.sandbox.plan import Wall, make
from qlf.sandbox.process import Process, launch
from qlf.sandbox.workspace import Workspace, workspace

__all__ = ["Sandbox"]


class Sandbox:
    """A tested way to run commands apart from the machine. Made by `open_sandbox`.

    Example:
        with sandbox.workspace({"hello.py": b"print('hello')"}) as work:
            mount = sandbox.place(work.path, "/app", writable=True)
            command = Command(("/usr/bin/python3", "hello.py"), cwd=mount.target, mounts=(mount,))
            assert sandbox.run(command).stdout == b"hello\\n"
    """

    def __init__(self, wall: Wall, *, supervisor_env: Mapping[str, str] | None = None) -> None:
        self._wall = wall
        self._supervisor_env = supervisor_env or {}

    @property
    def tier(self) -> Tier:
        """The tier, for the evidence of whatever ran here."""
        return self._wall.tier

    @property
    def description(self) -> str:
        """What the walls are made of."""
        return self._wall.name

    @property
    def owner(self) -> tuple[int, int]:
        """User and group that commands run as, and that writable folders must belong to."""
        return self._wall.owner

    def place(self, source: Path, target: str, *, writable: bool = False) -> Mount:
        """Say where a command will see a folder: at `target`, or, without namespaces, where it really is."""
        return Mount(source, target if self.tier is Tier.A else str(source), writable)

    @contextmanager
    def workspace(self, content: Path | Mapping[str, bytes], base: Path | None = None) -> Iterator[Workspace]:
        """A copy of files that commands may change; see `qlf.sandbox.workspace.workspace`."""
        with workspace(content, self.owner, base) as copy:
            yield copy

    def run(self, command: Command) -> Completed:
        """Run a command to its end.

        Raises:
            InputError: A mount cannot work.
            SandboxFailed: The command could not be started. It is never run without walls instead.
        """
        with self.start(command) as process:
            return process.wait()

    def start(self, command: Command) -> Process:
        """Start a command that goes on, such as a server; errors as with `run`."""
        with ExitStack() as cleanup:
            scratch = None
            if self.tier is Tier.B:
                scratch = cleanup.enter_context(workspace({}, self.owner)).path
            plan = make(self._wall, command, scratch)
            closing = cleanup.pop_all()
        try:
            process = launch(plan, command, self.tier, self._supervisor_env, closing.close)
        except BaseException:
            closing.close()
            raise
        try:
            process.wait_started()
        except BaseException:
            process.kill()
            raise
        return process
