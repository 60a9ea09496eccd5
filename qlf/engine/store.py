"""The content-addressed result store: values by address, trees by digest, in one folder.

Standard library only. A reader never trusts what it finds: every entry carries the digest of its content,
and an entry that does not match is a miss that the next writer replaces. Writers put a file beside its
place and rename it, so that any number of processes may share the folder.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qlf.core.canonical import canonical_json, digest_bytes
from qlf.core.tree import File, Tree
from qlf.engine.files import replace_file
from qlf.errors import QlfError

__all__ = ["Store", "StoreStats"]

_ADDRESS = re.compile(r"[0-9a-f]{64}\Z")
_KINDS = {"values": "*/*", "trees": "*/*", "runner": "*"}
_TREE_MAGIC = b"qlf-tree-1\n"
_ABANDONED_SECONDS = 3600
_MAX_HEADER = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class StoreStats:
    """How much a store holds."""

    values: int
    trees: int
    size: int
    """Bytes of all entries together."""


class Store:
    """Results of steps in `root`, which is made on the first write with mode 0700."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def runner_results(self) -> Path:
        """Folder in which a runner may keep files of its own; they are pruned with everything else."""
        return self.root / "runner"

    def get_value(self, address: str) -> Any:
        """The JSON value kept under `address`, or `None`."""
        try:
            seal, _, body = self._path("values", address).read_bytes().partition(b"\n")
            return json.loads(body) if seal == _seal(address, body) else None
        except (OSError, ValueError, RecursionError):
            return None

    def put_value(self, address: str, value: Any) -> None:
        """Keep a JSON value under `address`.

        Raises:
            OSError: If the folder cannot take it.
            TypeError: If the value is not JSON.
        """
        body = canonical_json(value)
        replace_file(self._path("values", address), _seal(address, body) + b"\n" + body)

    def get_tree(self, digest: str) -> Tree | None:
        """The tree of that digest, or `None`. What comes back has been checked against the digest."""
        path = self._path("trees", digest)
        try:
            tree = _unpack(path.read_bytes())
        except (OSError, ValueError, KeyError, TypeError, IndexError, RecursionError, QlfError):
            return None
        return tree if tree.digest == digest else None

    def has_tree(self, digest: str) -> bool:
        """Whether a tree of that digest is there, without reading all of it."""
        return self._path("trees", digest).is_file()

    def put_tree(self, tree: Tree) -> str:
        """Keep a tree, and return its digest.

        Raises:
            OSError: If the folder cannot take it.
        """
        # Not forced to disk: a torn blob fails its digest and is written again.
        replace_file(self._path("trees", tree.digest), _pack(tree), durable=False)
        return tree.digest

    def stats(self) -> StoreStats:
        """Count what is there."""
        kinds = dict.fromkeys(_KINDS, 0)
        size = 0
        for kind, _, stat in self._entries():
            kinds[kind] += 1
            size += stat.st_size
        return StoreStats(values=kinds["values"], trees=kinds["trees"], size=size)

    def prune(self, max_bytes: int) -> int:
        """Remove the entries longest unused until at most `max_bytes` remain; return the bytes freed."""
        entries = sorted(self._entries(), key=lambda entry: max(entry[2].st_mtime, entry[2].st_atime))
        total = sum(stat.st_size for _, _, stat in entries)
        freed = 0
        for _, path, stat in entries:
            if total - freed <= max_bytes:
                break
            with contextlib.suppress(FileNotFoundError):
                path.unlink()
                freed += stat.st_size
        return freed

    def clear(self) -> int:
        """Remove every entry; return the bytes freed."""
        return self.prune(-1)

    def _path(self, kind: str, address: str) -> Path:
        if not _ADDRESS.match(address):
            raise ValueError(f"{address!r} is not an address of the result store")
        return self.root / kind / address[:2] / address

    def _entries(self) -> Iterator[tuple[str, Path, os.stat_result]]:
        for kind, pattern in _KINDS.items():
            for path in sorted((self.root / kind).glob(pattern)):
                with contextlib.suppress(FileNotFoundError):
                    stat = path.stat()
                    # A name with a dot belongs to a writer at work, or to one that was killed long ago.
                    if not path.name.startswith(".") or time.time() - stat.st_mtime > _ABANDONED_SECONDS:
                        yield kind, path, stat


def _seal(address: str, body: bytes) -> bytes:
    # The address is part of the seal, so that an entry copied to another address is a miss.
    return digest_bytes(f"qlf-value-1 {address}\n".encode() + body).encode()


def _pack(tree: Tree) -> bytes:
    rows = [[path, len(file.data), int(file.executable)] for path, file in tree.items()]
    header = json.dumps(rows).encode()
    body = b"".join(file.data for file in tree.values())
    return _TREE_MAGIC + b"%d\n" % len(header) + header + body


def _unpack(data: bytes) -> Tree:
    if not data.startswith(_TREE_MAGIC):
        raise ValueError("not a tree")
    end = data.index(b"\n", len(_TREE_MAGIC))
    length = int(data[len(_TREE_MAGIC) : end])
    if not 0 <= length <= _MAX_HEADER:
        raise ValueError("header too long")
    position = end + 1 + length
    files = []
    for path, size, executable in json.loads(data[end + 1 : position]):
        if not isinstance(size, int) or size < 0 or position + size > len(data):
            raise ValueError("torn")
        files.append((path, File(data[position : position + size], executable=bool(executable))))
        position += size
    if position != len(data):
        raise ValueError("trailing bytes")
    return Tree(files)
