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
    text = json.dumps(_ordered(value), separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8", errors="strict")


def digest_bytes(data: bytes) -> str:
    """SHA-256 of `data` as 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def digest_value(value: Any) -> str:
    """SHA-256 of the canonical JSON of `value`."""
    return digest_bytes(canonical_json(value))


def _ordered(value: Any) -> Any:
    """The value with keys ordered by UTF-16 units (RFC 8785 3.2.3) and whole floats as integers."""
    if isinstance(value, float):
        if value != 0 and not 1e-4 <= abs(value) < 1e15:
            raise TypeError(f"canonical JSON takes no float outside 1e-4 to 1e15, got {value!r}")
        return int(value) if value.is_integer() else value
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str):
                raise TypeError(f"canonical JSON takes string keys only, got {key!r}")
        keys = sorted(value, key=lambda key: key.encode("utf-16-be", errors="surrogatepass"))
        return {key: _ordered(value[key]) for key in keys}
    if isinstance(value, list | tuple):
        return [_ordered(item) for item in value]
    return value
