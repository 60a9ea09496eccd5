"""What `qlf generate --dry-run` shows: the spec, the steps and the files, with nothing written."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qlf.cli.run import Run
    from qlf.engine.request import GenerateRequest

__all__ = ["preview"]


def preview(run: Run, request: GenerateRequest, *, as_json: bool) -> None:
    """Make the application in memory, without running any gate, and print what would be written."""
    from dataclasses import replace

    from qlf.blueprint.gaps import gaps
    from qlf.cli.options import check_overlays
    from qlf.cli.progress import progress
    from qlf.core.spec import dump_spec
    from qlf.engine.context import EngineContext
    from qlf.engine.generate import generate, plan_spec

    check_overlays(request.overlays)
    settings, screen = run.settings, run.screen
    spec, _ = plan_spec(request, EngineContext(home=settings.cache_dir))
    context = EngineContext(home=settings.cache_dir, workers=settings.threads)
    steps = context.plan_titles(request)
    unjudged = replace(request, verify="none")
    with progress(screen, context.plan_titles(unjudged)) as show:
        context.on_event = show
        result = generate(unjudged, None, context)
    files = {path: len(file.data) for path, file in result.tree.items()}
    missing = gaps(spec)
    for gap in missing:
        screen.say(f"asked for and not built: {gap.name}: {gap.text}", "warn")
    if as_json:
        screen.document(
            {
                "dry_run": True,
                "engine": request.engine,
                "spec": spec.model_dump(mode="json", by_alias=True),
                "plan": [{"step": step, "title": title} for step, title in steps],
                "not_built": [gap.to_json() for gap in missing],
                "files": len(files),
                "paths": [{"path": path, "bytes": size} for path, size in files.items()],
                "digest": result.tree.digest,
            }
        )
        return
    # Still one valid spec in YAML: what follows it is comments.
    lines = [dump_spec(spec).rstrip(), "", "# The steps:"]
    lines += [f"#   {title}" for _, title in steps]
    lines += ["", f"# The {len(files)} files, with their sizes in bytes:"]
    lines += [f"# {size:>9,}  {path}" for path, size in files.items()]
    screen.result("\n".join(lines))
    screen.say(f"dry run: {len(files)} files would be written, nothing was", "good")
