"""`.qlf/manifest.json`: which file of an application came from whom, with digests. Standard library only."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from qlf import __version__
from qlf.core.paths import check_path
from qlf.core.tree import File, Tree
from qlf.errors import InputError

__all__ = ["MANIFEST_PATH", "MAX_MANIFEST_BYTES", "SPEC_PATH", "Manifest", "add_manifest", "content_digest"]

MANIFEST_PATH = ".qlf/manifest.json"
SPEC_PATH = "app.yaml"
MAX_MANIFEST_BYTES = 8 * 1024 * 1024
_SCHEMA = 1
_HEX = frozenset("0123456789abcdef")


@dataclass(frozen=True, slots=True)
class Manifest:
    """What was written, read back from the folder."""

    files: Mapping[str, str]
    """SHA-256 by path; the manifest itself is not among them."""
    tree: str
    """Digest of the tree without the manifest."""
    spec_digest: str
    engine: str

    @classmethod
    def parse(cls, data: bytes) -> Manifest:
        """Read a manifest, which anybody may have changed.

        Raises:
            InputError: If it is not one.
        """
        if len(data) > MAX_MANIFEST_BYTES:
            raise InputError(f"{MANIFEST_PATH} is larger than {MAX_MANIFEST_BYTES // 2**20} MiB")
        try:
            value = json.loads(data)
            if value["schema"] != _SCHEMA:
                raise InputError(f"{MANIFEST_PATH} has the schema {value['schema']!r}, which is not known")
            files = {check_path(path): _hex(entry["sha256"]) for path, entry in value["files"].items()}
            return cls(
                files=files,
                tree=_hex(value["tree"]),
                spec_digest=_hex(value["spec_digest"]),
                engine=str(value["engine"]),
            )
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(f"{MANIFEST_PATH} is not a manifest of qlf") from error


def add_manifest(tree: Tree, *, owners: Mapping[str, str], engine: str, stack: Any, spec_digest: str) -> Tree:
    """The tree together with its manifest.

    Args:
        tree: All other files.
        owners: Role that wrote each path.
        engine: Name of the engine.
        stack: The technology, as plain JSON data.
        spec_digest: Digest of the spec that the tree was made from.
    """
    value = {
        "schema": _SCHEMA,
        "qlf": __version__,
        "engine": engine,
        "stack": stack,
        "spec_digest": spec_digest,
        "tree": tree.digest,
        "files": {path: {"sha256": file.sha256, "agent": owners[path]} for path, file in tree.items()},
    }
    text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=True) + "\n"
    return tree.merge(Tree({MANIFEST_PATH: File(text.encode())}))


def content_digest(tree: Tree) -> str:
    """Digest of the tree without its manifest: the digest that the manifest itself states."""
    return tree.select(path for path in tree if path != MANIFEST_PATH).digest


def _hex(value: Any) -> str:
    if not isinstance(value, str) or len(value) != 64 or not set(value) <= _HEX:
        raise InputError(f"{MANIFEST_PATH} holds {value!r} where a SHA-256 is expected")
    return value
