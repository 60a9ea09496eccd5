"""Where the money went: spend by run, project, tenant, agent, model and so on, in whole micro-dollars.

Every attempt and every call that was served from a cache counts in exactly one row, so the sum over the
rows is the same whatever they are grouped by.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

from qlf.errors import UsageError
from qlf.ledger.reader import LedgerReader
from qlf.ledger.store import explained

__all__ = ["GROUPS", "SUMS", "Row", "report"]

_NAMES = ("run", "project", "tenant", "agent", "overlay", "provider", "deployment", "model")
_GROUPS = {
    **{name: f"coalesce(dims.{name}, '')" for name in _NAMES},
    "day": "strftime('%Y-%m-%d', spend.ts / 1000, 'unixepoch')",
    "month": "strftime('%Y-%m', spend.ts / 1000, 'unixepoch')",
}
GROUPS = tuple(_GROUPS)
"""What a report can be grouped by. Days and months are those of UTC in which a call was made."""


@dataclass(frozen=True, slots=True)
class Row:
    """The sums of one group. Money in USD micros."""

    group: tuple[str, ...]
    """One value for each name that was asked for."""
    calls: int
    """Calls of agents, whatever it took to answer them."""
    attempts: int
    """Requests to providers: the first and those after a failure."""
    answered: int
    refused: int
    """Turned away by the provider; free."""
    unknown: int
    """Sent and never answered to the end, or cut off by a crash; charged in full."""
    open: int
    """Under way."""
    served: int
    """Answered without a provider, from the cache or from a call under way."""
    spent: int
    reserved: int
    """Held by attempts that are under way or were cut off by a crash and are not settled yet."""
    saved: int
    """What served calls would have cost."""
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    reasoning_tokens: int
    milliseconds: int
    """All attempts together, as if one had waited for the other."""

    @property
    def prompt_cached_percent(self) -> int:
        """Share of the input tokens that providers read from their own prompt caches, rounded down."""
        return 100 * self.cache_read_tokens // self.input_tokens if self.input_tokens else 0


# The numbers are those of `qlf.ledger.store.State`.
_SUMS = """
    coalesce(sum(first), 0), coalesce(sum(state <> 4), 0), coalesce(sum(state = 1), 0),
    coalesce(sum(state = 2), 0),
    coalesce(sum(state = 3 OR state = 0 AND writer IN (SELECT value FROM json_each(?1))), 0),
    coalesce(sum(state = 0 AND writer NOT IN (SELECT value FROM json_each(?1))), 0),
    coalesce(sum(state = 4), 0),
    coalesce(sum(charge), 0), coalesce(sum(CASE state WHEN 0 THEN reserve ELSE 0 END), 0),
    coalesce(sum(saved), 0), coalesce(sum(input), 0), coalesce(sum(output), 0),
    coalesce(sum(cache_read), 0), coalesce(sum(cache_write), 0), coalesce(sum(reasoning), 0),
    coalesce(sum(ms), 0)
    FROM spend LEFT JOIN dims ON dims.id = spend.dims
    WHERE spend.ts >= ?2 AND spend.ts < ?3"""


def report(
    reader: LedgerReader, by: Sequence[str] = (), *, since: int | None = None, until: int | None = None
) -> list[Row]:
    """The sums of each group, the dearest first; without groups one row with everything.

    Args:
        reader: The ledger.
        by: Names out of `GROUPS`.
        since: Only calls made from this time on: milliseconds since 1970, UTC.
        until: Only calls made before this time.

    Raises:
        UsageError: If a group is not known.
        LedgerUnavailable: If the ledger cannot be read.
    """
    for name in by:
        if name not in _GROUPS:
            raise UsageError(f"a report cannot be grouped by {name[:40]!r}", hint=f"take {', '.join(GROUPS)}")
    columns = [_GROUPS[name] for name in dict.fromkeys(by)]
    names = "".join(f"{column}, " for column in columns)
    grouping = f" GROUP BY {', '.join(map(str, range(1, len(columns) + 1)))}" if columns else ""
    gone = f"[{','.join(map(str, sorted(reader.abandoned())))}]"
    times = (0 if since is None else since, 2**62 if until is None else until)
    with explained(reader.path):
        found = reader.db.execute(f"SELECT {names}{_SUMS}{grouping}", (gone, *times)).fetchall()
    width = len(columns)
    rows = [Row(tuple(row[:width]), *row[width:]) for row in found]
    return sorted(rows, key=lambda row: (-row.spent, -row.reserved, row.group))


SUMS = tuple(field.name for field in fields(Row) if field.name != "group")
"""The names of the sums, in the order of the fields."""
