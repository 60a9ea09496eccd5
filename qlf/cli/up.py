"""`qlf up`: start a local Prefect server, so that runs can be seen."""

from __future__ import annotations

import click

from qlf.cli.group import Command, run_of

__all__ = ["up"]


@click.command("up", cls=Command)
@click.option("--port", type=click.IntRange(1, 65_535), help="Its port; without it 4200, or a free one.")
@click.option(
    "--no-password",
    is_flag=True,
    help="Let every program and user of this machine use the API: only where all may read every run.",
)
@click.option(
    "--timeout", type=click.IntRange(1, 3_600), default=120, show_default=True, help="Seconds to wait for it."
)
@click.option(
    "--env",
    "show_env",
    is_flag=True,
    help="Print shell lines that point the `prefect` command at it, password included.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def up(
    context: click.Context,
    *,
    port: int | None,
    no_password: bool,
    timeout: int,
    show_env: bool,
    as_json: bool,
) -> int:
    """Start a local Prefect server, so that runs can be seen.

    It listens on 127.0.0.1 only, keeps its database between starts, and runs until `qlf down`. A server
    that runs already is left alone.
    """
    from qlf.cli.server.control import DEFAULT_PORT, start
    from qlf.cli.server.state import folder, load_secrets

    run = run_of(context)
    settings, screen = run.settings, run.screen
    told: list[float] = []

    def tick(seconds: float, new_database: object) -> None:
        if told and seconds - told[-1] < 10:
            return
        if told:
            screen.say(f"still starting, {seconds:.0f} s")
        else:
            why = "makes its database, up to 30 s" if new_database else "up to 10 s"
            screen.say(f"starting the Prefect server ({why})")
        told.append(seconds)

    started = start(settings, port=port, protected=not no_password, timeout=timeout, tick=tick)
    server = started.server
    if started.new and port is None and server.port != DEFAULT_PORT:
        screen.say(f"port {DEFAULT_PORT} is taken by another program; the server is at {server.port}")
    password_file = folder(settings) / "secrets.json"
    if as_json:
        screen.document(
            {
                "state": "started" if started.new else "running",
                "url": server.url,
                "ui": server.ui,
                "pid": server.pid,
                "port": server.port,
                "password_file": str(password_file) if server.protected else None,
                "log": str(folder(settings) / "server.log"),
                "seconds": round(started.seconds, 3),
            }
        )
        return 0
    if show_env:
        kept = load_secrets(settings)
        screen.result(f"export PREFECT_API_URL={server.url}")
        if server.protected and kept is not None:
            screen.result(f"export PREFECT_API_AUTH_STRING={kept.auth}")
        return 0
    screen.say(
        f"Prefect server {'started' if started.new else 'runs already'}; stop it with: qlf down", "good"
    )
    if server.protected:
        screen.say(f'the browser asks once for a password: it is the value of "auth" in {password_file}')
        screen.say('for the `prefect` command: eval "$(qlf up --env)"')
    screen.result(server.ui)
    return 0
