"""The name under which an answer is kept: a digest of everything that can change the answer.

The key is built from a deny-list. Every field of a call and of its request is in it, unless it is named in
`NOT_IN_KEY`; so a field that is added later changes keys, which costs a miss, and is never forgotten, which
would cost a wrong answer.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from functools import lru_cache
from operator import attrgetter
from typing import Any

import orjson

from qlf.llm.request import Call, ModelRequest

__all__ = ["NOT_IN_KEY", "CacheKey", "key_of"]

VERSION = b"qlf-answer-1"
"""Changed when the meaning of a key changes; old entries are then never found."""

_NONE = b"\0"

NOT_IN_KEY: Mapping[str, str] = {
    "request": "each of its fields is a part of its own",
    "model": "the resolved model stands in its place",
    "attribution": "who pays does not change an answer; the tenant is added, so that none sees another's",
    "priority": "when it is asked",
    "deadline_seconds": "how long it may wait",
    "use_cache": "whether this key is used at all",
}
"""Fields of `Call` that are left out, and why."""


@dataclass(frozen=True, slots=True)
class CacheKey:
    """The digest of a call, and what is needed to tell why it was not found."""

    digest: str
    """64 hexadecimal digits."""
    agent: str
    task: str
    has_schema: bool
    _parts: tuple[tuple[str, bytes], ...] = field(repr=False)

    @property
    def parts(self) -> dict[str, str]:
        """A short digest of each part by its name, to compare two keys by."""
        return {
            name: hashlib.blake2b(data, digest_size=8).hexdigest() if data else ""
            for name, data in self._parts
        }


def key_of(call: Call, model: str, quality_class: Iterable[str] = ()) -> CacheKey:
    """The key of a call.

    Args:
        call: What is asked.
        model: The model that the call's name resolves to.
        quality_class: The models that may answer in its place; part of the key.
    """
    request, attribution = call.request, call.attribution
    names, call_values, request_values = _fields()
    values = (*call_values(call), *request_values(request))
    data = [
        _NONE if one is None else one.encode("utf-8", "surrogatepass") if type(one) is str else _bytes(one)
        for one in values
    ]
    data += (model.encode(), _class_bytes(model, tuple(quality_class)), attribution.tenant.encode())
    # The lengths go first, so that no two different lists of parts read the same. One digest over all at
    # once: a hash object that is fed piece by piece costs more than the hashing.
    whole = b"%b%b%b" % (_prefix(), repr([*map(len, data)]).encode(), b"".join(data))
    return CacheKey(
        hashlib.sha256(whole).hexdigest(),
        attribution.agent,
        attribution.task,
        request.schema is not None,
        tuple(zip(names, data, strict=True)),
    )


_Values = Callable[[Any], tuple[Any, ...]]


@lru_cache(maxsize=1)
def _fields() -> tuple[tuple[str, ...], _Values, _Values]:
    """The names of all parts, and how to take those of a call and of a request."""
    of_call = [one.name for one in fields(Call) if one.name not in NOT_IN_KEY]
    of_request = [one.name for one in fields(ModelRequest)]
    names = (*of_call, *of_request, "model", "quality_class", "tenant")
    return names, attrgetter(*of_call), attrgetter(*of_request)


@lru_cache(maxsize=1)
def _prefix() -> bytes:
    return VERSION + repr(_fields()[0]).encode()


@lru_cache(maxsize=256)
def _class_bytes(model: str, quality_class: tuple[str, ...]) -> bytes:
    return _bytes(sorted({model, *quality_class}))


def _bytes(value: Any) -> bytes:
    """Bytes that are equal for equal values only, of a field that is neither text nor `None`.

    Raises:
        TypeError: For a value that JSON does not know.
    """
    try:
        return b"\1" + orjson.dumps(value, default=_plain, option=orjson.OPT_SORT_KEYS)
    except (TypeError, ValueError):
        # The fast writer refuses numbers of more than 64 bits and lone surrogates; the slow one does not.
        return b"\2" + json.dumps(value, default=_plain, sort_keys=True).encode("ascii")


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: getattr(value, one.name) for one in fields(value)}
    raise TypeError(f"{type(value).__name__} has no place in a key")
