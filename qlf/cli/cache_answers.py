"""The part of `qlf cache` about answers of models: how often they were found, and filling the cache ahead."""

from __future__ import annotations

from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from qlf.cli.group import Command, run_of

if TYPE_CHECKING:
    from qlf.cli.run import Run
    from qlf.llm.cache import Cache

__all__ = ["answers_document", "clear_answers", "prune_answers", "show_answers", "usd", "warm"]

_REASONS = 3
"""How many reasons of misses a line names."""


def answers_document(run: Run) -> dict[str, Any]:
    """What is known of the kept answers, as JSON data."""
    with closing(_cache(run)) as cache:
        size, report = cache.size(), cache.report()
        return {
            "entries": size.answers,
            "bytes": size.bytes,
            "hits": sum(one.hits for one in report),
            "misses": sum(one.misses for one in report),
            "saved_usd_micros": sum(one.saved_micros for one in report),
            "agents": [
                {
                    "agent": one.agent,
                    "hits": one.hits,
                    "misses": one.misses,
                    "hit_rate": round(one.hit_rate, 4),
                    "saved_usd_micros": one.saved_micros,
                    "reasons": dict(one.reasons),
                }
                for one in report
            ],
            "notices": list(cache.notices),
        }


def show_answers(run: Run, document: dict[str, Any]) -> None:
    """Print how often each agent's answers were found, and why not."""
    if document["agents"]:
        run.screen.result("")
        run.screen.table(
            ["model answers", "hits", "misses", "hit rate", "saved", "misses because of"],
            [_line(one) for one in document["agents"]],
            right=(1, 2, 3, 4),
            result=True,
        )
    for notice in document["notices"]:
        run.screen.warn(notice)


def clear_answers(run: Run) -> int:
    """Remove every kept answer. The number of them."""
    with closing(_cache(run)) as cache:
        return cache.clear()


def prune_answers(run: Run, max_bytes: int | None, max_age_days: int | None) -> int:
    """Remove old answers and those beyond the size; what is not given is as configured. Returns how many."""
    with closing(_cache(run)) as cache:
        limits = cache.limits
        return cache.prune(
            max_bytes=limits.max_bytes if max_bytes is None else max_bytes,
            max_age_seconds=86_400 * (limits.max_age_days if max_age_days is None else max_age_days),
        )


def usd(micros: int) -> str:
    """An amount for a person: `$1.25`, or `$0.0042` where cents would hide it."""
    amount = Decimal(micros) / 1_000_000
    return f"${amount:,.2f}" if micros == 0 or abs(micros) >= 10_000 else f"${amount:.6f}".rstrip("0")


@click.command("warm", cls=Command, short_help="Ask models ahead of time, so that answers are kept.")
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@click.option(
    "--at-once",
    type=click.IntRange(1, 1000),
    default=16,
    show_default=True,
    help="How many calls wait or work at a time.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def warm(context: click.Context, *, file: Path, at_once: int, as_json: bool) -> int:
    """Ask the calls in FILE whose answers are not kept yet, behind all other work.

    FILE has one call in each line, as JSON: its model and its request. Budgets hold as for any call. The
    exit code is 5 when a call was not answered.
    """
    import asyncio

    from qlf.cli.models import key_source, places_of
    from qlf.engine.gateway import open_gateway
    from qlf.errors import ProviderError
    from qlf.llm.cache_warm import WarmReport, read_calls
    from qlf.llm.cache_warm import warm as ask_all

    run = run_of(context)
    calls = read_calls(file)

    async def work() -> WarmReport:
        with key_source(run) as keys:
            async with open_gateway(places_of(run), keys) as gateway:
                return await ask_all(calls, gateway.ask, at_once=at_once)

    report = asyncio.run(work())
    if as_json:
        run.screen.document(
            {
                "calls": len(calls),
                "asked": report.asked,
                "kept_before": report.kept_before,
                "cut": report.cut,
                "failed": report.failed,
                "cost_usd_micros": report.cost_micros,
                "errors": [{"message": message, "times": times} for message, times in report.errors],
            }
        )
    else:
        run.screen.say(
            f"{report.asked} asked for {usd(report.cost_micros)}, {report.kept_before} kept before, "
            f"{report.failed} failed",
            "good" if not report.failed else None,
        )
        if report.cut:
            run.screen.warn(
                f"{report.cut} answers were cut off or refused and are not kept; raise max_output_tokens"
            )
        for message, times in report.errors:
            run.screen.warn(f"{message} ({times} times)")
    return ProviderError.exit_code if report.failed else 0


def _cache(run: Run) -> Cache:
    from qlf.cli.models import places_of
    from qlf.engine.gateway import read_config
    from qlf.errors import ProviderError
    from qlf.llm.cache import Cache

    places = places_of(run)
    try:
        limits = read_config(places).cache
    except ProviderError as error:
        # Looking at and emptying the cache must work all the same.
        run.screen.warn(error.message)
        limits = None
    return Cache(places.answers, limits)


def _line(one: dict[str, Any]) -> list[str]:
    reasons = [f"{reason} ({times})" for reason, times in list(one["reasons"].items())[:_REASONS]]
    more = len(one["reasons"]) - _REASONS
    return [
        one["agent"] or "(none)",
        str(one["hits"]),
        str(one["misses"]),
        f"{one['hit_rate']:.0%}",
        usd(one["saved_usd_micros"]),
        ", ".join(reasons) + (f" and {more} more" if more > 0 else ""),
    ]
