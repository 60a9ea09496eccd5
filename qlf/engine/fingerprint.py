"""A digest of everything in this installation that decides output, so that no stale result is ever served.

Covers the source and data of `qlf` and `overlays` (the command line excepted), the releases of the
libraries that shape bytes, and the Python version. Reading all of it takes tens of milliseconds; the
digest is therefore kept beside a listing of inode, size and change time, which the kernel updates on every
write and which, unlike the modification time, no program can set back.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from qlf.engine.files import read_json, replace_file

__all__ = ["engine_digest"]

_PACKAGES = ("qlf", "overlays")
_SKIPPED = frozenset({"__pycache__", "cli"})
_SHAPING = ("jinja2", "markupsafe", "pydantic", "pydantic_core", "ruamel_yaml", "ruamel.yaml", "ruff")
_SETTLED_SECONDS = 2.0
"""A file changed less than this before the listing may change again within one tick of its change time."""


def engine_digest(home: Path, root: Path | None = None) -> str:
    """The digest of this installation, as 64 hexadecimal digits.

    Args:
        home: Folder where the listing is kept; a failure to write there costs time, nothing else.
        root: Folder that holds the packages; where `qlf` was imported from by default.
    """
    root = root or Path(__file__).resolve().parents[2]
    files = list(_files(root))
    listing = hashlib.sha256(_surroundings().encode())
    newest = 0
    for path, stat in files:
        newest = max(newest, stat.st_ctime_ns)
        listing.update(f"{path} {stat.st_ino} {stat.st_size} {stat.st_ctime_ns}\n".encode())
    key = listing.hexdigest()
    kept = home / "fingerprint.json"
    known = read_json(kept)
    if isinstance(known, dict) and known.get("listing") == key and isinstance(known.get("digest"), str):
        return str(known["digest"])
    digest = _content_digest(root, [path for path, _ in files])
    if time.time() - newest / 1e9 > _SETTLED_SECONDS:
        try:
            replace_file(kept, json.dumps({"listing": key, "digest": digest}).encode())
        except OSError:
            return digest
    return digest


def _content_digest(root: Path, paths: list[str]) -> str:
    digest = hashlib.sha256(_surroundings().encode())
    prefix = len(str(root)) + 1
    for path in paths:
        content = hashlib.sha256(Path(path).read_bytes()).hexdigest()
        digest.update(f"{content} {path[prefix:]}\n".encode())
    return digest.hexdigest()


def _files(root: Path) -> Iterator[tuple[str, os.stat_result]]:
    pending = [str(root / name) for name in reversed(_PACKAGES)]
    while pending:
        try:
            entries = sorted(os.scandir(pending.pop()), key=lambda entry: entry.name)
        except (FileNotFoundError, NotADirectoryError):
            continue
        folders = []
        for entry in entries:
            if entry.name in _SKIPPED or entry.name.endswith(".pyc"):
                continue
            if entry.is_dir(follow_symlinks=False):
                folders.append(entry.path)
            elif entry.is_file():
                yield entry.path, entry.stat()
        pending.extend(reversed(folders))


def _surroundings() -> str:
    releases = []
    for folder in sys.path:
        if not folder.endswith(("site-packages", "dist-packages")):
            continue
        try:
            names = [entry.name for entry in os.scandir(folder)]
        except OSError:
            continue
        releases += [name for name in names if name.endswith(".dist-info") and _shapes(name)]
    version = ".".join(map(str, sys.version_info[:3]))
    return f"qlf-engine-1 {sys.implementation.name} {version} {' '.join(sorted(releases))}\n"


def _shapes(name: str) -> bool:
    return name.rsplit("-", 2)[0].lower() in _SHAPING
