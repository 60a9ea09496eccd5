"""YAML that comes from outside, read with every dangerous feature refused.

No aliases or anchors (they multiply: the "billion laughs"), no tags (they name types), no merge keys,
no duplicate keys, bounded size, depth and node count. Scalars follow YAML 1.2, so `NO` is a word.
"""

from __future__ import annotations

import io
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    NodeEvent,
    ScalarEvent,
)

from qlf.errors import InputError

__all__ = ["MAX_BYTES", "MAX_DEPTH", "MAX_NODES", "dump_yaml", "load_yaml", "plain"]

MAX_BYTES = 1_048_576
MAX_DEPTH = 24
MAX_NODES = 50_000


def load_yaml(text: str, *, name: str = "the file") -> CommentedMap:
    """Read one YAML document whose top is a mapping, keeping comments and order.

    Args:
        text: The document.
        name: What to call it in messages.

    Raises:
        InputError: With the line, when it is malformed or uses a refused feature.
    """
    if len(text.encode("utf-8", errors="surrogatepass")) > MAX_BYTES:
        raise InputError(f"{name} is larger than {MAX_BYTES // 1024} KiB")
    try:
        _guard(text, name)
        value = _yaml().load(text)
    except DuplicateKeyError as error:
        raise InputError(f"{name} has a key twice{_at(error)}") from error
    except (
        # The library trips over some malformed documents with these, instead of refusing them.
        YAMLError,
        ValueError,
        RuntimeError,
        TypeError,
        AttributeError,
        LookupError,
        ArithmeticError,
        AssertionError,
    ) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{name} is not valid YAML{_at(error)}") from error
    if not isinstance(value, CommentedMap):
        raise InputError(f"{name} must be a mapping of keys to values")
    return value


def dump_yaml(value: Any) -> str:
    """Write `value` as YAML text, block style, in the given order."""
    stream = io.StringIO()
    _yaml().dump(value, stream)
    return stream.getvalue()


def plain(value: Any) -> Any:
    """The same data without ruamel's comment-carrying types."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, bool) or value is None:
        return value
    for kind in (int, float, str):
        if isinstance(value, kind):
            return kind(value)
    return str(value)


def _yaml() -> YAML:
    yaml = YAML(typ="rt", pure=True)
    yaml.allow_duplicate_keys = False
    yaml.preserve_quotes = True
    yaml.width = 110
    yaml.indent(mapping=2, sequence=4, offset=2)
    return yaml


def _guard(text: str, name: str) -> None:
    depth = nodes = documents = 0
    for event in _yaml().parse(text):
        where = f" at line {event.start_mark.line + 1}" if event.start_mark else ""
        if isinstance(event, DocumentStartEvent):
            documents += 1
            if documents > 1:
                raise InputError(f"{name} holds more than one document{where}")
        if isinstance(event, AliasEvent) or (isinstance(event, NodeEvent) and event.anchor):
            raise InputError(f"{name} uses an anchor or alias{where}, which is not allowed")
        if isinstance(event, CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                raise InputError(f"{name} is nested deeper than {MAX_DEPTH} levels{where}")
        elif isinstance(event, CollectionEndEvent):
            depth -= 1
        if isinstance(event, ScalarEvent | CollectionStartEvent):
            nodes += 1
            if nodes > MAX_NODES:
                raise InputError(f"{name} holds more than {MAX_NODES} values")
            if event.tag is not None and str(event.tag) not in ("!", "None"):
                raise InputError(f"{name} uses the tag {str(event.tag)!r}{where}, which is not allowed")
            if isinstance(event, ScalarEvent) and event.value == "<<" and not event.style:
                raise InputError(f"{name} uses a merge key{where}, which is not allowed")


def _at(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    return f" at line {mark.line + 1}" if mark is not None else ""


# Re-exported for callers that rebuild a document in place.
Mapping = CommentedMap
Sequence = CommentedSeq
