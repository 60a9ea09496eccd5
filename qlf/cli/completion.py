"""`qlf completion`: print the completion script of a shell."""

from __future__ import annotations

import click

from qlf.cli.group import ROOT, Command, run_of

__all__ = ["completion"]


@click.command("completion", cls=Command)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, *, shell: str) -> int:
    """Print the completion script of a shell.

    For bash: qlf completion bash > ~/.local/share/bash-completion/completions/qlf
    """
    from click.shell_completion import get_completion_class

    script = get_completion_class(shell)
    if script is None:
        raise click.UsageError(f"there is no completion for {shell}", context)
    run_of(context).screen.result(script(ROOT, {}, "qlf", "_QLF_COMPLETE").source())
    return 0
