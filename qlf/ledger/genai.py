"""Attempts as OpenTelemetry names them (GenAI semantic conventions): the one place for those names.

The conventions are still in development, so entries keep names of their own and are mapped here, when they
are exported. They have no attribute for cost; those of this project begin with `qlf.`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from qlf.ledger.entry import Entry, Kind

__all__ = ["genai_spans"]

_PROVIDERS = {"bedrock": "aws.bedrock", "azure_openai": "azure.ai.openai", "openai_compatible": "openai"}
_INTENT = {
    "model": "gen_ai.request.model",
    "run": "gen_ai.conversation.id",
    "flow": "gen_ai.workflow.name",
    "agent": "gen_ai.agent.name",
    "deployment": "qlf.deployment",
    "provider": "qlf.provider",
    "project": "qlf.project",
    "tenant": "qlf.tenant",
    "overlay": "qlf.overlay",
    "task": "qlf.task",
    "actor": "qlf.actor",
    "call": "qlf.call.id",
    "attempt": "qlf.call.attempt",
    "reserve": "qlf.cost.reserved_micros",
    "prices": "qlf.cost.price_table",
    "request": "qlf.request.digest",
    "key": "qlf.key.id",
}
_OUTCOME = {
    "answered": "gen_ai.response.model",
    "response": "gen_ai.response.id",
    "input": "gen_ai.usage.input_tokens",
    "output": "gen_ai.usage.output_tokens",
    "cache_read": "gen_ai.usage.cache_read.input_tokens",
    "cache_write": "gen_ai.usage.cache_creation.input_tokens",
    "reasoning": "gen_ai.usage.reasoning.output_tokens",
    "error": "error.type",
    "ending": "qlf.ending",
    "excess": "qlf.cost.excess_micros",
    "request_id": "qlf.provider.request_id",
    "first_ms": "qlf.first_token_ms",
    "reply": "qlf.reply.digest",
}


def genai_spans(entries: Iterable[Entry]) -> Iterator[dict[str, Any]]:
    """One document for each attempt that is settled and each call that was served, in that order of time."""
    intents: dict[int, Entry] = {}
    for entry in entries:
        if entry.kind == Kind.INTENT:
            intents[entry.seq] = entry
        elif entry.kind == Kind.OUTCOME:
            intent = intents.pop(entry.fields.get("intent", 0), None)
            if intent is not None:
                yield _span(intent, entry)
        elif entry.kind == Kind.SERVED:
            yield _served(entry)


def _span(intent: Entry, outcome: Entry) -> dict[str, Any]:
    attributes: dict[str, Any] = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": _PROVIDERS.get(
            intent.fields.get("provider_kind", ""), intent.fields.get("provider_kind", "")
        ),
        **_mapped(intent, _INTENT),
        **_mapped(outcome, _OUTCOME),
        "qlf.cost.amount_micros": outcome.fields.get("charge", 0),
        "qlf.cost.currency": "USD",
        "qlf.ledger.seq": intent.seq,
    }
    if "stop" in outcome.fields:
        attributes["gen_ai.response.finish_reasons"] = [outcome.fields["stop"]]
    end = outcome.ts
    start = max(intent.ts, end - outcome.fields["ms"]) if "ms" in outcome.fields else intent.ts
    return _document(f"chat {intent.fields.get('model', '')}".strip(), start, end, attributes)


def _served(entry: Entry) -> dict[str, Any]:
    attributes = {
        "gen_ai.operation.name": "chat",
        **_mapped(entry, _INTENT),
        "qlf.cache.source": entry.fields.get("source", ""),
        "qlf.cost.amount_micros": 0,
        "qlf.cost.saved_micros": entry.fields.get("saved", 0),
        "qlf.cost.currency": "USD",
        "qlf.ledger.seq": entry.seq,
    }
    return _document(f"chat {entry.fields.get('model', '')}".strip(), entry.ts, entry.ts, attributes)


def _mapped(entry: Entry, names: dict[str, str]) -> dict[str, Any]:
    return {other: entry.fields[own] for own, other in names.items() if own in entry.fields}


def _document(name: str, start: int, end: int, attributes: dict[str, Any]) -> dict[str, Any]:
    # OTLP/JSON writes times as decimal strings of nanoseconds; 3 is the kind CLIENT.
    return {
        "name": name,
        "kind": 3,
        "startTimeUnixNano": f"{start}000000",
        "endTimeUnixNano": f"{end}000000",
        "attributes": [{"key": key, "value": _value(value)} for key, value in sorted(attributes.items())],
    }


def _value(value: Any) -> dict[str, Any]:
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, list):
        return {"arrayValue": {"values": [_value(one) for one in value]}}
    return {"stringValue": str(value)}
