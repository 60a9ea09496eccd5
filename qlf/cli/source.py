"""What `BRIEF|FILE|-` means: words, a file of words, a spec, or standard input."""

from __future__ import annotations

import re
import stat
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

from qlf.errors import InputError

__all__ = ["MAX_BYTES", "Source", "read_source"]

MAX_BYTES = 1_048_576
"""What is read at most. The brief compiler and the spec loader have tighter limits of their own."""

_SPEC_SUFFIXES = (".yaml", ".yml", ".json")
_TEXT_SUFFIXES = (".md", ".txt", ".markdown", ".rst")
# A spec that comes without a file name is known by the two keys that every spec has.
_SPEC_KEYS = {
    "yaml": re.compile(r"^(app|entities)\s*:", re.MULTILINE),
    "json": re.compile(r'"(app|entities)"\s*:'),
}


@dataclass(frozen=True, slots=True)
class Source:
    """A text to start from."""

    text: str
    kind: Literal["brief", "spec"]
    name: str
    """What to call it in messages."""


def read_source(argument: str, stdin: IO[bytes] | None = None) -> Source:
    """Read what the user named.

    Args:
        argument: The words of a brief, the path of a file, or `-`.
        stdin: Where `-` reads from; standard input by default.

    Raises:
        InputError: If it is empty, too large, no text, a folder, or a file that is not there.
    """
    if argument == "-":
        text = _text((stdin or sys.stdin.buffer).read(MAX_BYTES + 1), "standard input")
        return Source(text, _kind(text), "standard input")
    path = _existing(argument)
    if path is not None:
        name = repr(argument)
        text = _text(_read(path, name), name)
        suffix = path.suffix.lower()
        if suffix in _SPEC_SUFFIXES:
            return Source(text, "spec", name)
        return Source(text, "brief" if suffix in _TEXT_SUFFIXES else _kind(text), name)
    if _looks_like_a_path(argument):
        raise InputError(
            f"there is no file {argument!r}", hint="check the path, or give the brief itself in quotes"
        )
    try:
        text = _text(argument.encode(), "the brief")
    except UnicodeEncodeError as error:
        raise InputError(
            "the brief is not valid UTF-8", hint="save it as a UTF-8 file and give its name"
        ) from error
    return Source(text, "brief", "the brief")


def _existing(argument: str) -> Path | None:
    if not argument or len(argument) > 4_000 or "\n" in argument or "\0" in argument:
        return None
    try:
        found = Path(argument).stat()
    except (OSError, ValueError):
        return None
    if stat.S_ISDIR(found.st_mode):
        raise InputError(
            f"{argument!r} is a folder", hint="give a brief in quotes, a file, or - for standard input"
        )
    return Path(argument)


def _read(path: Path, name: str) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputError(
            f"{name} cannot be read: {error.strerror or error}", hint="check its permissions"
        ) from error


def _text(data: bytes, name: str) -> str:
    if len(data) > MAX_BYTES:
        raise InputError(
            f"{name} is larger than {MAX_BYTES // 1024} KiB", hint="a brief is a few pages at most"
        )
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InputError(f"{name} is UTF-16", hint="save it as UTF-8")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{name} is not UTF-8 text (byte {error.start + 1})", hint="save it as UTF-8"
        ) from error
    if "\0" in text:
        raise InputError(f"{name} is binary, not text", hint="give a brief in words or a spec in YAML")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not text.strip():
        raise InputError(f"{name} is empty", hint="say what the application keeps track of, and who uses it")
    return text


def _kind(text: str) -> Literal["brief", "spec"]:
    keys = _SPEC_KEYS["json" if text.lstrip().startswith("{") else "yaml"]
    return "spec" if len(set(keys.findall(text))) == 2 else "brief"


def _looks_like_a_path(argument: str) -> bool:
    if any(character.isspace() for character in argument):
        return False
    return argument.lower().endswith((*_SPEC_SUFFIXES, *_TEXT_SUFFIXES)) or argument.startswith(
        ("./", "../", "/", "~/")
    )
