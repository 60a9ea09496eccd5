"""Reads the domain packs: the YAML files are the truth, a compiled JSON beside them saves the slow parse.

The JSON carries the digest of every YAML file that it was made from; a file with another digest is parsed
again, so that what is read is never older than what was written.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from importlib import resources
from typing import Any

from qlf.brief.pack import Pack
from qlf.core.canonical import digest_bytes
from qlf.core.words import plural
from qlf.errors import InternalError

__all__ = ["COMPILED", "Catalogue", "catalogue", "compile_packs", "words_data"]

COMPILED = "compiled.json"


class Catalogue:
    """All packs: their words at once, each pack parsed only when it is asked for."""

    def __init__(self, raw: Mapping[str, dict[str, Any]]) -> None:
        self._raw = {name: raw[name] for name in sorted(raw)}
        self._packs: dict[tuple[str, tuple[tuple[str, str], ...]], Pack] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all packs, sorted."""
        return tuple(self._raw)

    def words(self, name: str) -> dict[str, float]:
        """The words that call for a pack, with their weights."""
        return dict(self._raw[name]["words"])

    def entity_words(self, name: str) -> dict[str, str]:
        """Entity names and their other nouns -> entity name, for one pack."""
        found: dict[str, str] = {}
        for entity, value in self._raw[name]["entities"].items():
            found[entity] = entity
            for word in value.get("words", ()):
                found.setdefault(word, entity)
        return found

    def best_home(self, entity: str) -> str | None:
        """The pack that knows most about an entity of this name; `None` when no pack has one."""
        homes = [
            (
                not str(value.get("include", "")).startswith("core"),
                len(value["fields"]) < 3,
                len(value["fields"]),
                name,
            )
            for name, raw in self._raw.items()
            if (value := raw["entities"].get(entity)) is not None and "fields" in value
        ]
        return min(homes)[-1] if homes else None

    def objects_of(self, name: str) -> dict[str, tuple[str, ...]]:
        """Entities of one pack that are the objects of certain verbs."""
        return {
            entity: tuple(value["objects_of"])
            for entity, value in self._raw[name]["entities"].items()
            if "objects_of" in value
        }

    def pack(self, name: str, renames: tuple[tuple[str, str], ...] = ()) -> Pack:
        """One pack, checked, with entities under the names that the brief uses.

        Args:
            name: The pack.
            renames: Entity and the noun that the brief has for it, such as `provider` and `doctor`.

        Raises:
            InternalError: If the pack's data are wrong, which a test rules out for shipped packs.
        """
        key = (name, renames)
        if key not in self._packs:
            raw = self._raw[name]
            for old, new in renames:
                raw = _renamed(raw, old, new)
            try:
                self._packs[key] = Pack.model_validate({"name": name, **raw})
            except ValueError as error:
                raise InternalError(f"the domain pack {name!r} is not valid: {error}") from error
        return self._packs[key]


_NOT_NAMES = frozenset(
    [
        "words",
        "when",
        "kind",
        "objects_of",
        "fields",
        "states",
        "held_state",
        "transition",
        "label",
        "step",
        "value",
    ]
)
"""Keys of a pack below which an entity's name means something else: a word, a type, a state."""


def _renamed(raw: dict[str, Any], old: str, new: str) -> dict[str, Any]:
    """A pack with one entity under another name."""
    pairs = {old: new, plural(old): plural(new)}
    pattern = re.compile(
        rf"(?<![\w|\[])(?:{'|'.join(sorted(map(re.escape, pairs), key=len, reverse=True))})(?![\w|\]])"
    )
    prose = {name.replace("_", " "): other.replace("_", " ") for name, other in pairs.items()}
    spoken = re.compile(rf"\b(?:{'|'.join(sorted(map(re.escape, prose), key=len, reverse=True))})\b")

    def change(value: Any, key: str = "") -> Any:
        if key in _NOT_NAMES or (key == "include" and str(value).startswith("when ")):
            return value
        if key in ("grants", "public"):
            return {pairs.get(name, name): actions for name, actions in value.items()}
        if key == "transitions":
            return {name: change(step) if isinstance(step, dict) else step for name, step in value.items()}
        if isinstance(value, dict):
            return {pairs.get(name, name): change(item, name) for name, item in value.items()}
        if isinstance(value, list):
            return [change(item) for item in value]
        if not isinstance(value, str):
            return value
        if key in ("description", "text", "assumption", "title"):
            return spoken.sub(lambda match: prose[match.group()], value)
        return pattern.sub(lambda match: pairs[match.group()], value)

    result: dict[str, Any] = change({name: item for name, item in raw.items() if name != "words"})
    entity = result["entities"][new]
    entity["words"] = [*(word for word in entity.get("words", ()) if word != new), old]
    if "plural" in raw["entities"][old]:
        del entity["plural"]
    return {**result, "words": raw["words"], "domain": raw["domain"], "title": raw["title"]}


