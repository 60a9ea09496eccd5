"""One byte form for a value, so that equal values have equal digests on every machine.

Follows the ordering and separator rules of RFC 8785 (JSON Canonicalization Scheme). Floats take their
shortest round-trip form and must stay between 1e-4 and 1e15, the range in which Python and RFC 8785
write the same digits.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

__all__ = ["canonical_json", "digest_bytes", "digest_value"]


def canonical_json(value: Any) -> bytes:
    """The canonical UTF-8 JSON of `value`.

    Raises:
        TypeError: For anything that JSON does not know, and for a float outside the stated range.
    """
    _check(value)
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8", errors="strict")


def digest_bytes(data: bytes) -> str:
    """SHA-256 of `data` as 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def digest_value(value: Any) -> str:
    """SHA-256 of the canonical JSON of `value`."""
    return digest_bytes(canonical_json(value))


def _check(value: Any) -> None:
    if isinstance(value, float):
        if value != 0 and not 1e-4 <= abs(value) < 1e15:
            raise TypeError(f"canonical JSON takes no float outside 1e-4 to 1e15, got {value!r}")
    elif isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise TypeError(f"canonical JSON takes string keys only, got {key!r}")
            _check(item)
    elif isinstance(value, list | tuple):
        for item in value:
            _check(item)
