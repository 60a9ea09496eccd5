"""What `qlf generate --dry-run` shows: the spec, the steps and the files, with nothing written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qlf.cli.run import Run
    from qlf.core.tree import Tree
    from qlf.engine.request import GenerateRequest
    from qlf.llm.estimate import RunEstimate

__all__ = ["preview"]


def preview(run: Run, request: GenerateRequest, *, model: str | None, as_json: bool) -> None:
    """Make the application in memory, without running any gate, and print what would be written.

    Args:
        run: The run.
        request: What was asked for.
        model: The model of the llm engine, whose cost is shown; without one no model would be asked.
        as_json: Whether one JSON document is printed.
    """
    from dataclasses import replace

    from qlf.blueprint.gaps import gaps
    from qlf.cli.options import check_overlays
    from qlf.cli.progress import progress
    from qlf.core.spec import dump_spec
    from qlf.engine.context import EngineContext
    from qlf.engine.generate import generate, plan_spec

    check_overlays(request.overlays)
    settings, screen = run.settings, run.screen
    if model is not None:
        # A model that is not there is said now, not after the work.
        _known(run, model)
    spec, _ = plan_spec(request, EngineContext(home=settings.cache_dir))
    context = EngineContext(home=settings.cache_dir, workers=settings.threads)
    steps = context.plan_titles(request)
    unjudged = replace(request, verify="none")
    with progress(screen, context.plan_titles(unjudged)) as show:
        context.on_event = show
        result = generate(unjudged, None, context)
    files = {path: len(file.data) for path, file in result.tree.items()}
    estimate = _estimate(run, result.tree, len(dump_spec(spec)), model) if model is not None else None
    missing = gaps(spec)
    for gap in missing:
        screen.say(f"asked for and not built: {gap.name}: {gap.text}", "warn")
    if as_json:
        screen.document(
            {
                "dry_run": True,
                "engine": request.engine if estimate is None else "llm",
                "spec": spec.model_dump(mode="json", by_alias=True),
                "plan": [{"step": step, "title": title} for step, title in steps],
                "not_built": [gap.to_json() for gap in missing],
                "files": len(files),
                "paths": [{"path": path, "bytes": size} for path, size in files.items()],
                "digest": result.tree.digest,
                "estimate": _document(estimate),
            }
        )
        return
    # Still one valid spec in YAML: what follows it is comments.
    lines = [dump_spec(spec).rstrip(), "", "# The steps:"]
    lines += [f"#   {title}" for _, title in steps]
    lines += ["", f"# The {len(files)} files, with their sizes in bytes:"]
    lines += [f"# {size:>9,}  {path}" for path, size in files.items()]
    lines += ["", *_costs(estimate)]
    screen.result("\n".join(lines))
    screen.say(f"dry run: {len(files)} files would be written, nothing was", "good")


def _known(run: Run, model: str) -> None:
    from datetime import UTC, datetime

    from qlf.cli.places import places_of
    from qlf.engine.gateway import read_config
    from qlf.llm.catalogue import resolve

    found = resolve(model, read_config(places_of(run)), datetime.now(tz=UTC).date())
    if found.notice:
        run.screen.say(found.notice, "warn")


def _estimate(run: Run, tree: Tree, spec_bytes: int, model: str) -> RunEstimate:
    from datetime import UTC, datetime

    from qlf.cli.places import places_of
    from qlf.engine.estimate import estimate_run
    from qlf.engine.gateway import read_config

    config = read_config(places_of(run))
    return estimate_run(tree, spec_bytes, config, model, datetime.now(tz=UTC).date())


def _document(estimate: RunEstimate | None) -> dict[str, Any]:
    if estimate is None:
        return {"min_micros": 0, "expected_micros": 0, "max_micros": 0, "agents": []}
    return {
        "min_micros": estimate.min_micros,
        "expected_micros": estimate.expected_micros,
        "max_micros": estimate.max_micros,
        "prices": estimate.price_table,
        "agents": [
            {
                "agent": one.agent,
                "model": one.model,
                "min_micros": one.min_micros,
                "expected_micros": one.expected_micros,
                "max_micros": one.max_micros,
            }
            for one in estimate.agents
        ],
    }


def _costs(estimate: RunEstimate | None) -> list[str]:
    if estimate is None:
        return ["# The cost: nothing, because the template engine asks no model."]
    return [
        "# The cost in US dollars: expected, and at most:",
        *(
            f"# {_usd(one.expected_micros)} {_usd(one.max_micros)}  {one.agent} ({one.model})"
            for one in estimate.agents
        ),
        f"# {_usd(estimate.expected_micros)} {_usd(estimate.max_micros)}  all of it",
    ]


def _usd(micros: int) -> str:
    cents = -(-micros // 10_000)
    return f"{f'${cents // 100:,}.{cents % 100:02d}':>9}"
