"""`qlf cache`: what is kept from earlier runs, and how to be rid of it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click

from qlf.cli.cache_warm import warm
from qlf.cli.group import Command, Group, run_of

__all__ = ["Size", "cache", "human"]

_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "ki": 2**10, "mi": 2**20, "gi": 2**30}


class Size(click.ParamType[int]):
    """A number of bytes: 500M, 2GiB, 0."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        match = re.fullmatch(r"(\d{1,15})\s*([kmg]i?)?b?", str(value).strip().lower())
        if match is None:
            self.fail(f"{value!r} is no size; use bytes or a number such as 500M or 2GiB", param, ctx)
        return int(match[1]) * _UNITS[match[2] or ""]


@click.group("cache", cls=Group)
def cache() -> None:
    """Show or clear the results kept from earlier runs.

    Nothing in the cache is needed: without it the next run takes longer and gives the same bytes.
    """


@cache.command("stats", cls=Command)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def stats(context: click.Context, *, as_json: bool) -> int:
    """Show how much is kept, where, and how often it was of use."""
    from qlf.cli.cache_answers import answers_document, show_answers
    from qlf.engine.store import Store

    run = run_of(context)
    home = run.settings.cache_dir
    kept = Store(home / "store").stats()
    answers = answers_document(run)
    other = max(0, _size(home) - kept.size - answers["bytes"])
    if as_json:
        run.screen.document(
            {
                "path": str(home),
                "results": kept.values,
                "trees": kept.trees,
                "bytes": kept.size,
                "other_bytes": other,
                "answers": answers,
            }
        )
        return 0
    run.screen.table(
        ["what", "entries", "size"],
        [
            ["step results", str(kept.values), ""],
            ["file trees", str(kept.trees), ""],
            ["both together", str(kept.values + kept.trees), human(kept.size)],
            ["model answers", str(answers["entries"]), human(answers["bytes"])],
            ["environments and the rest", "", human(other)],
        ],
        right=(1, 2),
        result=True,
    )
    show_answers(run, answers)
    run.screen.say(f"in {home}")
    return 0


@cache.command("clear", cls=Command)
@click.option("--all", "everything", is_flag=True, help="Also the package environments of applications.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def clear(context: click.Context, *, everything: bool, as_json: bool) -> int:
    """Remove every kept result and every kept answer of a model."""
    from qlf.cli.cache_answers import clear_answers
    from qlf.engine.store import Store

    run = run_of(context)
    home = run.settings.cache_dir
    freed = Store(home / "store").clear()
    before = _size(home / "answers")
    clear_answers(run)
    freed += max(0, before - _size(home / "answers"))
    if everything:
        freed += _remove_rest(home)
    return _freed(context, freed, as_json=as_json)


@cache.command("prune", cls=Command)
@click.option(
    "--max-size",
    type=Size(),
    default="500M",
    show_default=True,
    help="Keep at most this much of step results, the latest used first.",
)
@click.option("--max-answers", type=Size(), help="Keep at most this much of model answers; as configured.")
@click.option(
    "--max-age",
    type=click.IntRange(0, 36_500),
    metavar="DAYS",
    help="Remove model answers that are older; as configured.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def prune(
    context: click.Context, *, max_size: int, max_answers: int | None, max_age: int | None, as_json: bool
) -> int:
    """Remove the results that were not used for longest, and old answers of models."""
    from qlf.cli.cache_answers import prune_answers
    from qlf.engine.store import Store

    run = run_of(context)
    home = run.settings.cache_dir
    freed = Store(home / "store").prune(max_size)
    before = _size(home / "answers")
    prune_answers(run, max_answers, max_age)
    freed += max(0, before - _size(home / "answers"))
    return _freed(context, freed, as_json=as_json)


cache.add_command(warm)


def human(size: int) -> str:
    """A number of bytes for a person: `1.5 MB`."""
    amount = float(size)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000 or unit == "GB":
            break
        amount /= 1000
    return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"


def _freed(context: click.Context, freed: int, *, as_json: bool) -> int:
    screen = run_of(context).screen
    if as_json:
        screen.document({"freed_bytes": freed})
    else:
        screen.say(f"{human(freed)} freed", "good")
    return 0


def _size(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        try:
            found = path.lstat()
        except OSError:
            # Another run may remove what this one just saw.
            continue
        total += found.st_size if path.is_file() and not path.is_symlink() else 0
    return total


def _remove_rest(home: Path) -> int:
    import shutil

    before = _size(home)
    for path in home.iterdir() if home.is_dir() else ():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    return before - _size(home)
