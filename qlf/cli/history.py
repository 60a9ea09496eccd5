"""The list of latest generations that `qlf status` shows: one JSON line for each, the newest last.

Standard library only: a run that was seen before is listed too.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from typing import Any

from qlf.settings import Settings

__all__ = ["note", "recent"]

_FILE = "runs.jsonl"
_KEPT = ("name", "output", "files", "digest", "verify", "seconds", "run_url")
_LARGEST = 1_000_000
"""Bytes; then the older half is dropped."""


def note(settings: Settings, document: Mapping[str, Any]) -> None:
    """Add a finished generation. A list that cannot be written loses the entry, never the run."""
    gates = {gate["name"]: gate["status"] for gate in document["gates"]}
    kept = {key: document[key] for key in _KEPT if key in document}
    line = (
        json.dumps({"time": int(time.time()), **kept, "gates": gates, "cache": document.get("cache")}) + "\n"
    )
    path = settings.state_dir / _FILE
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and path.stat().st_size > _LARGEST:
            lines = path.read_bytes().splitlines(keepends=True)
            beside = path.with_name(f".{_FILE}.{os.getpid()}")
            beside.write_bytes(b"".join(lines[len(lines) // 2 :]))
            beside.replace(path)
        # One write in append mode: two runs at once never mix their lines.
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            os.write(handle, line.encode())
        finally:
            os.close(handle)
    except OSError:
        return


def recent(settings: Settings, count: int) -> list[dict[str, Any]]:
    """The latest generations, the newest first; damaged lines are skipped."""
    try:
        lines = (settings.state_dir / _FILE).read_bytes().splitlines()
    except OSError:
        return []
    found: list[dict[str, Any]] = []
    for line in reversed(lines):
        if len(found) == count:
            break
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict) and isinstance(entry.get("gates"), dict):
            found.append(entry)
    return found
