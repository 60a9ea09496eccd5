"""`qlf verify`: run the verification mesh on a generated application."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from qlf.cli.group import Command, run_of
from qlf.errors import OutputError

if TYPE_CHECKING:
    from qlf.engine.verify import VerifyReport

__all__ = ["verify"]


@click.command("verify", cls=Command)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--gate", "gates", multiple=True, metavar="NAME", help="Only this gate; may be given several times."
)
@click.option("--sarif", type=click.Path(path_type=Path), help="Also write the findings as SARIF 2.1.0.")
@click.option("--junit", type=click.Path(path_type=Path), help="Also write the gates as JUnit XML.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def verify(
    context: click.Context,
    *,
    folder: Path,
    gates: tuple[str, ...],
    sarif: Path | None,
    junit: Path | None,
    as_json: bool,
) -> int:
    """Run the verification mesh on a generated application.

    The verdict is printed on standard output: passed, failed, or incomplete when a gate could not run.
    The exit code is 0 only for passed. Nothing in the folder is changed, and nothing is cached.
    """
    from qlf.cli.gates import failed, show_gates
    from qlf.cli.progress import progress
    from qlf.engine.parts import default_parts
    from qlf.engine.verify import verify_folder
    from qlf.settings import mesh_context

    run = run_of(context)
    settings, screen = run.settings, run.screen
    known = default_parts().gates
    with progress(screen, [(f"gate:{name}", f"gate: {name}") for name in gates or known]) as show:
        report = verify_folder(folder, mesh_context(settings), gates or None, on_event=show)
    _write_reports(report, sarif, junit)
    document = report.to_json()
    show_gates(screen, document["gates"])
    if report.edited:
        some = ", ".join(report.edited[:5])
        more = f" and {len(report.edited) - 5} more" if len(report.edited) > 5 else ""
        screen.say(f"differs from what qlf wrote: {some}{more}", "warn")
    broken = failed(document["gates"])
    idle = [gate["name"] for gate in document["gates"] if gate["status"] == "not-run"]
    verdict = "failed" if broken else "incomplete" if idle else "passed"
    if as_json:
        screen.document({"verdict": verdict, **document})
    else:
        screen.result(verdict)
    if broken:
        screen.fail(
            f"{', '.join(broken)} failed", "the findings above say what is wrong; --json holds all of them"
        )
    elif idle:
        screen.fail(
            f"{', '.join(idle)} could not run, so the application is not proven", "see the reasons above"
        )
    return 0 if verdict == "passed" else 4


def _write_reports(report: VerifyReport, sarif: Path | None, junit: Path | None) -> None:
    from qlf.mesh.report import to_junit, to_sarif

    for path, render in ((sarif, to_sarif), (junit, to_junit)):
        if path is None:
            continue
        try:
            path.write_text(render(report.results), encoding="utf-8")
        except OSError as error:
            raise OutputError(
                f"{str(path)!r} cannot be written: {error.strerror}",
                hint="give the name of a file in a writable folder",
            ) from error
