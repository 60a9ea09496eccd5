"""Reading and writing the spec as YAML, with a person's comments kept."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.scalarstring import DoubleQuotedScalarString, LiteralScalarString

from qlf.core.spec.document import Spec
from qlf.core.yaml import dump_yaml, load_yaml, plain
from qlf.errors import InputError

__all__ = ["SpecFile", "dump_spec", "load_spec", "parse_spec", "spec_schema"]


def parse_spec(data: Any, *, name: str = "the spec") -> Spec:
    """A checked spec from plain data.

    Raises:
        InputError: Naming the first places that are wrong.
    """
    try:
        return Spec.model_validate(data)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_context=False, include_input=False)
        lines = [f"{_place(item['loc'])}: {_sentence(item['msg'])}" for item in problems[:3]]
        more = f" (and {len(problems) - 3} more)" if len(problems) > 3 else ""
        raise InputError(f"{name} is not valid: {'; '.join(lines)}{more}") from error


def load_spec(text: str, *, name: str = "the spec") -> Spec:
    """A checked spec from YAML text.

    Raises:
        InputError: If the YAML or the spec is wrong.
    """
    return parse_spec(plain(load_yaml(text, name=name)), name=name)


def dump_spec(spec: Spec) -> str:
    """The spec as new YAML text; `load_spec` gives back an equal spec."""
    return dump_yaml(_commented(spec.to_data()))


def spec_schema() -> dict[str, Any]:
    """The published JSON Schema of the spec."""
    schema = Spec.model_json_schema(by_alias=True, mode="validation")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "QuantumLayer Factory spec",
        **schema,
    }


class SpecFile:
    """A spec together with the YAML text that a person wrote, so that comments survive a change."""

    def __init__(self, text: str, *, name: str = "the spec") -> None:
        self._document = load_yaml(text, name=name)
        self.spec = parse_spec(plain(self._document), name=name)

    def updated(self, spec: Spec) -> str:
        """The text with the values of `spec`, keeping comments and order of what did not change."""
        _update_map(self._document, spec.to_data(), keep=self._document)
        return dump_yaml(self._document)


def _commented(value: Any) -> Any:
    if isinstance(value, dict):
        result = CommentedMap()
        for key, item in value.items():
            result[key] = _commented(item)
        # Provenance is read at a glance when it stays on one line.
        if set(value) <= {"origin", "detail", "span", "confidence"} and "origin" in value:
            result.fa.set_flow_style()
        return result
    if isinstance(value, list):
        items = CommentedSeq(_commented(item) for item in value)
        if all(not isinstance(item, dict | list) for item in value):
            items.fa.set_flow_style()
        return items
    if isinstance(value, str):
        # Anything that does not print is written as an escape, or it would not be read back as it was.
        if not all(char == "\n" or char.isprintable() for char in value):
            return DoubleQuotedScalarString(value)
        if "\n" in value:
            return LiteralScalarString(value)
    return value


def _update_map(target: CommentedMap, data: dict[str, Any], keep: Any) -> None:
    for key in [key for key in target if key not in data]:
        # A default that was spelled out stays as the person wrote it, as long as it says the same.
        if not _is_spelled_default(target[key]):
            del target[key]
    for key, value in data.items():
        if key not in target:
            target[key] = _commented(value)
        elif isinstance(value, dict) and isinstance(target[key], CommentedMap):
            _update_map(target[key], value, keep)
        elif isinstance(value, list) and isinstance(target[key], CommentedSeq):
            _update_list(target[key], value, keep)
        elif not _same(plain(target[key]), value):
            target[key] = _commented(value)


def _is_spelled_default(value: Any) -> bool:
    return value in (None, "", False) or plain(value) in ([], {})


def _same(written: Any, value: Any) -> bool:
    """Whether a person's spelling says the value: `0.5` says the number that the spec writes as `"0.5"`."""
    if isinstance(written, float) and isinstance(value, str):
        return str(written) == value
    return type(written) is type(value) and bool(written == value)


def _update_list(target: CommentedSeq, data: list[Any], keep: Any) -> None:
    if plain(target) == data:
        return
    known = _by_key(target)
    if known is not None and _by_key(data) is not None:
        merged = []
        for item in data:
            old = known.get(_key(item))
            if old is None:
                merged.append(_commented(item))
            else:
                _update_map(old, item, keep)
                merged.append(old)
        del target[:]
        target.extend(merged)
        return
    for index, item in enumerate(data):
        if index >= len(target):
            target.append(_commented(item))
        elif isinstance(item, dict) and isinstance(target[index], CommentedMap):
            _update_map(target[index], item, keep)
        elif plain(target[index]) != item:
            target[index] = _commented(item)
    del target[len(data) :]


def _key(item: Any) -> tuple[Any, ...]:
    """What tells one element of a list from the others: links and grants have no name of their own."""
    parts = (item.get(key) for key in ("name", "from", "entity", "role", "scope"))
    return tuple(part if isinstance(part, str) else None for part in parts)


def _by_key(items: list[Any]) -> dict[tuple[Any, ...], Any] | None:
    """The elements by what tells them apart; `None` when that does not tell them apart."""
    if not items or not all(isinstance(item, dict) for item in items):
        return None if items else {}
    found = {_key(item): item for item in items}
    return found if len(found) == len(items) else None


def _place(location: tuple[int | str, ...]) -> str:
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else (f".{part}" if text else part)
    return text or "the whole"


def _sentence(message: str) -> str:
    return message.removeprefix("Value error, ")
