"""`qlf plan`: show the spec that a brief turns into."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from qlf.cli.group import Command, run_of
from qlf.cli.options import check_overlays, source_options
from qlf.cli.questions import answered, answers_option
from qlf.errors import OutputError

if TYPE_CHECKING:
    from qlf.core.spec import Spec

__all__ = ["plan"]


@click.command("plan", cls=Command)
@source_options
@answers_option
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="Write the spec to this file (.yaml, or .json)."
)
@click.option("--force", is_flag=True, help="Overwrite the file of -o although it says something else.")
@click.option("--explain", is_flag=True, help="Show where each part of the spec came from.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def plan(
    context: click.Context,
    *,
    brief: str,
    overlays: tuple[str, ...],
    no_detect: bool,
    name: str | None,
    port: int | None,
    seed: int,
    answers_file: Path | None,
    output: Path | None,
    force: bool,
    explain: bool,
    as_json: bool,
) -> int:
    """Show the spec that a brief turns into, and write nothing else.

    The spec is YAML, made to be edited: qlf plan BRIEF -o app.yaml, then qlf generate app.yaml.
    """
    from qlf.blueprint.gaps import gaps
    from qlf.cli.source import read_source
    from qlf.core.spec import dump_spec
    from qlf.engine.context import EngineContext
    from qlf.engine.generate import plan_spec
    from qlf.engine.request import GenerateRequest

    run = run_of(context)
    screen = run.screen
    source = answered(
        read_source(brief), answers_file, screen, as_json=as_json, name=name, detect=not no_detect
    )
    request = GenerateRequest(
        source=source.text,
        source_kind=source.kind,
        overlays=overlays,
        detect=not no_detect,
        verify="none",
        port=port,
        seed=seed,
        name=name,
    )
    check_overlays(overlays)
    spec, _ = plan_spec(request, EngineContext(home=run.settings.cache_dir))
    if output is not None:
        _write(output, _json(spec) if output.suffix.lower() == ".json" else dump_spec(spec), force=force)
        screen.say(f"spec written to {output}; next: qlf generate {output}", "good")
    if as_json:
        screen.result(_json(spec))
    elif explain:
        from qlf.cli.explain import explain_spec

        explain_spec(screen, spec)
    elif output is None:
        screen.result(dump_spec(spec))
    for gap in gaps(spec):
        screen.say(f"asked for and not built: {gap.name}: {gap.text}", "warn")
    if spec.questions and not explain:
        count = f"{len(spec.questions)} open question{'s' if len(spec.questions) > 1 else ''}"
        screen.say(f"{count}: see `questions` in the spec, or plan with --explain")
    return 0


def _json(spec: Spec) -> str:
    import json

    return json.dumps(spec.model_dump(mode="json", by_alias=True), indent=2, ensure_ascii=False) + "\n"


def _write(path: Path, text: str, *, force: bool) -> None:
    from qlf.engine.files import replace_file

    try:
        if path.is_dir():
            raise OutputError(
                f"{str(path)!r} is a folder", hint="give -o the name of a file, such as app.yaml"
            )
        if path.exists() and not force and path.read_bytes() != text.encode():
            raise OutputError(
                f"{str(path)!r} is there and says something else",
                hint="choose another name, or overwrite it with --force",
            )
        if not path.parent.is_dir():
            raise OutputError(f"there is no folder {str(path.parent)!r}", hint="make it first")
        replace_file(path, text.encode())
        path.chmod(0o644)
    except OutputError:
        raise
    except OSError as error:
        raise OutputError(
            f"{str(path)!r} cannot be written: {error.strerror}", hint="check its permissions"
        ) from error
