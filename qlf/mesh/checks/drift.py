"""Where two JSON documents differ, as JSON Pointers (RFC 6901)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

__all__ = ["differences"]


def differences(left: Any, right: Any, pointer: str = "") -> Iterator[tuple[str, str]]:
    """Every place where the documents differ, in the order of sorted keys.

    Yields:
        The pointer, and what is the matter there: `missing`, `added` or `changed`, seen from `left`.
    """
    if isinstance(left, dict) and isinstance(right, dict):
        for key in sorted(left.keys() | right.keys()):
            below = f"{pointer}/{str(key).replace('~', '~0').replace('/', '~1')}"
            if key not in right:
                yield below, "missing"
            elif key not in left:
                yield below, "added"
            else:
                yield from differences(left[key], right[key], below)
    elif isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        for place, (one, other) in enumerate(zip(left, right, strict=True)):
            yield from differences(one, other, f"{pointer}/{place}")
    elif type(left) is not type(right) or left != right:
        yield pointer or "/", "changed"
