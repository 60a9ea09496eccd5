"""`qlf generate`: make an application from a brief or a spec.

A run that was seen before takes the first exit: standard library only, no pydantic, no Prefect.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from qlf.cli.group import Command, run_of
from qlf.cli.options import check_overlays, source_options
from qlf.cli.questions import answered, answers_option
from qlf.errors import ProviderError

if TYPE_CHECKING:
    from qlf.cli.run import Run
    from qlf.engine.context import EngineContext
    from qlf.engine.request import GenerateRequest
    from qlf.settings import PrefectApi

__all__ = ["generate"]


@click.command("generate", cls=Command)
@source_options
@answers_option
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="Folder of the application; ./NAME without it."
)
@click.option(
    "--engine",
    type=click.Choice(["template", "llm"]),
    default="template",
    show_default=True,
    help="Who writes the code.",
)
@click.option("--model", help="With --engine llm: a tier (fast, balanced, advanced), a model or an alias.")
@click.option(
    "--verify",
    type=click.Choice(["none", "static", "full"]),
    default="static",
    show_default=True,
    help="static reads the code, in seconds; full also installs, tests, boots and calls the application.",
)
@click.option("--dry-run", is_flag=True, help="Show spec, plan, files and cost, and write nothing.")
@click.option("--inline", is_flag=True, help="Run without Prefect even where it is configured.")
@click.option(
    "--deploy", "target", type=click.Choice(["local"]), help="Start the application when it is made."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def generate(
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
    engine: str,
    model: str | None,
    verify: str,
    dry_run: bool,
    inline: bool,
    target: str | None,
    as_json: bool,
) -> int:
    """Make an application from a brief or a spec.

    BRIEF is the brief itself in quotes, FILE a file with a brief (.md, .txt) or a spec (.yaml), and - reads
    standard input. The folder of the application is printed on standard output.
    """
    from qlf.cli.api import choose_api
    from qlf.cli.source import read_source
    from qlf.engine.request import GenerateRequest

    run = run_of(context)
    if model is not None and engine != "llm":
        raise click.UsageError("--model is for --engine llm; the template engine asks no model", context)
    if engine == "llm" and not dry_run:
        raise ProviderError(
            "the agents of the llm engine are not part of this version of qlf",
            hint="leave --engine out to make the application now, or add --dry-run to see what it would cost",
        )
    if dry_run and target:
        raise click.UsageError("--dry-run writes nothing, so there is nothing for --deploy to start", context)
    source = answered(
        read_source(brief), answers_file, run.screen, as_json=as_json, name=name, detect=not no_detect
    )
    request = GenerateRequest(
        source=source.text,
        source_kind=source.kind,
        overlays=overlays,
        detect=not no_detect,
        verify=verify,  # type: ignore[arg-type]  # click let only these three through
        port=port,
        seed=seed,
        name=name,
    )
    if dry_run:
        from qlf.cli.preview import preview

        preview(run, request, model=(model or "balanced") if engine == "llm" else None, as_json=as_json)
        return 0
    api = choose_api(run.settings, run.screen, inline=inline)
    run.screen.say("engine: template, which asks no model")
    document = _seen(run, request, output, api) or _work(run, request, output, api)
    return _report(run, document, target, as_json=as_json)


def _seen(
    run: Run, request: GenerateRequest, output: Path | None, api: PrefectApi | None
) -> dict[str, Any] | None:
    from qlf.engine.seen import lookup, replay

    seen = lookup(request, run.settings.cache_dir, run.settings.sandbox)
    if seen is None:
        return None
    done = replay(
        seen,
        _target(output, seen.spec["app"]["name"]),
        prefect_api_url=api.url if api else None,
        prefect_headers=api.headers if api else None,
        prefect_ui_url=api.ui if api else None,
    )
    run.screen.say("seen before: the same brief, options and engine; the kept result was written")
    if done.record_problem:
        run.screen.warn(done.record_problem)
    document: dict[str, Any] = done.result
    return document


def _work(run: Run, request: GenerateRequest, output: Path | None, api: PrefectApi | None) -> dict[str, Any]:
    from qlf.cli.api import require_answer
    from qlf.cli.collector import relax_collector
    from qlf.cli.progress import progress
    from qlf.engine.context import EngineContext
    from qlf.engine.output import check_target
    from qlf.settings import mesh_context

    relax_collector()
    check_overlays(request.overlays)
    settings, screen = run.settings, run.screen
    if output is not None:
        check_target(output)
    if api is not None:
        api = require_answer(api, screen)
    if output is None:
        from qlf.engine.generate import plan_spec

        spec, _ = plan_spec(request, EngineContext(home=settings.cache_dir))
        output = _target(None, spec.app.name)
        check_target(output)
    context = EngineContext(
        home=settings.cache_dir,
        mesh=mesh_context(settings),
        policy=settings.sandbox,
        workers=settings.threads,
    )
    with progress(screen, context.plan_titles(request)) as show:
        context.on_event = show
        if api is not None:
            return _with_prefect(run, request, output, api, context)
        from qlf.engine.generate import generate

        result = generate(request, output, context)
    for note in result.notes:
        screen.warn(note)
    return result.to_json()


def _with_prefect(
    run: Run, request: GenerateRequest, output: Path, api: PrefectApi, context: EngineContext
) -> dict[str, Any]:
    from qlf.settings import export_prefect

    export_prefect(api, console=run.debug)
    run.screen.detail("loading Prefect")
    from flows.generate import GenerateParameters, run_here

    parameters = GenerateParameters(**request.to_json(), output=str(output.absolute()))
    return run_here(parameters, context=context)


def _target(output: Path | None, name: str) -> Path:
    return output if output is not None else Path(name)


def _report(run: Run, document: dict[str, Any], target: str | None, *, as_json: bool) -> int:
    from qlf.cli.gates import failed, show_gates
    from qlf.cli.history import note

    screen = run.screen
    note(run.settings, document)
    gates = document["gates"]
    show_gates(screen, gates)
    broken = failed(gates)
    folder = document["output"]
    if document.get("run_url"):
        screen.say(f"run: {document['run_url']}")
    for gap in document.get("not_built", ()):
        screen.say(f"asked for and not built: {gap['name']}: {gap['text']}", "warn")
    questions = document.get("questions") or []
    if questions:
        count = f"{len(questions)} assumption{'s' if len(questions) > 1 else ''}"
        screen.say(f"{count} where the brief left something open: `questions` in app.yaml")
    missing = document.get("not_built") or []
    for gap in missing:
        screen.say(f"not built: {gap['name']} ({gap['text']})", "warn")
    facts = f"{document['seconds']:.2f} s, tree {document['digest'][:12]}"
    screen.say(f"{document['files']} files in {folder} ({facts})", "bad" if broken else "good")
    if target and not broken:
        from qlf.cli.deploy import start_here

        document = {**document, "deploy": start_here(run, Path(folder))}
    elif not broken:
        screen.say(f"start it: qlf deploy {_quoted(folder)} --target local")
    if as_json:
        screen.document(document)
    else:
        screen.result(folder)
    if broken:
        screen.fail(
            f"the application was written, but {_gates(broken)} failed",
            "the findings above say what is wrong; --json holds all of them",
        )
        return 4
    return 0


def _gates(names: list[str]) -> str:
    return f"the gate{'s' if len(names) > 1 else ''} {', '.join(names)}"


def _quoted(folder: str) -> str:
    from shlex import quote

    return quote(folder)
