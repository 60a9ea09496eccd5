"""Read a requirements file and refuse everything but exact versions with hashes.

The format is that of pip ("Requirements File Format", hash-checking mode), reduced to what a compiled lock
holds: an option in it could name another index, a URL or a path could name anything.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from qlf.errors import InputError

__all__ = ["Pin", "parse", "without_credentials"]

_PIN = re.compile(
    r"(?P<name>[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)(?:\[[A-Za-z0-9,._ -]*\])?"
    r"==(?P<version>[A-Za-z0-9.!+_-]+)\s*(?:;(?P<marker>[^#]*?))?(?P<hashes>(?:\s+--hash=sha256:[0-9a-f]{64})+)"
)
_COMMENT = re.compile(r"(^|\s)#.*$", re.MULTILINE)
_HINT = "Write the lock with `uv pip compile --generate-hashes`."


@dataclass(frozen=True, slots=True)
class Pin:
    """One package of a lock."""

    name: str
    """Normalised (PEP 503)."""
    version: str
    marker: str
    hashes: tuple[str, ...]


def parse(text: str) -> tuple[Pin, ...]:
    """Read the pins of a lock.

    Raises:
        InputError: A line is anything but one exact version with SHA-256 hashes.
    """
    pins = []
    for written in _COMMENT.sub("", text).replace("\\\n", " ").splitlines():
        line = written.strip()
        if not line:
            continue
        found = _PIN.fullmatch(line)
        if found is None:
            shown = without_credentials(line)[:80]
            raise InputError(f"The lock holds {shown!r}, {_reason(line)}.", hint=_HINT)
        pins.append(
            Pin(
                re.sub(r"[-_.]+", "-", found["name"]).lower(),
                found["version"],
                (found["marker"] or "").strip(),
                tuple(found["hashes"].replace("--hash=", " ").split()),
            )
        )
    return tuple(pins)


def without_credentials(text: str) -> str:
    """A text whose URLs show no user and no password."""
    return re.sub(r"//[^@\s/]*@", "//***@", text)


def _reason(line: str) -> str:
    if line.startswith("-"):
        return "which is an option; indexes are configured by the caller alone"
    if "://" in line or " @ " in line:
        return "which names a place and not a version"
    if "--hash=" not in line:
        return "which has no hash"
    return "which is not one exact version with SHA-256 hashes"
