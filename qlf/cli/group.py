"""The root command. Sub-commands are imported when they are called, so that `qlf --help` is instant."""

from __future__ import annotations

import importlib
from typing import Any

import click

from qlf import __version__
from qlf.cli.run import Run

__all__ = ["COMMANDS", "ROOT", "Command", "Group", "run_of"]

COMMANDS: dict[str, str] = {
    "generate": "Make an application from a brief or a spec.",
    "plan": "Show the spec that a brief turns into, and write nothing else.",
    "verify": "Run the verification mesh on a generated application.",
    "deploy": "Start a generated application, and look after what runs.",
    "up": "Start a local Prefect server, so that runs can be seen.",
    "down": "Stop the local Prefect server.",
    "status": "Show what runs here, and the latest generations.",
    "doctor": "Show what this machine has, and what a missing part costs.",
    "providers": "Show the models that are configured, and check that they answer.",
    "keys": "Keep the keys of model providers: add, list, rotate, revoke.",
    "budget": "Show or set what may be spent on models.",
    "audit": "Read, check and report the record of every call to a model.",
    "cache": "Show or clear the results kept from earlier runs.",
    "schema": "Print the JSON Schema of the spec.",
    "completion": "Print the completion script of a shell.",
}
"""Names and summaries in the order of `--help`. Each is the object of its name in the module of its name."""


def run_of(context: click.Context) -> Run:
    """The state of this run."""
    return context.ensure_object(Run)


class Command(click.Command):
    """A command that also takes the options every command takes."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.params += _common()


class Group(click.Group):
    """A command with sub-commands that also takes the options every command takes."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.params += _common()


class _Root(Group):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - the signature is click's
        return list(COMMANDS)

    def get_command(
        self,
        ctx: click.Context,  # noqa: ARG002 - the signature is click's
        cmd_name: str,
    ) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(importlib.import_module(f"qlf.cli.{cmd_name}"), cmd_name)
        return command

    def format_commands(
        self,
        ctx: click.Context,  # noqa: ARG002 - the signature is click's
        formatter: click.HelpFormatter,
    ) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            import difflib

            close = difflib.get_close_matches(name, COMMANDS, n=1)
            hint = f"; did you mean `qlf {close[0]}`?" if close else ""
            raise click.UsageError(f"there is no command {name!r}{hint}", ctx)
        return super().resolve_command(ctx, args)


def _common() -> list[click.Parameter]:
    return [
        _flag("-q", "--quiet", help_text="Only warnings and errors."),
        _flag("-v", "--verbose", help_text="Say more."),
        _flag("--debug", help_text="Show the traceback of an error."),
    ]


def _flag(*names: str, help_text: str) -> click.Option:
    # Eager, so that an error in another option is already shown as these say.
    return click.Option(
        names, is_flag=True, is_eager=True, expose_value=False, callback=_remember, help=help_text
    )


def _remember(context: click.Context, parameter: click.Parameter, value: object) -> None:
    if value:
        setattr(run_of(context), str(parameter.name), True)


def _version(context: click.Context, _parameter: click.Parameter, value: object) -> None:
    if value:
        click.echo(f"qlf {__version__}")
        context.exit()


ROOT = _Root(
    "qlf",
    help="From a brief in plain words to an application that is proven to run.",
    epilog='Start with: qlf generate "a list of books with title and author"',
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
    no_args_is_help=True,
    params=[
        click.Option(
            ["--version"],
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=_version,
            help="Show the version.",
        ),
    ],
)
