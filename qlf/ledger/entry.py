"""Entries of the ledger: typed fields, one canonical byte form, and the hash that links each to the last.

The bytes are canonical JSON (RFC 8785: sorted names, no spaces) and are kept as they were hashed. Fields
that are empty or zero are left out. The names are the ledger's own and do not change; other vocabularies
are mapped to when entries are exported.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from hashlib import sha256
from typing import Any

import orjson

from qlf.core.metering import Attribution, Intent, Outcome, Served
from qlf.core.secrets import redact

__all__ = [
    "FIRST_PREVIOUS",
    "Entry",
    "Kind",
    "Value",
    "attribution_fields",
    "clean",
    "clean_name",
    "decode",
    "encode",
    "intent_fields",
    "outcome_counts",
    "outcome_fields",
    "served_fields",
]

Value = str | int
FIRST_PREVIOUS = "0" * 64
_VERSION = 1
_LENGTH = 200
_READ = 4096
_MOST = 2**53
_DIGEST = re.compile(r"[0-9a-f]{32,64}")
"""Nothing in it can be a credential of a known shape; most texts that come only once are digests."""


class Kind(StrEnum):
    """What an entry records."""

    START = "start"
    """The first entry: names the ledger and the key that signs its heads."""
    INTENT = "intent"
    OUTCOME = "outcome"
    SERVED = "served"
    REFUSED = "refused"
    """A call that a budget turned away; it was not sent."""
    BUDGET = "budget-change"
    KEY = "key-event"
    NOTE = "note"
    """Anything else worth a record: an import, a restore."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry, as read back."""

    seq: int
    """From 1, without gaps."""
    ts: int
    """Milliseconds since 1970, UTC."""
    kind: str
    fields: Mapping[str, Any]
    hash: bytes


def encode(seq: int, ts: int, previous: str, kind: str, fields: dict[str, Value]) -> bytes:
    """The canonical bytes of an entry. The common fields are added to `fields`, which it may keep."""
    fields["v"] = _VERSION
    fields["seq"] = seq
    fields["ts"] = ts
    fields["prev"] = previous
    fields["kind"] = kind
    return orjson.dumps(fields, option=orjson.OPT_SORT_KEYS)


def decode(body: bytes) -> Entry:
    """The entry that `encode` wrote.

    Raises:
        ValueError: If these bytes are no entry.
    """
    found = orjson.loads(body)
    try:
        version, seq, ts, kind = found.pop("v"), found.pop("seq"), found.pop("ts"), found.pop("kind")
    except (AttributeError, KeyError, TypeError):
        raise ValueError("an entry has no seq, ts or kind") from None
    if version != _VERSION or type(seq) is not int or type(ts) is not int or type(kind) is not str:
        raise ValueError("an entry has a seq, ts or kind of another type")
    return Entry(seq, ts, kind, found, sha256(body).digest())


def clean(text: str) -> str:
    """`text` as it may be recorded: without credentials, of bounded length, and valid Unicode."""
    if _DIGEST.fullmatch(text):
        return text
    text = redact(text[:_READ])
    if len(text) > _LENGTH:
        # The digest keeps two long names apart that begin alike: they may have budgets of their own.
        digest = sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:16]
        text = f"{text[: _LENGTH - 18]}… {digest}"
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


clean_name = lru_cache(maxsize=8192)(clean)
"""`clean` for texts that come again and again: names of runs, agents, models."""


def attribution_fields(attribution: Attribution) -> dict[str, Value]:
    """The fields that say what a call is for."""
    return _filled(
        {
            "run": clean_name(attribution.run),
            "project": clean_name(attribution.project),
            "tenant": clean_name(attribution.tenant),
            "agent": clean_name(attribution.agent),
            "overlay": clean_name(attribution.overlay),
            "actor": clean_name(attribution.actor),
            "flow": clean_name(attribution.flow),
            "task": clean_name(attribution.task),
        }
    )


def intent_fields(intent: Intent) -> dict[str, Value]:
    """The fields of an intent that are the same for all calls of one kind; see `encode_intent`."""
    return {
        **attribution_fields(intent.attribution),
        **_filled(
            {
                "provider": clean_name(intent.provider),
                "provider_kind": clean_name(intent.kind),
                "deployment": clean_name(intent.deployment),
                "model": clean_name(intent.model),
                "prices": clean_name(intent.price_table),
                "key": clean_name(intent.key),
            }
        ),
    }


def outcome_counts(outcome: Outcome) -> tuple[int, ...]:
    """Tokens in, out, from and to a cache, and of reasoning; milliseconds in all and to the first token.

    They come from a provider: what cannot be a count is bounded, because a settlement must not fail for it.
    """
    usage = outcome.usage
    counts = (
        usage.input_tokens,
        usage.output_tokens,
        usage.cache_read_tokens,
        usage.cache_write_tokens,
        usage.reasoning_tokens,
        outcome.milliseconds,
        outcome.first_token_milliseconds,
    )
    if min(counts) < 0 or max(counts) > _MOST:
        return tuple(min(max(count, 0), _MOST) for count in counts)
    return counts


def outcome_fields(
    intent_seq: int, outcome: Outcome, counts: tuple[int, ...], charge: int, excess: int
) -> dict[str, Value]:
    """The fields of an outcome.

    Args:
        intent_seq: The number of the entry of its intent.
        outcome: How it ended.
        counts: What `outcome_counts` made of it.
        charge: What the budget pays, in USD micros.
        excess: How far that is above what was reserved.
    """
    return _filled(
        {
            "intent": intent_seq,
            "ending": outcome.ending.value,
            "charge": charge,
            "excess": excess,
            "input": counts[0],
            "output": counts[1],
            "cache_read": counts[2],
            "cache_write": counts[3],
            "reasoning": counts[4],
            "ms": counts[5],
            "first_ms": counts[6],
            "answered": clean_name(outcome.answered_model),
            "stop": clean_name(outcome.stop),
            "error": clean_name(outcome.error),
            "response": clean(outcome.response_id),
            "request_id": clean(outcome.request_id),
            "reply": clean(outcome.reply_digest),
        }
    )


def served_fields(served: Served) -> dict[str, Value]:
    """The fields of a call that was answered without a provider."""
    return {
        **attribution_fields(served.attribution),
        **_filled(
            {
                "call": clean(served.call),
                "source": clean_name(served.source),
                "model": clean_name(served.model),
                "saved": served.saved_micros,
                "request": clean(served.request_digest),
            }
        ),
    }


def _filled(fields: dict[str, Value]) -> dict[str, Value]:
    return {name: value for name, value in fields.items() if value}
