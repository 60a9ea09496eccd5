"""Live progress of a run: a moving display on a terminal, one line for each finished step elsewhere."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from qlf.cli.screen import Screen, one_line, visible

__all__ = ["Step", "progress"]

_DETAIL = 120
"""Characters of a step's own words; the error at the end says all of it."""


class Step(Protocol):
    """What an event of the engine or of the mesh says."""

    @property
    def kind(self) -> str: ...

    @property
    def node(self) -> str: ...

    @property
    def title(self) -> str: ...

    @property
    def milliseconds(self) -> int: ...

    @property
    def detail(self) -> str: ...


@contextlib.contextmanager
def progress(screen: Screen, steps: Sequence[tuple[str, str]]) -> Iterator[Callable[[Step], None]]:
    """Show how far the run is while the block lasts; what it gives takes the events.

    Args:
        screen: Where it is shown.
        steps: Identifier and title of every step, in order.
    """
    if not screen.live:
        yield _plain(screen, dict(steps))
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
    )

    running: dict[str, str] = {}
    bar = Progress(
        SpinnerColumn(),
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
        console=Console(stderr=True, highlight=False),
        transient=True,
    )
    with bar:
        task = bar.add_task("", total=len(steps))

        def show(event: Step) -> None:
            if event.kind == "started":
                running[event.node] = event.title
            else:
                running.pop(event.node, None)
                bar.advance(task)
                if screen.verbose or event.kind == "failed":
                    bar.console.print(escape(_sentence(event)))
            bar.update(task, description=escape(visible(", ".join(running.values()))[:36]))

        yield show


def _plain(screen: Screen, titles: dict[str, str]) -> Callable[[Step], None]:
    width = max((len(title) for title in titles.values()), default=0)

    def show(event: Step) -> None:
        if event.kind != "started":
            screen.say(_sentence(event, width))

    return show


def _sentence(event: Step, width: int = 0) -> str:
    words = {"finished": f"{event.milliseconds / 1000:7.2f} s", "cached": "  cached", "failed": "  failed"}
    detail = one_line(event.detail)
    detail = f"{detail[:_DETAIL]}…" if len(detail) > _DETAIL else detail
    line = f"  {event.title:<{width}}  {words.get(event.kind, event.kind):<9}  {detail}"
    return visible(line.rstrip())
