"""`qlf schema`: print the JSON Schema of the spec."""

from __future__ import annotations

import click

from qlf.cli.group import Command, run_of

__all__ = ["schema"]


@click.command("schema", cls=Command)
@click.pass_context
def schema(context: click.Context) -> int:
    """Print the JSON Schema of the spec.

    Editors check and complete app.yaml with it.
    """
    from qlf.core.spec import spec_schema

    run_of(context).screen.document(spec_schema())
    return 0
