"""Joining what the agents wrote into one application, with its spec and its manifest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from qlf.core.tree import Collision, File, Tree
from qlf.engine.manifest import MANIFEST_PATH, SPEC_PATH, add_manifest
from qlf.errors import InternalError

if TYPE_CHECKING:
    from qlf.core.spec import Spec

__all__ = ["Incomplete", "assemble"]

_ENGINE = "engine"


class Incomplete(InternalError):
    """A file without which an application is not complete was written by nobody."""


def assemble(
    written: Mapping[str, Tree], spec: Spec, spec_text: str, *, engine: str, required: Sequence[str] = ()
) -> Tree:
    """One tree out of the agents' trees.

    Args:
        written: What each role wrote.
        spec: What it was made from.
        spec_text: The spec as YAML text, for `app.yaml`.
        engine: Name of the engine, for the manifest.
        required: Paths that must be there.

    Raises:
        Collision: If two agents claim the same place, naming both.
        Incomplete: If a required file is missing.
    """
    own = Tree({SPEC_PATH: File(spec_text.encode())})
    owners = _owners({**written, _ENGINE: own})
    for path in required:
        if path not in owners:
            raise Incomplete(f"no agent wrote {path!r}, without which the application is not complete")
    tree = own.merge(*written.values())
    stack = spec.app.stack.model_dump(mode="json", exclude={"source"})
    return add_manifest(tree, owners=owners, engine=engine, stack=stack, spec_digest=spec.digest)


def _owners(written: Mapping[str, Tree]) -> dict[str, str]:
    owners: dict[str, str] = {}
    places: dict[str, tuple[str, str, bool]] = {MANIFEST_PATH: (_ENGINE, MANIFEST_PATH, True)}
    for role, tree in written.items():
        for path in tree:
            parts = path.split("/")
            for end in range(1, len(parts) + 1):
                place = "/".join(parts[:end])
                is_file = end == len(parts)
                other, spelled, other_is_file = places.setdefault(place.lower(), (role, place, is_file))
                first = (other, spelled, other_is_file) == (role, place, is_file)
                if not first and (is_file or other_is_file or spelled != place):
                    raise Collision(_sentence(role, place, other, spelled))
            owners[path] = role
    return owners


def _sentence(role: str, place: str, other: str, spelled: str) -> str:
    if spelled == place:
        return f"the agents {other!r} and {role!r} both claim {place!r}"
    return f"the agents {other!r} and {role!r} claim {spelled!r} and {place!r}, which differ only in case"
