"""`qlf audit report` and `qlf audit export`: where the money went, for people and for programs."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from qlf.cli.group import Command, run_of

if TYPE_CHECKING:
    from qlf.cli.run import Run
    from qlf.ledger.report import Row

__all__ = ["Groups", "Moment", "export", "report"]

_UNITS = {"m": 60, "h": 3600, "d": 86_400, "w": 604_800}


class Moment(click.ParamType[int]):
    """A time in UTC: 2026-07-31, 2026-07-31T09:00, or how long ago: 24h, 7d. In milliseconds since 1970."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        text = str(value).strip()
        ago = re.fullmatch(r"(\d{1,6})([mhdw])", text)
        if ago is not None:
            return int(time.time() * 1000) - int(ago[1]) * _UNITS[ago[2]] * 1000
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            self.fail(f"{text[:40]!r} is no time; use 2026-07-31, 2026-07-31T09:00, 24h or 7d", param, ctx)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return int(moment.timestamp() * 1000)


class Groups(click.ParamType["tuple[str, ...]"]):
    """Names with commas between them."""

    name = "a,b"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        if isinstance(value, tuple):
            return value
        from qlf.ledger.report import GROUPS

        names = tuple(dict.fromkeys(part.strip() for part in str(value).split(",") if part.strip()))
        for name in names:
            if name not in GROUPS:
                self.fail(f"{name[:40]!r} is nothing to group by; take {', '.join(GROUPS)}", param, ctx)
        return names


@click.command("report", cls=Command)
@click.option("--by", type=Groups(), default="model", show_default=True, help="What to group by.")
@click.option("--since", type=Moment(), help="Only calls from this time on (UTC).")
@click.option("--until", type=Moment(), help="Only calls before this time (UTC).")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "csv", "json"]),
    default="table",
    show_default=True,
    help="Form.",
)
@click.option("--chart", type=click.Path(path_type=Path, dir_okay=False), help="Also write a chart (SVG).")
@click.pass_context
def report(
    context: click.Context,
    *,
    by: tuple[str, ...],
    since: int | None,
    until: int | None,
    form: str,
    chart: Path | None,
) -> int:
    """Show what was spent on models.

    It can be grouped by run, project, tenant, agent, model, overlay, provider, deployment, day and month.
    """
    import json

    from qlf.cli.places import places_of
    from qlf.ledger.export import report_csv, report_json
    from qlf.ledger.reader import LedgerReader
    from qlf.ledger.report import report as sums

    run = run_of(context)
    with LedgerReader(places_of(run).ledger) as reader:
        rows = sums(reader, by, since=since, until=until)
        total = sums(reader, since=since, until=until)[0]
    if form == "csv":
        run.screen.result(report_csv(by, rows))
    elif form == "json":
        # ASCII only: a name may hold characters that drive a terminal.
        run.screen.result(json.dumps(report_json(by, rows, total), indent=2, ensure_ascii=True))
    else:
        _table(run, by, rows, total)
    if chart is not None:
        _write_chart(run, chart, by, rows, _period(since, until))
    return 0


@click.command("export", cls=Command)
@click.option(
    "--format",
    "form",
    type=click.Choice(["json", "csv", "otel"]),
    default="json",
    show_default=True,
    help="One JSON document a line, CSV, or spans with OpenTelemetry's GenAI names a line.",
)
@click.option("--after", type=click.IntRange(0, 2**53), default=0, help="Only entries after this number.")
@click.pass_context
def export(context: click.Context, *, form: str, after: int) -> int:
    """Print the entries for another program."""
    import json

    from qlf.cli.places import places_of
    from qlf.ledger.export import entries_csv, entry_json
    from qlf.ledger.genai import genai_spans
    from qlf.ledger.reader import LedgerReader

    run = run_of(context)
    with LedgerReader(places_of(run).ledger) as reader:
        entries = reader.entries(after=after)
        if form == "csv":
            for line in entries_csv(entries):
                run.screen.result(line)
            return 0
        documents = genai_spans(entries) if form == "otel" else map(entry_json, entries)
        for document in documents:
            # ASCII only: control characters of a terminal stay escapes.
            run.screen.result(json.dumps(document, ensure_ascii=True))
    return 0


def _table(run: Run, by: tuple[str, ...], rows: list[Row], total: Row) -> None:
    from qlf.ledger.money import format_usd

    heads = [*by, "calls", "cached", "attempts", "tokens in", "out", "saved", "spent"]
    held = total.reserved > 0
    if held:
        heads.append("held")

    def cells(names: tuple[str, ...], row: Row) -> list[str]:
        counts = (row.calls, row.served, row.attempts, row.input_tokens, row.output_tokens)
        amounts = (row.saved, row.spent, *((row.reserved,) if held else ()))
        return [*names, *(f"{one:,}" for one in counts), *(format_usd(one) for one in amounts)]

    body = [cells(tuple(one or "(none)" for one in row.group), row) for row in rows]
    blank = ("total", *("" for _ in by[1:])) if by else ()
    run.screen.table(
        heads,
        [*body, cells(blank, total)],
        right=range(len(by), len(heads)),
        result=True,
    )
    if total.cache_read_tokens:
        run.screen.say(
            f"{total.prompt_cached_percent} % of the input tokens came from the providers' own prompt caches"
        )
    if total.unknown:
        run.screen.say(f"{total.unknown:,} attempts were never answered to the end and are charged in full")


def _period(since: int | None, until: int | None) -> str:
    from qlf.ledger.export import utc

    start = "from the first call" if since is None else f"from {utc(since)[:16]}"
    return start if until is None else f"{start} until {utc(until)[:16]}"


def _write_chart(run: Run, path: Path, by: tuple[str, ...], rows: list[Row], period: str) -> None:
    from qlf.errors import OutputError
    from qlf.ledger.chart import bar_chart

    title = f"Spend on models by {' and '.join(by)}" if by else "Spend on models"
    try:
        path.write_text(bar_chart(title, f"US dollars, {period} (UTC)", rows), encoding="utf-8")
    except OSError as error:
        raise OutputError(f"the chart {str(path)!r} cannot be written: {error.strerror}") from error
    run.screen.say(f"chart written to {path}", "good")