@lru_cache(maxsize=1)
def _everything() -> dict[str, dict[str, Any]]:
    folder = resources.files("qlf.brief") / "packs"
    texts = {item.name: item.read_bytes() for item in folder.iterdir() if item.name.endswith(".yaml")}
    compiled: dict[str, Any] = {"digests": {}, "data": {}}
    if (folder / COMPILED).is_file():
        compiled = json.loads((folder / COMPILED).read_bytes())
    data: dict[str, dict[str, Any]] = {}
    for name in sorted(texts):
        key = name.removesuffix(".yaml")
        if compiled["digests"].get(name) == digest_bytes(texts[name]):
            data[key] = compiled["data"][key]
        else:
            data[key] = _parse(name, texts[name])
    return data


def _parse(name: str, text: bytes) -> dict[str, Any]:
    from qlf.core.yaml import load_yaml, plain

    parsed: dict[str, Any] = plain(load_yaml(text.decode(), name=name))
    return parsed


def compile_packs(texts: Mapping[str, bytes]) -> bytes:
    """The compiled JSON for YAML files by name; what the file beside them must hold."""
    value = {
        "digests": {name: digest_bytes(texts[name]) for name in sorted(texts)},
        "data": {name.removesuffix(".yaml"): _parse(name, texts[name]) for name in sorted(texts)},
    }
    return (json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n").encode()


@lru_cache(maxsize=1)
def catalogue() -> Catalogue:
    """The shipped packs. Files whose name starts with `_` hold words that belong to no domain."""
    return Catalogue({name: value for name, value in _everything().items() if not name.startswith("_")})


def words_data(name: str) -> dict[str, Any]:
    """The content of a file of general words, such as `features`."""
    return _everything()[f"_{name}"]


def _literal(pattern: str) -> str:
    """The plain letters that every match of a regular expression begins with; empty when none are sure."""
    match = re.match(r"(?:\\b|\(\?<![^)]*\))*([a-z]{2,})", pattern)
    depth = 0
    for index, char in enumerate(pattern):
        depth += {"(": 1, ")": -1}.get(char, 0) if pattern[index - 1 : index] != "\\" else 0
        if char == "|" and depth == 0:
            return ""
    if match is None:
        return ""
    letters = match[1]
    return letters[:-1] if pattern[match.end() : match.end() + 1] in ("?", "*", "{") else letters


@lru_cache(maxsize=8192)
def word_start(word: str) -> str:
    """Letters that a text must hold for `word_pattern` to match: a test that is much faster."""
    if word.startswith("/"):
        return _literal(word.strip("/"))
    first = re.split(r"[ _-]+", word.lower().rstrip("*"), maxsplit=1)[0]
    return first.removesuffix("y")


@lru_cache(maxsize=8192)
def word_pattern(word: str) -> re.Pattern[str]:
    """A pattern for a word or phrase: whole words, any case, plural allowed, spaces or dashes between.

    Between slashes stands a regular expression.
    """
    if word.startswith("/"):
        return re.compile(word.strip("/"), re.IGNORECASE)
    parts = [re.escape(part) for part in re.split(r"[ _-]+", word.lower()) if part]
    body = r"[\s_-]*".join(parts) if len(parts) > 1 else parts[0]
    last = parts[-1]
    ending = r"(?:'?s|es)?" if last[-1].isalpha() and not word.endswith("*") else ""
    if last.endswith("y"):
        body, ending = body[:-1], r"(?:y|ies|y's)"
    if word.endswith("*"):
        body, ending = body.removesuffix(r"\*"), r"\w*"
    return re.compile(rf"(?<![\w.-]){body}{ending}(?![\w])", re.IGNORECASE)
