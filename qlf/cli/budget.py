"""`qlf budget`: what may be spent on models, and what is spent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from qlf.cli.group import Command, Group, run_of

if TYPE_CHECKING:
    from pathlib import Path

    from qlf.cli.run import Run
    from qlf.ledger.budget import Limits

__all__ = ["Dollars", "NamedDollars", "budget"]

_NONE = "none"


class Dollars(click.ParamType["int | str"]):
    """An amount in US dollars, kept in millionths; or `none`."""

    name = "usd"

    def __init__(self, *, none: bool = True) -> None:
        self.none = none

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | str:
        from qlf.errors import UsageError
        from qlf.ledger.money import parse_usd

        if isinstance(value, int):
            return value
        if str(value).lower() == _NONE:
            if self.none:
                return _NONE
            self.fail("this limit cannot be taken away; set it as high as you mean it", param, ctx)
        try:
            return parse_usd(str(value))
        except UsageError as error:
            self.fail(f"{error.message}; {error.hint}", param, ctx)


class NamedDollars(click.ParamType["tuple[str, int | str]"]):
    """`NAME=20`, or an amount alone for all names."""

    name = "[name=]usd"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, int | str]:
        if isinstance(value, tuple):
            return value
        name, _, amount = str(value).rpartition("=")
        if len(name) > 128 or not name.isprintable():
            self.fail(f"{name[:40]!r} is no name", param, ctx)
        return name, Dollars().convert(amount, param, ctx)


@click.group("budget", cls=Group)
def budget() -> None:
    """Show or set what may be spent on models.

    A call that could pass a limit is not made: its highest possible cost is reserved before it is sent.
    """


@budget.command("show", cls=Command)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def show(context: click.Context, *, as_json: bool) -> int:
    """Show the limits, and what is spent and reserved."""
    import time

    from qlf.ledger.batch import Total
    from qlf.ledger.budget import BudgetLimits, Limits, day_of
    from qlf.ledger.money import format_usd
    from qlf.ledger.reader import LedgerReader

    run = run_of(context)
    path = _place(run)
    stored: dict[str, int | None] = {}
    totals: dict[str, Total] = {}
    if path.exists():
        with LedgerReader(path) as reader:
            stored, totals = reader.limits(), reader.totals()
    limits = Limits(stored, BudgetLimits())
    day = day_of(int(time.time() * 1000))
    rows = []
    for scope in _scopes(totals, limits, day):
        total, limit = totals.get(scope, Total()), limits.of(scope)
        left = None if limit is None else max(0, limit - total.spent - total.reserved)
        rows.append((scope, limit, total.spent, total.reserved, left))
    if as_json:
        names = ("scope", "limit_micros", "spent_micros", "reserved_micros", "left_micros")
        document: dict[str, Any] = {
            "currency": "USD",
            "limits_micros": dict(sorted(limits.named.items())),
            "stored": sorted(stored),
            "scopes": [dict(zip(names, row, strict=True)) for row in rows],
        }
        run.screen.document(document)
        return 0
    run.screen.table(
        ["what", "limit", "spent", "reserved", "left"],
        [
            [scope, *("none" if one is None else format_usd(one) for one in amounts)]
            for scope, *amounts in rows
        ],
        right=(1, 2, 3, 4),
        result=True,
    )
    each = [
        f"{format_usd(limit)} for each {kind}"
        for kind in ("run", "project", "tenant")
        if (limit := limits.named[kind])
    ]
    if each:
        run.screen.say(f"and {', '.join(each)}")
    run.screen.say("days and months are those of UTC; change a limit with `qlf budget set`")
    return 0


@budget.command("set", cls=Command)
@click.option("--month", type=Dollars(none=False), help="In a calendar month.")
@click.option("--day", type=Dollars(), help="In a day.")
@click.option("--run", "each_run", type=Dollars(), help="For each run.")
@click.option(
    "--project", "projects", type=NamedDollars(), multiple=True, help="For a project, or each. Repeatable."
)
@click.option(
    "--tenant", "tenants", type=NamedDollars(), multiple=True, help="For a tenant, or each. Repeatable."
)
@click.option("--reset", is_flag=True, help="First forget all limits that were set.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def set_limits(
    context: click.Context,
    *,
    month: int | None,
    day: int | str | None,
    each_run: int | str | None,
    projects: tuple[tuple[str, int | str], ...],
    tenants: tuple[tuple[str, int | str], ...],
    reset: bool,
    as_json: bool,
) -> int:
    """Set limits in US dollars, such as `--month 50 --project shop=20`; `none` takes one away.

    Each change is recorded in the ledger with who made it. A limit below what is spent already lets
    nothing more through.
    """
    from qlf.cli.places import places_of
    from qlf.ledger.entry import clean_name
    from qlf.ledger.operation import Change
    from qlf.ledger.record import os_user, record

    wanted: dict[str, int | str | None] = {"month": month, "day": day, "run": each_run}
    for kind, found in (("project", projects), ("tenant", tenants)):
        wanted.update({f"{kind}:{clean_name(name)}" if name else kind: amount for name, amount in found})
    limits = {
        name: None if amount == _NONE else int(amount)
        for name, amount in wanted.items()
        if amount is not None
    }
    if not limits and not reset:
        raise click.UsageError("nothing to set", context)
    run = run_of(context)
    places = places_of(run)
    record(
        places.ledger, Change(os_user(), limits, reset), signing_key=places.signing_key, heads=places.heads
    )
    if not as_json:
        run.screen.say("the limits are set and recorded", "good")
    return int(context.invoke(show, as_json=as_json))


def _place(run: Run) -> Path:
    from qlf.cli.places import places_of

    return places_of(run).ledger


def _scopes(totals: dict[str, Any], limits: Limits, day: str) -> list[str]:
    """Month and day of now, and the projects and tenants that spent something or have a limit."""
    named = {scope for scope in (*totals, *limits.named) if scope.startswith(("project:", "tenant:"))}
    return [f"month:{day[:7]}", f"day:{day}", *sorted(named)]
