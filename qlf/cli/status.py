"""`qlf status`: what runs here, and the latest generations."""

from __future__ import annotations

import time
from typing import Any

import click

from qlf.cli.group import Command, run_of

__all__ = ["status"]


@click.command("status", cls=Command)
@click.option(
    "-n", "--runs", "count", type=click.IntRange(1, 1_000), default=10, show_default=True, help="How many."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def status(context: click.Context, *, count: int, as_json: bool) -> int:
    """Show what runs here, and the latest generations."""
    from qlf.cli.history import recent
    from qlf.cli.server.state import running
    from qlf.deploy import list_local

    run = run_of(context)
    settings, screen = run.settings, run.screen
    api = running(settings)
    server = {"url": api.url, "ui": api.ui} if api is not None else None
    applications = [one.to_json() for one in list_local(settings.state_dir)]
    runs = recent(settings, count)
    if as_json:
        screen.document({"server": server, "deployments": applications, "runs": runs})
        return 0
    screen.result(f"Prefect server: {server['ui'] if server else 'not running (`qlf up` starts it)'}")
    for one in applications:
        screen.result(f"application {one['name']}: {one['status']}, {one['url']}")
    if not runs:
        screen.result("no generations yet")
        return 0
    screen.table(
        ["when", "name", "verdict", "seconds", "folder"],
        [
            [_when(entry), str(entry.get("name")), _verdict(entry), _seconds(entry), str(entry.get("output"))]
            for entry in runs
        ],
        right=(3,),
        styles={"failed": "bad", "passed": "good"},
        result=True,
    )
    return 0


def _when(entry: dict[str, Any]) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(entry.get("time", 0)))


def _seconds(entry: dict[str, Any]) -> str:
    seconds = entry.get("seconds")
    return f"{seconds:.2f}" if isinstance(seconds, int | float) else ""


def _verdict(entry: dict[str, Any]) -> str:
    states = list(entry["gates"].values())
    if "failed" in states:
        return "failed"
    done = states.count("passed")
    return "passed" if states and done == len(states) else f"{done} of {len(states)} passed"
