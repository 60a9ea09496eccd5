"""Running the gates on an application that is already there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import BoundedSemaphore
from time import perf_counter
from typing import TYPE_CHECKING, Any

from qlf.core.finding import GateResult, Status
from qlf.core.spec import load_spec
from qlf.engine.events import Event, Listener, serialised
from qlf.engine.folder import read_folder
from qlf.engine.manifest import MANIFEST_PATH, SPEC_PATH, Manifest, content_digest
from qlf.engine.parts import Parts, default_parts
from qlf.engine.threads import start
from qlf.errors import InputError, UsageError

if TYPE_CHECKING:
    from qlf.core.spec import Spec
    from qlf.core.tree import Tree

__all__ = ["VerifyReport", "verify_folder"]


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What the gates say about a folder."""

    folder: Path
    spec: Spec
    tree: Tree
    results: tuple[GateResult, ...]
    edited: tuple[str, ...]
    """Paths that differ from what `qlf` wrote: changed, added or missing."""
    seconds: float

    @property
    def ok(self) -> bool:
        """True when no gate failed."""
        return all(result.status is not Status.FAILED for result in self.results)

    def to_json(self) -> dict[str, Any]:
        """The report as plain JSON data."""
        return {
            "output": str(self.folder.absolute()),
            "name": self.spec.app.name,
            "files": len(self.tree),
            "digest": content_digest(self.tree),
            "spec_digest": self.spec.digest,
            "edited": list(self.edited),
            "gates": [result.to_json() for result in self.results],
            "seconds": round(self.seconds, 3),
        }


def verify_folder(
    folder: Path,
    mesh: Any,
    gates: Sequence[str] | None = None,
    *,
    parts: Parts | None = None,
    on_event: Listener | None = None,
    workers: int = 2,
) -> VerifyReport:
    """Run gates on the application in `folder`; nothing in the folder is changed and nothing is cached.

    Args:
        folder: Where the application is, with its `app.yaml`.
        mesh: Passed on to every gate.
        gates: Which ones; all by default.
        parts: Other parts than those of this installation.
        on_event: Hears of the progress.
        workers: How many gates run at once.

    Raises:
        InputError: If the folder or its spec cannot be read.
        UsageError: If a gate does not exist.
    """
    started = perf_counter()
    parts = parts or default_parts()
    asked = tuple(parts.gates if gates is None else dict.fromkeys(gates))
    for name in asked:
        if name not in parts.gates:
            raise UsageError(f"there is no gate {name!r}", hint=f"gates are: {', '.join(parts.gates)}")
    tree = read_folder(folder)
    if SPEC_PATH not in tree:
        raise InputError(
            f"{str(folder)!r} holds no {SPEC_PATH}", hint="name a folder that qlf generate has written"
        )
    try:
        text = tree.text(SPEC_PATH)
    except UnicodeDecodeError as error:
        raise InputError(f"{SPEC_PATH} is not UTF-8 text") from error
    spec = load_spec(text, name=SPEC_PATH)
    tell = serialised(on_event)
    slots = BoundedSemaphore(workers)
    chosen = parts

    def run(name: str) -> GateResult:
        title = f"gate: {name}"
        with slots:
            begun = perf_counter()
            tell(Event("started", f"gate:{name}", title))
            result = chosen.run_gate(name, tree, spec, mesh)
            spent = round((perf_counter() - begun) * 1000)
        detail = f"{result.status.value}: {result.reason}" if result.reason else result.status.value
        tell(Event("finished", f"gate:{name}", title, spent, detail))
        return result

    futures = [start(partial(run, name), f"qlf gate:{name}") for name in asked]
    results = tuple(future.result() for future in futures)
    return VerifyReport(folder, spec, tree, results, edited_paths(tree), perf_counter() - started)


def edited_paths(tree: Tree) -> tuple[str, ...]:
    """Paths that differ from the manifest in the tree; none where there is no manifest to compare with.

    Raises:
        InputError: If the manifest is damaged.
    """
    if MANIFEST_PATH not in tree:
        return ()
    written = Manifest.parse(tree[MANIFEST_PATH].data).files
    present = {path: file.sha256 for path, file in tree.items() if path != MANIFEST_PATH}
    return tuple(path for path in sorted({*written, *present}) if written.get(path) != present.get(path))
