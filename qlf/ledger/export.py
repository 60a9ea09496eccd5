"""Reports and entries in forms for other programs: CSV, JSON, and lines with OpenTelemetry's names."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from qlf.ledger.entry import Entry
from qlf.ledger.report import SUMS, Row

__all__ = ["entries_csv", "entry_json", "report_csv", "report_json", "safe_cell", "utc", "visible"]

_STARTS_FORMULA = ("=", "+", "-", "@")


def safe_cell(text: str) -> str:
    """`text` as a spreadsheet shows it and does not run it: a formula gets an apostrophe in front."""
    text = visible(text)
    return f"'{text}" if text.startswith(_STARTS_FORMULA) else text


def visible(text: str) -> str:
    """`text` with every character that has no shape of its own as an escape."""
    return "".join(
        c if c.isprintable() else f"\\u{ord(c):04x}" if ord(c) < 0x10000 else f"\\U{ord(c):08x}" for c in text
    )


def report_csv(by: Sequence[str], rows: Iterable[Row]) -> str:
    """A report as CSV (RFC 4180), money in whole micro-dollars."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([*by, *(_column(name) for name in SUMS)])
    for row in rows:
        writer.writerow([*(safe_cell(value) for value in row.group), *(getattr(row, name) for name in SUMS)])
    return text.getvalue()


def report_json(by: Sequence[str], rows: Iterable[Row], total: Row) -> dict[str, Any]:
    """A report as a JSON document."""
    return {
        "by": list(by),
        "currency": "USD",
        "rows": [{**dict(zip(by, row.group, strict=True)), **_sums(row)} for row in rows],
        "total": _sums(total),
    }


def entry_json(entry: Entry) -> dict[str, Any]:
    """An entry with its hash, as one JSON document."""
    return {
        "seq": entry.seq,
        "ts": entry.ts,
        "kind": entry.kind,
        **{name: value for name, value in sorted(entry.fields.items()) if name != "prev"},
        "prev": entry.fields.get("prev", ""),
        "hash": entry.hash.hex(),
    }


def entries_csv(entries: Iterable[Entry]) -> Iterator[str]:
    """Entries as lines of CSV; fields that only some kinds have are in one column of JSON."""
    import orjson

    columns = ("run", "project", "tenant", "agent", "overlay", "provider", "deployment", "model")
    own = ("seq", "time", "kind", "intent", "reserve", "charge", *columns, "fields", "hash")
    yield from _csv_lines([own])
    for entry in entries:
        fields = dict(entry.fields)
        fields.pop("prev", None)
        known = [fields.pop(name, "") for name in ("intent", "reserve", "charge", *columns)]
        rest = orjson.dumps(fields, option=orjson.OPT_SORT_KEYS).decode() if fields else ""
        values = [entry.seq, utc(entry.ts), entry.kind, *known, rest, entry.hash.hex()]
        yield from _csv_lines([[safe_cell(value) if isinstance(value, str) else value for value in values]])


def utc(milliseconds: int) -> str:
    """A time as RFC 3339 writes it: `2026-07-31T09:00:00.123Z`."""
    from datetime import UTC, datetime, timedelta

    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{milliseconds % 1000:03d}Z"


def _csv_lines(rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    for row in rows:
        text = io.StringIO()
        csv.writer(text, lineterminator="\r\n").writerow(row)
        yield text.getvalue()


def _column(name: str) -> str:
    return f"{name}_micros" if name in ("spent", "reserved", "saved") else name


def _sums(row: Row) -> dict[str, int]:
    found = {_column(name): getattr(row, name) for name in SUMS}
    return {**found, "prompt_cached_percent": row.prompt_cached_percent}
