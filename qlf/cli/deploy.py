"""`qlf deploy`: start a generated application, and look after what runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from qlf.cli.group import Command, Group, run_of

if TYPE_CHECKING:
    from qlf.cli.run import Run

__all__ = ["deploy", "start_here"]

_START = "start"


class _Deploy(Group):
    """A group whose first word may also be the folder to start: `qlf deploy DIR --target local`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        words = [arg for arg in args if not arg.startswith("-")]
        asks_help = args in (["--help"], ["-h"])
        if args and not asks_help and (not words or words[0] not in self.commands):
            args = [_START, *args]
        return super().parse_args(ctx, args)

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write_usage(ctx.command_path, "DIR --target local [--json]")
        formatter.write_usage(ctx.command_path, "status|logs|stop ...", prefix="       ")


@click.group("deploy", cls=_Deploy)
def deploy() -> None:
    """Start a generated application, and look after what runs.

    A folder that is itself called status, logs or stop is named ./status, ./logs or ./stop.
    """


@deploy.command(_START, cls=Command, short_help="Start the application in DIR; the word may be left out.")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--target",
    type=click.Choice(["local"]),
    default="local",
    show_default=True,
    expose_value=False,
    help="Where it runs.",
)
@click.option("--port", type=click.IntRange(1, 65_535), help="Its port on 127.0.0.1; a free one without it.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def start(context: click.Context, *, folder: Path, port: int | None, as_json: bool) -> int:
    """Start the application in DIR with its embedded database (the word `start` may be left out).

    The command returns when the application is ready; its address is printed on standard output.
    """
    run = run_of(context)
    document = start_here(run, folder, port=port)
    if as_json:
        run.screen.document(document)
    else:
        run.screen.result(document["url"])
    return 0


@deploy.command("status", cls=Command)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def status(context: click.Context, *, as_json: bool) -> int:
    """Show the applications that were started here."""
    from qlf.deploy import list_local

    run = run_of(context)
    found = [one.to_json() for one in list_local(run.settings.state_dir)]
    if as_json:
        run.screen.document({"deployments": found})
    elif found:
        rows = [[one["name"], one["status"], one["url"], str(one["pid"]), one["source"]] for one in found]
        run.screen.table(["name", "state", "address", "pid", "folder"], rows, right=(3,), result=True)
    else:
        run.screen.say("no application was started here")
    return 0


@deploy.command("logs", cls=Command)
@click.argument("name", metavar="NAME")
@click.option(
    "-n", "--lines", type=click.IntRange(1, 100_000), default=100, show_default=True, help="Latest lines."
)
@click.pass_context
def logs(context: click.Context, *, name: str, lines: int) -> int:
    """Print the latest log lines of an application."""
    from qlf.cli.screen import visible
    from qlf.deploy import logs_local

    run = run_of(context)
    text = logs_local(name, state_dir=run.settings.state_dir, lines=lines)
    run.screen.result("".join(f"{visible(line)}\n" for line in text.splitlines()))
    return 0


@deploy.command("stop", cls=Command)
@click.argument("name", metavar="[NAME]", required=False)
@click.option("--all", "everything", is_flag=True, help="Stop every application that was started here.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def stop(context: click.Context, *, name: str | None, everything: bool, as_json: bool) -> int:
    """Stop an application by its name, or all of them."""
    from qlf.deploy import list_local, stop_local

    run = run_of(context)
    if (name is None) == (not everything):
        raise click.UsageError("give the name of one application or --all", context)
    folder = run.settings.state_dir
    asked = [one.name for one in list_local(folder)] if name is None else [name]
    names = []
    for one in asked:
        if stop_local(one, state_dir=folder):
            names.append(one)
            run.screen.say(f"stopped {one}", "good")
    if as_json:
        run.screen.document({"stopped": names})
    elif not names:
        run.screen.say("nothing ran, so nothing was stopped")
    return 0


def start_here(run: Run, folder: Path, *, port: int | None = None) -> dict[str, Any]:
    """Start the application in `folder`, say how to stop it, and return the document of `deploy --json`."""
    from qlf.deploy import start_local
    from qlf.settings import mesh_context

    settings, screen = run.settings, run.screen
    screen.say(f"starting the application in {folder}; the first time its packages are installed")
    mesh = mesh_context(settings)
    deployment = start_local(
        folder,
        state_dir=settings.state_dir,
        cache_dir=settings.cache_dir,
        uv=mesh.uv,
        tools=mesh.tools,
        policy=mesh.policy,
        port=port,
    )
    document: dict[str, Any] = deployment.to_json()
    screen.say(f"{deployment.name} is ready at {deployment.url}", "good")
    if deployment.admin_hint:
        screen.say(deployment.admin_hint)
    screen.say(f"stop it: {deployment.stop}")
    return document
