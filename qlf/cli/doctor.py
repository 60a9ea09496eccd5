"""`qlf doctor`: what this machine has, and what a missing part costs."""

from __future__ import annotations

import click

from qlf.cli.group import Command, run_of

__all__ = ["doctor"]


@click.command("doctor", cls=Command)
@click.option("--online", is_flag=True, help="Also ask the package index for one package.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def doctor(context: click.Context, *, online: bool, as_json: bool) -> int:
    """Show what this machine has, and what a missing part costs.

    The exit code is 0 unless something is missing without which no application can be made.
    """
    from qlf.cli.checks import examine

    run = run_of(context)
    checks = examine(run.settings, online=online)
    broken = [check for check in checks if check.essential and check.state == "missing"]
    if as_json:
        run.screen.document({"ok": not broken, "checks": [check.to_json() for check in checks]})
    else:
        rows = [[check.name, check.state, check.text] for check in checks]
        styles = {"ok": "good", "limited": "warn", "missing": "warn"}
        run.screen.table(["part", "state", "found"], rows, styles=styles, result=True)  # type: ignore[arg-type]
    if broken:
        names = ", ".join(check.name for check in broken)
        run.screen.fail(f"without {names} no application can be made", "see the table for what to do")
        return 7
    return 0
