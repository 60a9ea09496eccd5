"""`qlf cache warm`: ask models ahead of time, directly or by the batch APIs of their providers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from qlf.cli.budget import Dollars
from qlf.cli.cache_answers import usd
from qlf.cli.group import Command, run_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from qlf.cli.run import Run
    from qlf.llm.batch import BatchReport
    from qlf.llm.batch_plan import BatchEstimate, Preference
    from qlf.llm.request import Call

__all__ = ["warm"]

_STEPS = 10
"""Lines of progress where nothing can move on the screen."""


@click.command("warm", cls=Command, short_help="Ask models ahead of time, so that answers are kept.")
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@click.option(
    "--batch/--no-batch",
    default=False,
    help="Send calls to the batch API of their provider where it has one: half the price, within a day.",
)
@click.option("--budget", type=Dollars(none=False), help="The most that this warming may cost.")
@click.option(
    "--at-once",
    type=click.IntRange(1, 1000),
    default=16,
    show_default=True,
    help="How many calls are asked directly at a time.",
)
@click.option(
    "--wait",
    type=click.IntRange(0, 2880),
    default=1440,
    show_default=True,
    metavar="MINUTES",
    help="How long to wait; batches go on without being waited for.",
)
@click.option("--dry-run", is_flag=True, help="Ask nothing; show what it may cost.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def warm(
    context: click.Context,
    *,
    file: Path,
    batch: bool,
    budget: int | None,
    at_once: int,
    wait: int,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Ask the calls in FILE whose answers are not kept yet, behind all other work.

    FILE has one call in each line, as JSON: its model and its request. Budgets hold as for any call. A batch
    that has not ended is collected by the next run with the same calls, and paid once. The exit code is 5
    when a call was not answered, unless it waits for its batch.
    """
    import asyncio

    from qlf.errors import ProviderError
    from qlf.llm.cache_warm import read_calls

    run = run_of(context)
    calls = read_calls(file)
    prefer: Preference = "auto" if batch else "direct"
    if dry_run:
        _show_estimate(run, _estimate(run, calls, prefer), as_json=as_json)
        return 0
    report = asyncio.run(_warm(run, calls, prefer, budget, at_once, wait * 60.0))
    if as_json:
        run.screen.document(_document(report, len(calls)))
    else:
        _show(run, report)
    return ProviderError.exit_code if report.failed else 0


async def _warm(
    run: Run, calls: Sequence[Call], prefer: Preference, budget: int | None, at_once: int, seconds: float
) -> BatchReport:
    import secrets

    from qlf.cli.models import key_source
    from qlf.cli.places import places_of
    from qlf.engine.gateway import open_gateway
    from qlf.ledger.budget import BudgetLimits
    from qlf.llm.batch import run_batch

    name = f"warm-{secrets.token_hex(6)}"
    # With a budget of its own all of it is one run, whatever the lines say.
    calls = [
        replace(call, attribution=replace(call.attribution, run=name))
        if budget is not None or not call.attribution.run
        else call
        for call in calls
    ]
    ceiling = BudgetLimits(run_micros=budget, month_micros=None) if budget is not None else None
    with key_source(run) as keys:
        async with open_gateway(places_of(run), keys, ceiling=ceiling) as gateway:
            return await run_batch(
                gateway,
                calls,
                on_done=_progress(run, len(calls)),
                prefer=prefer,
                deadline_seconds=seconds,
                # Beside the ledger: the cache may be deleted at any time, and what was paid for must not be.
                folder=run.settings.state_dir / "batches",
                at_once=at_once,
                say=run.screen.say,
            )


def _progress(run: Run, total: int) -> Callable[[int, Any], None]:
    """Says after each tenth of the calls how many have ended."""
    done = 0

    def show(_place: int, _result: object) -> None:
        nonlocal done
        done += 1
        if done * _STEPS // total != (done - 1) * _STEPS // total:
            run.screen.say(f"{done} of {total} calls")

    return show


def _estimate(run: Run, calls: Sequence[Call], prefer: Preference) -> BatchEstimate:
    from contextlib import closing
    from datetime import UTC, datetime

    from qlf.cli.places import places_of
    from qlf.engine.gateway import read_config
    from qlf.llm.batch_plan import estimate_calls
    from qlf.llm.cache import Cache
    from qlf.llm.catalogue import resolve
    from qlf.llm.prices import Prices

    places = places_of(run)
    config = read_config(places)
    today = datetime.now(tz=UTC).date()
    with closing(Cache(places.answers, config.cache)) as cache:
        there = places.answers.is_dir()
        return estimate_calls(
            calls,
            lambda name: resolve(name, config, today),
            Prices(config),
            prefer,
            lambda key: there and cache.get(key, count=False) is not None,
        )


def _show_estimate(run: Run, found: BatchEstimate, *, as_json: bool) -> None:
    if as_json:
        run.screen.document(
            {
                "calls": found.calls,
                "kept_before": found.kept,
                "batch": found.batch,
                "direct": found.direct,
                "expected_usd_micros": found.expected_micros,
                "max_usd_micros": found.max_micros,
            }
        )
        return
    run.screen.result(
        f"{found.calls} calls: {found.kept} kept before, {found.batch} by batch, {found.direct} directly; "
        f"about {usd(found.expected_micros)}, at most {usd(found.max_micros)}"
    )


def _document(report: BatchReport, calls: int) -> dict[str, Any]:
    return {
        "calls": calls,
        "asked": report.asked,
        "batched": report.batched,
        "kept_before": report.kept_before,
        "cut": report.cut,
        "failed": report.failed,
        "waiting": report.waiting,
        "cost_usd_micros": report.cost_micros,
        "errors": [{"message": message, "times": times} for message, times in report.errors],
    }


def _show(run: Run, report: BatchReport) -> None:
    by_batch = f" ({report.batched} by batch)" if report.batched else ""
    run.screen.say(
        f"{report.asked} asked{by_batch} for {usd(report.cost_micros)}, {report.kept_before} kept before, "
        f"{report.failed} failed",
        "good" if not report.failed else None,
    )
    if report.waiting:
        run.screen.say(
            f"{report.waiting} wait for a batch; warm the same file again to collect their answers"
        )
    if report.cut:
        run.screen.warn(
            f"{report.cut} answers were cut off or refused and are not kept; raise max_output_tokens"
        )
    for message, times in report.errors:
        run.screen.warn(f"{message} ({times} times)")
