"""`qlf down`: stop the local Prefect server."""

from __future__ import annotations

import click

from qlf.cli.group import Command, run_of

__all__ = ["down"]


@click.command("down", cls=Command)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def down(context: click.Context, *, as_json: bool) -> int:
    """Stop the local Prefect server. Its database and its password stay for the next `qlf up`."""
    from qlf.cli.server.control import stop

    run = run_of(context)
    stopped = stop(run.settings)
    if as_json:
        run.screen.document({"stopped": stopped is not None, "pid": stopped.pid if stopped else None})
    elif stopped is None:
        run.screen.say("no Prefect server of `qlf up` runs here")
    else:
        run.screen.say(f"Prefect server stopped (process {stopped.pid})", "good")
    return 0
